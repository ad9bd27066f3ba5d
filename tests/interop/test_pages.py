"""The commands of the pages work: each is run as it stands there, and a transcript prints what the page shows."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.contract.marked_pages import Block, Page, pages
from tests.interop.page_runner import run, steps_of
from tests.interop.transcripts import agrees
from tools import peers

PAGES = [page for page in pages() if any(block.shows_commands for block in page.fences())]
RUNNABLE = [page for page in PAGES if steps_of(page)]
BUILT_BY_US = tuple(peers.PEERS.programs)
FOUND_ON_A_MACHINE = ("jq", "curl", "openssl")


def named(page: Page) -> str:
    return page.name


def missing_programs(page: Page) -> list[str]:
    """Programs that the page runs and that are neither built nor installed."""
    words = set(re.findall(r"[\w-]+", "\n".join(step.commands for step in steps_of(page))))
    absent = [name for name in BUILT_BY_US if name in words and not peers.program(name).is_file()]
    return absent + [name for name in FOUND_ON_A_MACHINE if name in words and shutil.which(name) is None]


@pytest.mark.timeout(150)
@pytest.mark.parametrize("page", RUNNABLE, ids=named)
def test_the_commands_of_a_page_run_and_print_what_it_shows(page: Page, tmp_path: Path) -> None:
    if missing := missing_programs(page):
        reason = f"{', '.join(missing)} not here; `make tools` builds what we bring"
        if os.environ.get("ATP_REQUIRE_TOOLS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)

    ran = run(page, tmp_path / "page")

    last, printed = ran.steps[-1]
    assert ran.status == 0, f"{page.name}, the block at line {last.block.line} ended with {ran.status}:\n{printed}"
    assert len(ran.steps) == len(steps_of(page))
    for step, printed in ran.steps:
        if step.shown is not None:
            assert agrees(step.shown, printed), (
                f"{page.name}: `{step.commands}` printed\n{printed}\n"
                f"`python -m tests.interop.write_transcripts {page.name}` writes it down"
            )


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_block_that_is_not_run_says_why_in_a_sentence(page: Page) -> None:
    reasons = [block.not_run for block in page.fences() if block.not_run]

    assert [reason for reason in reasons if len(reason.split()) < 3] == []


@pytest.mark.parametrize("page", pages(), ids=named)
def test_a_block_that_looks_like_commands_says_that_it_is_one(page: Page) -> None:
    programs = ("atp ", "make ", "grpcurl ", "ghz ", "python ", "pip ", "curl ", "export ", "docker ", "kubectl ")
    disguised = [
        f"line {block.line}: {line}"
        for block in page.fences()
        if not block.shows_commands and block.language == ""
        for line in block.body.splitlines()
        if line.startswith(programs)
    ]

    assert disguised == []


def test_the_readme_and_the_page_of_tools_are_among_the_pages_that_are_run() -> None:
    assert {"README.md", "docs/cli.md", "docs/tools.md"} <= {page.name for page in RUNNABLE}


def page_of(folder: Path, text: str) -> Page:
    path = folder / "page.md"
    path.write_text(text)
    return Page(path)


@pytest.mark.timeout(150)
def test_a_command_that_fails_ends_its_page_and_names_its_block(tmp_path: Path) -> None:
    page = page_of(tmp_path, "```sh\ntrue\n```\n\n```sh\natp fly\ntrue\n```\n\n```sh\ntouch never\n```\n")

    ran = run(page, tmp_path / "run")

    assert ran.status != 0
    assert [step.block.line for step, _ in ran.steps] == [1, 5]
    assert "invalid choice" in ran.steps[-1][1]
    assert not (tmp_path / "run/folder/never").exists()


def test_the_reason_above_a_block_belongs_to_that_block_alone(tmp_path: Path) -> None:
    text = "<!-- not run: it takes a cluster -->\n```sh\nmake demo\n```\n\n```sh\natp version\n```\n"
    page = page_of(tmp_path, text)

    assert [block.not_run for block in page.fences()] == ["it takes a cluster", ""]
    assert [step.commands for step in steps_of(page)] == ["atp version\n"]


def test_prompts_part_a_transcript_into_commands_and_what_they_print() -> None:
    block = Block("console", "$ one \\\n  two\nfirst\nsecond\n$ three\n", 1, "")

    assert list(block.prompted()) == [("one \\\n  two", "first\nsecond"), ("three", "")]


@pytest.mark.parametrize(
    ("shown", "printed", "is_same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\nb\n", "a\nc\n", False),
        ("a\n", "a\nb\n", False),
        ("", "", True),
        ("", "a\n", False),
        ("a\n...\nz\n", "a\nb\nc\nz\n", True),
        ("a\n...\nz\n", "a\nz\n", True),
        ("a\n...\n", "b\n", False),
        ('"at": "2026-01-01T00:00:00.5Z"', '"at": "2027-12-31T23:59:59Z"', True),
        ("took 1.5 ms", "took 20 ms", True),
        ("took 1.5 ms", "took 20 models", False),
        ('"id": "' + "0" * 32 + '"', '"id": "' + "f" * 32 + '"', True),
        ('"quality": 0.5', '"quality": 0.6', False),
    ],
)
def test_only_what_differs_from_run_to_run_may_differ(shown: str, printed: str, is_same: bool) -> None:
    assert agrees(shown, printed) is is_same
