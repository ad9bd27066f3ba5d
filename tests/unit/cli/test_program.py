"""However a command ends, the exit status is right and no traceback is shown."""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from atp_grpc.cli import program, version
from atp_grpc.cli.answer import Answer

SLOW_TO_IMPORT = {"asyncio", "google.protobuf", "grpc", "numpy", "rich"}


def atp(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "atp_grpc", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload, no-any-return]


def ends_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def run(_: argparse.Namespace) -> Answer:
        raise error

    monkeypatch.setattr(version, "run", run)


def test_every_command_has_a_module_with_the_two_functions() -> None:
    room = Path(program.__file__).parent
    modules = {path.stem for path in room.glob("*.py")} | {path.parent.name for path in room.glob("*/__init__.py")}
    for name in program.COMMANDS:
        assert name.replace("-", "_") in modules
    for name in program.COMMANDS.keys() - {"serve"}:
        module = importlib.import_module(f"atp_grpc.cli.{name.replace('-', '_')}")
        assert callable(module.add_options)
        assert callable(module.run)


def test_help_lists_every_command_and_shows_a_session(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["--help"]) == 0

    text = capsys.readouterr().out
    listed = " ".join(text.split())
    assert all(f" {name} {summary}" in listed for name, summary in program.COMMANDS.items())
    assert "an example session:" in text
    assert "atp observe TOKEN --quality 0.9" in text


@pytest.mark.parametrize("name", sorted(program.COMMANDS.keys() - {"serve"}))
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"usage: atp {name} ")


@pytest.mark.parametrize("arguments", [[], ["teleport"], ["version", "--loud"], ["plan"], ["config"], ["observe"]])
def test_a_command_line_that_makes_no_sense_is_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run(arguments) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("usage: atp")


def test_options_cannot_be_shortened_so_that_new_ones_never_change_old_scripts() -> None:
    assert program.run(["version", "--js"]) == 2


def test_version_says_what_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["version", "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert document.keys() == {"atp", "native", "python"}
    assert document["python"] == ".".join(map(str, sys.version_info[:3]))


def test_bytes_that_are_no_text_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["route", b"\xff".decode("utf-8", "surrogateescape")]) == 2
    assert capsys.readouterr().err == "atp: an argument is not UTF-8\n"


def test_a_fault_of_ours_is_one_line_without_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ends_with(monkeypatch, RuntimeError("the secret is swordfish"))

    assert program.run(["version"]) == 70

    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("atp: this is a fault of atp itself: RuntimeError at test_program.py:")
    assert "swordfish" not in line


def test_whoever_develops_gets_the_traceback_of_a_fault() -> None:
    script = "from atp_grpc.cli import program, version; version.run = lambda options: 1 / 0; program.run(['version'])"
    ran = subprocess.run([sys.executable, "-X", "dev", "-c", script], capture_output=True, text=True, check=False)

    assert ran.returncode == 1
    assert ran.stderr.endswith("ZeroDivisionError: division by zero\n")


def test_an_interrupt_ends_quietly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ends_with(monkeypatch, KeyboardInterrupt())

    assert program.run(["version"]) == 130
    assert capsys.readouterr().err == ""


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = [sys.executable, "-m", "atp_grpc", "config", "doc"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        complaints = running.stderr.read()

    assert (running.returncode, complaints) == (0, b"")


@pytest.mark.parametrize("arguments", [["--help"], ["version"], ["version", "--json"]])
def test_help_and_version_import_nothing_slow(arguments: list[str]) -> None:
    script = (
        "import sys; from atp_grpc.cli.program import run; "
        f"assert run({arguments!r}) == 0; print(*sys.modules, file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert SLOW_TO_IMPORT & set(ran.stderr.split()) == set()


@pytest.mark.parametrize("argument", ["--help", "version"])
def test_help_and_version_cost_less_than_150_milliseconds(argument: str) -> None:
    def cpu_seconds() -> float:
        """Of all children so far. Processor time, because the wall clock also counts what else the machine does."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def cost() -> float:
        before = cpu_seconds()
        atp(argument)
        return cpu_seconds() - before

    assert min(cost() for _ in range(5)) < 0.15
