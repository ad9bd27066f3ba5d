"""`atp serve` from its first line to its last: starts, refuses to start, reloads, stops."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from atp_grpc.cli.program import run
from tests.rpc.catalogues import ONE_MODEL, TWO_MODELS
from tests.rpc.cli.conftest import ATP, ROOT, Served, environment, serve


def document(capsys: pytest.CaptureFixture[str], served: Served, *arguments: str, key: str = "") -> Any:
    assert run([*arguments, "--target", served.target, "--key", key or served.key, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused_start(cwd: Path, *arguments: str) -> list[str]:
    """The lines on standard error of an `atp serve` that does not start."""
    command = [*ATP, "serve", "--port", "0", "--ops-port", "-1", "--data-dir", str(cwd / "data"), *arguments]
    ended = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False, timeout=30)
    assert ended.returncode == 2, ended.stderr
    assert "ready" not in ended.stdout
    assert "Traceback" not in ended.stderr
    return ended.stderr.splitlines()


@pytest.mark.parametrize("command", [["serve", "--port=0", "--ops-port=-1"], ["replay", "--simulated=3"]])
def test_a_damaged_text_table_stops_the_start_with_its_sentence(tmp_path: Path, command: list[str]) -> None:
    shutil.copytree(ROOT / "atp_grpc", tmp_path / "atp_grpc", ignore=shutil.ignore_patterns("__pycache__"))
    table = tmp_path / "atp_grpc" / "engine" / "text_table.bin"
    whole = table.read_bytes()
    table.write_bytes(whole[:700_000] + bytes([whole[700_000] ^ 1]) + whole[700_001:])
    settings = ["--set", "policy.feature_schema=text.v1", "--set", "policy.feature_dimension=47"]
    ended = subprocess.run(
        [*ATP, *command, *settings],
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
    assert "Traceback" not in ended.stderr
    (said,) = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
    assert said == "atp: the text table of this installation is damaged; install atp-grpc anew"


def test_a_server_that_is_told_to_stop_ends_with_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(tmp_path / "data") as served:
        assert document(capsys, served, "health")["status"] == "SERVING"
        assert served.stop() == 0
        assert run(["health", "--target", served.target]) == 1


def test_the_key_is_printed_once_and_still_good_after_a_restart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(tmp_path / "data") as first:
        decided = document(capsys, first, "route", "hello")
        document(capsys, first, "observe", decided["feedback_token"], "--quality", "0.75")
        assert first.stop() == 0
    with serve(tmp_path / "data") as second:
        read = document(capsys, second, "decision", "show", decided["decision_id"], key=first.key)
        assert second.stop() == 0

    assert second.key == ""
    assert read["outcome"]["quality"] == 0.75


def test_a_key_that_was_made_opens_the_server_for_its_tenant_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys, stanzas = {}, ""
    for tenant in ("acme", "globex"):
        assert run(["key", "new", "--tenant", tenant, "--data-dir", str(tmp_path / "data")]) == 0
        keys[tenant], _, stanza = capsys.readouterr().out.split("\n\n", 2)
        stanzas += stanza + "\n"
    (tmp_path / "atp.toml").write_text(stanzas)

    with serve(tmp_path / "data", "--config", str(tmp_path / "atp.toml"), "--profile", "ci") as served:
        decided = document(capsys, served, "route", "hello", key=keys["acme"])
        mine = document(capsys, served, "decision", "show", decided["decision_id"], key=keys["acme"])
        theirs = run(["decision", "show", decided["decision_id"], "--target", served.target, "--key", keys["globex"]])
        complaint = capsys.readouterr().err
        may_not = run(["server", "--target", served.target, "--key", keys["acme"]])
        assert served.stop() == 0

    assert mine["decision_id"] == decided["decision_id"]
    assert (theirs, "DECISION_NOT_FOUND" in complaint) == (1, True)
    assert (may_not, "PERMISSION_DENIED" in capsys.readouterr().err) == (1, True)


def test_a_changed_catalogue_is_put_in_force_and_a_broken_one_is_told_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    catalogue = tmp_path / "catalog.toml"
    catalogue.write_text(ONE_MODEL)
    with serve(
        tmp_path / "data", "--catalog", str(catalogue), "--set", "catalog.watch_interval_seconds=3600"
    ) as served:
        assert document(capsys, served, "reload")["changed"] is False

        catalogue.write_text(TWO_MODELS)
        assert document(capsys, served, "reload", "--check") == {"revision": "1", "changed": True}
        assert len(document(capsys, served, "models")["models"]) == 1
        assert document(capsys, served, "reload") == {"revision": "2", "changed": True}
        assert len(document(capsys, served, "models")["models"]) == 2

        catalogue.write_text(TWO_MODELS.replace("context_tokens = 8000", "context_tokens = 0"))
        assert run(["reload", "--target", served.target, "--key", served.key]) == 1
        first, *complaints, trace = capsys.readouterr().err.splitlines()
        assert trace.startswith("  trace ")
        assert first.endswith("(CATALOG_INVALID)")
        assert len(complaints) == 2
        assert document(capsys, served, "server")["catalog"]["revision"] == "2"
        assert len(document(capsys, served, "server")["catalog"]["last_failure"]["complaints"]) == 2
        assert served.stop() == 0


def test_every_complaint_about_the_settings_is_told_and_nothing_starts(tmp_path: Path) -> None:
    (tmp_path / "atp.toml").write_text("[server]\nport = 'high'\n\n[sevrer]\nport = 1\n")

    first, *complaints = refused_start(tmp_path, "--config", "atp.toml", "--set", "policy.learner=oracle")

    assert first == "atp: the configuration cannot be used"
    assert any("policy.learner" in complaint for complaint in complaints)
    assert any("sevrer" in complaint for complaint in complaints)
    assert not (tmp_path / "data").exists()


def test_a_catalogue_that_cannot_be_used_refuses_the_start(tmp_path: Path) -> None:
    (tmp_path / "catalog.toml").write_text(ONE_MODEL.replace("= 1.0", "= -1.0").replace("8000", "0"))

    complaints = refused_start(tmp_path, "--catalog", "catalog.toml")

    assert len(complaints) == 2
    assert all(complaint.startswith("atp: catalogue: catalog.toml") for complaint in complaints)


def test_a_port_that_is_taken_refuses_the_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        [complaint] = [line for line in refused_start(tmp_path, "--port", port) if line.startswith("atp: ")]

    assert port in complaint


def test_a_server_that_nobody_may_call_does_not_start(tmp_path: Path) -> None:
    [complaint] = [line for line in refused_start(tmp_path, "--profile", "prod") if line.startswith("atp: ")]

    assert "atp key new" in complaint


def test_a_refused_start_is_the_commands_own_exit_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run(["serve", "--profile", "prod", "--port", "0", "--ops-port", "-1"]) == 2
    assert "atp key new" in capsys.readouterr().err
