"""`atp config`: the settings that would be used, and every complaint about them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from atp_grpc.cli.program import run
from atp_grpc.config import document


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ATP_TARGET", "ATP_KEY", "ATP_PROFILE", "ATP_DATA_DIR", "ATP_SERVER_PORT", "ATP_OPS_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def dumped(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(["config", "dump", *arguments]) == 0
    tables: dict[str, Any] = tomllib.loads(capsys.readouterr().out)
    return tables


def test_good_settings_are_told_to_be_good(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "check"]) == 0
    assert capsys.readouterr().out == "the configuration can be used\n"


def test_every_complaint_is_told_at_once_with_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "atp.toml"
    file.write_text("[server]\nport = 'high'\n[sevrer]\nport = 1\n")
    monkeypatch.setenv("ATP_OPS_PORT", "99999")

    status = run(["config", "check", "--config", str(file), "--set", "policy.learner=oracle", "--profile", "test"])

    captured = capsys.readouterr()
    assert (status, captured.out) == (2, "")
    first, *complaints = captured.err.splitlines()
    assert first == "atp: the configuration cannot be used"
    for place in ("atp.toml", "sevrer", "ATP_OPS_PORT", "policy.learner", "profile"):
        assert any(place in complaint for complaint in complaints), place


def test_complaints_are_a_list_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "check", "--json", "--port", "high"]) == 2

    [complaint] = json.loads(capsys.readouterr().out)["error"]["complaints"]
    assert "server.port" in complaint


def test_a_file_that_is_not_there_is_a_complaint_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "check", "--config", "nowhere.toml"]) == 2
    assert "nowhere.toml" in capsys.readouterr().err


def test_flags_win_over_the_environment_which_wins_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "atp.toml"
    file.write_text("[server]\nport = 1001\n[ops]\nport = 1002\n[catalog]\npath = 'a.toml'\n")
    monkeypatch.setenv("ATP_SERVER_PORT", "2001")
    monkeypatch.setenv("ATP_OPS_PORT", "2002")

    settings = dumped(capsys, "--config", str(file), "--port", "3001")

    assert settings["server"]["port"] == 3001
    assert settings["ops"]["port"] == 2002
    assert settings["catalog"]["path"] == "a.toml"


def test_every_flag_reaches_its_setting(capsys: pytest.CaptureFixture[str]) -> None:
    settings = dumped(
        capsys,
        *("--profile", "ci", "--data-dir", "data", "--port", "0", "--ops-port", "-1", "--catalog", "c.toml"),
        *("--set", "policy.cost_weight=0.25", "--set", "policy.learner=greedy"),
    )

    assert (settings["profile"], settings["data_dir"]) == ("ci", "data")
    assert (settings["server"]["port"], settings["ops"]["port"]) == (0, -1)
    assert settings["catalog"]["path"] == "c.toml"
    assert (settings["policy"]["cost_weight"], settings["policy"]["learner"]) == (0.25, "greedy")


def test_a_named_flag_wins_over_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert dumped(capsys, "--set", "server.port=1", "--port", "2")["server"]["port"] == 2


def test_no_dump_shows_a_key(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ATP_KEY", "atp_dev_1_swordfish")

    assert run(["config", "dump"]) == 0
    assert run(["config", "dump", "--json"]) == 0
    assert "swordfish" not in capsys.readouterr().out


def test_the_documentation_of_settings_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "doc"]) == 0
    assert capsys.readouterr().out.strip() == document().strip()
