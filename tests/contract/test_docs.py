"""The pages tell the truth: links lead somewhere, commands and examples fit the code."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator

import pytest
from google.protobuf import json_format, message_factory

from atp_grpc.cli import program
from atp_grpc.config import document
from tests.contract.marked_pages import ROOT, Page, pages
from tests.contract.methods import METHODS

PAGES = pages()
README = Page(ROOT / "README.md")
FOLDERS = "atp_grpc|clients|deploy|protos|tests|tools|docs|native|demo|requirements"
REQUIRABLE = ("DATA", "NATIVE", "PROXIES", "TOOLS")
VARIABLES_OF_NO_SETTING = {"ATP_DATA", "ATP_RUSTSEC_DB", *(f"ATP_REQUIRE_{what}" for what in REQUIRABLE)}


def named(page: Page) -> str:
    return page.name


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_relative_link_leads_somewhere(page: Page) -> None:
    lost = []
    for link in page.links():
        target, _, anchor = link.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        path = (page.path.parent / target).resolve() if target else page.path
        if not path.exists() or (anchor and anchor not in Page(path).anchors()):
            lost.append(link)

    assert lost == []


def test_the_finder_of_links_finds_them() -> None:
    assert "docs/api.md" in README.links()
    assert "not-there-yet" in README.anchors()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_path_of_the_repository_that_a_page_names_exists(page: Page) -> None:
    paths = [span for span in page.spans() if re.fullmatch(rf"({FOLDERS})/[\w./-]+", span)]

    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_make_target_that_a_page_names_exists(page: Page) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named_targets = {
        word
        for command in (*page.commands(), *page.mentions())
        for word in arguments_of("make", command)
        if re.fullmatch(r"[a-z]+", word)
    }

    assert named_targets - targets == set()


def test_the_readme_names_the_two_commands() -> None:
    assert ["make", "demo"] in list(README.commands())
    assert ["make", "test"] in list(README.commands())


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_program_takes_every_atp_command_that_a_page_shows(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    shown = [words for command in page.commands() if (words := arguments_of("atp", command))]
    refused = [(words, complaint) for words in shown if (complaint := refusal_of(words, capsys))]

    assert refused == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_atp_command_that_a_page_mentions_is_one(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    mentioned = [words for span in page.mentions() if (words := arguments_of("atp", span)) and words[0] != "COMMAND"]
    refused = [(words, complaint) for words in mentioned if (complaint := refusal_of(words, capsys))]

    # A sentence may leave out the arguments that a command needs.
    assert [(words, complaint) for words, complaint in refused if " required" not in complaint] == []


def test_a_command_that_does_not_exist_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "invalid choice" in refusal_of(["fly"], capsys)
    assert "unrecognized arguments" in refusal_of(["route", "hello", "--faster"], capsys)
    assert refusal_of(["route", "hello"], capsys) == ""


def test_the_readme_shows_the_command_line() -> None:
    shown = {words[0] for command in README.commands() if (words := arguments_of("atp", command))}

    assert {"serve", "route", "plan", "observe", "health"} <= shown


def test_every_variable_that_a_page_names_is_a_setting() -> None:
    known = set(re.findall(r"ATP_[A-Z_]+[A-Z]", document())) | VARIABLES_OF_NO_SETTING
    named_variables = {name for page in PAGES for name in re.findall(r"\bATP_[A-Z_]+[A-Z]\b", page.text)}

    assert {"ATP_KEY", "ATP_DATA_DIR"} <= named_variables
    assert named_variables - known == set()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_python_examples_use_what_exists(page: Page) -> None:
    wrong = [complaint for block in page.blocks("python") for complaint in complaints_about(block)]

    assert wrong == []


def test_a_python_example_with_a_wrong_name_is_noticed() -> None:
    block = "from atp_grpc.client.messages import RouteRequest\nimport atp_grpc.nowhere\nRouteRequest(text='hello')\n"

    assert list(complaints_about(block)) == ["no module atp_grpc.nowhere", "RouteRequest has no text"]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_method_that_a_page_names_is_in_the_contract(page: Page) -> None:
    named_methods = set(re.findall(r"\batp\.[\w.]+\.v1\.\w+/\w+|\batp\.v1\.\w+/\w+", page.text))

    assert named_methods - METHODS.keys() == set()


def test_grpcurl_requests_of_the_readme_are_messages_of_their_methods() -> None:
    checked = 0
    for command in README.commands():
        if "-d" not in command:
            continue
        data, path = command[command.index("-d") + 1], command[-1].rstrip(")")
        request = message_factory.GetMessageClass(METHODS[path].input_type)()
        json_format.Parse(re.sub(r"\$\w+", "AAAA", data), request)
        checked += 1

    assert checked >= 2


def test_the_readme_has_a_place_for_the_results_of_the_demo() -> None:
    table = README.text.partition("<!-- demo-table -->")[2].partition("<!-- /demo-table -->")[0]

    assert table.strip()
    assert "docs/images/learning-curve.png" in README.links()


def arguments_of(program_name: str, command: list[str]) -> list[str]:
    """The arguments of a command, if it runs this program; variables may be set before it."""
    words = [*command]
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words.pop(0)
    return words[1:] if words and words[0].removeprefix(".venv/bin/") == program_name else []


def refusal_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What the program says against these arguments; empty when it takes them."""
    try:
        program._parser(words).parse_args(words)
    except SystemExit as end:
        said = capsys.readouterr().err.strip()
        return said.splitlines()[-1] if end.code else ""
    return ""


def complaints_about(block: str) -> Iterator[str]:
    """What an example imports and is not there, and which fields it sets that a message does not have."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = compile(block, "<example>", "exec", flags=flags)
    imported: dict[str, object] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _missing(node, imported)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            kind = imported.get(node.func.id) if isinstance(node.func, ast.Name) else None
            if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
                kind = getattr(imported.get(node.func.value.id), node.func.attr, None)
            fields = getattr(getattr(kind, "DESCRIPTOR", None), "fields_by_name", None)
            if fields is not None:
                name = ast.unparse(node.func)
                yield from (f"{name} has no {word.arg}" for word in node.keywords if word.arg not in fields)


def _missing(node: ast.Import | ast.ImportFrom, imported: dict[str, object]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            try:
                imported[alias.asname or alias.name] = importlib.import_module(alias.name)
            except ModuleNotFoundError:
                yield f"no module {alias.name}"
        return
    module = importlib.import_module(node.module or "")
    for alias in node.names:
        if not hasattr(module, alias.name):
            try:
                importlib.import_module(f"{node.module}.{alias.name}")
            except ModuleNotFoundError:
                yield f"{node.module} has no {alias.name}"
                continue
        imported[alias.asname or alias.name] = getattr(module, alias.name)
