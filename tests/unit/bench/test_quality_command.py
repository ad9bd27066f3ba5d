"""What cannot be measured is refused before anything is."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

Main = Callable[[Sequence[str]], int]


@pytest.fixture(name="command")
def _command() -> Main:
    main: Main = runpy.run_module("tests.bench.quality.__main__", run_name="command")["main"]
    return main


def test_data_that_is_not_where_it_is_said_to_be_is_refused(
    command: Main, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATP_DATA", str(tmp_path / "nowhere"))

    assert command([]) == 2
    assert "which is not a folder" in capsys.readouterr().err


def test_a_setting_that_does_not_exist_is_refused(
    command: Main, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATP_DATA", str(tmp_path))

    assert command(["--set", "policy.courage=1"]) == 2
    assert "policy.courage" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--files", "another"], ["--policies", "oracle"], ["--set", "policy.scale"], ["--first-order", "-1"]],
    ids=" ".join,
)
def test_what_has_no_place_in_the_table_is_refused(command: Main, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        command(arguments)

    assert refusal.value.code == 2
