"""The session that `atp --help` shows, and what may go wrong in it, against a real `atp serve`."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from atp_grpc.cli.program import run
from tests.rpc.cli.conftest import ATP, ROOT, Served, environment

PROMPT = "Prove that there are infinitely many primes."
pytestmark = pytest.mark.usefixtures("at_server")


def document(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> Any:
    assert run([*arguments, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """The lines on standard error of a command that the server refuses."""
    assert run(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    *lines, trace = captured.err.splitlines()
    assert trace.startswith("  trace ")
    return lines


def test_a_prompt_is_planned_routed_observed_and_looked_up(capsys: pytest.CaptureFixture[str]) -> None:
    models = {model["name"] for model in document(capsys, "models")["models"]}
    plan = document(capsys, "plan", PROMPT)
    decided = document(capsys, "route", PROMPT, "--max-cost-usd", "0.01", "--label", "team=search")
    model, token = decided["target"]["model"], decided["feedback_token"]
    attempt = f"model={model},cost_usd=0.0004,latency=1.2s"
    observed = document(capsys, "observe", token, "--quality", "0.9", "--attempt", attempt)
    read = document(capsys, "decision", "show", decided["decision_id"])

    assert {candidate["target"]["model"] for candidate in plan["candidates"]} == models
    assert sum(candidate["propensity"] for candidate in plan["candidates"]) == pytest.approx(1)
    assert model in models
    assert int(decided["expected"]["cost_nano_usd"]) <= 10_000_000
    assert observed["recorded_fields"] == ["quality", "attempts"]
    assert read["target"] == decided["target"]
    assert read["labels"] == {"team": "search"}
    assert read["outcome"]["quality"] == 0.9
    assert read["outcome"]["attempts"][0]["latency"] == "1.200s"
    assert read["outcome"]["cost_nano_usd"] == "400000"


def test_an_observation_teaches_the_server(capsys: pytest.CaptureFixture[str]) -> None:
    before = document(capsys, "server")["last_sequence"]
    token = document(capsys, "route", PROMPT)["feedback_token"]
    document(capsys, "observe", token, "--quality", "1")

    assert int(document(capsys, "server")["last_sequence"]) == int(before) + 1


def test_the_same_report_again_is_fine_and_another_value_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    decided = document(capsys, "route", PROMPT)
    document(capsys, "observe", decided["feedback_token"], "--quality", "0.5")

    again = document(capsys, "observe", "--decision", decided["decision_id"], "--quality", "0.5")
    lines = refusal(capsys, "observe", decided["feedback_token"], "--quality", "0.6")

    assert (again["recorded_fields"], again["unchanged_fields"]) == ([], ["quality"])
    assert lines[0].endswith("(OUTCOME_CONFLICT)")


def test_a_request_id_gets_its_first_answer_again(capsys: pytest.CaptureFixture[str]) -> None:
    first = document(capsys, "route", PROMPT, "--request-id", "morning-1")

    assert document(capsys, "route", PROMPT, "--request-id", "morning-1") == first
    assert refusal(capsys, "route", "another", "--request-id", "morning-1")[0].endswith("(REQUEST_ID_REUSED)")


def test_constraints_steer_the_decision(capsys: pytest.CaptureFixture[str]) -> None:
    models = [model["name"] for model in document(capsys, "models")["models"]]
    chosen = models[-1]

    decided = document(capsys, "route", PROMPT, "--allow", chosen)
    without = document(capsys, "plan", PROMPT, "--deny", chosen)

    assert decided["target"]["model"] == chosen
    [denied] = [one for one in without["candidates"] if one["target"]["model"] == chosen]
    assert denied["refusal"] == "REFUSAL_CAUSE_DENIED"


def test_a_prompt_may_come_through_a_pipe(at_server: Served) -> None:
    routed = subprocess.run(
        [*ATP, "route", "-", "--json"],
        input="Was ist größer, 2^10 oder 10^3?\n",
        capture_output=True,
        text=True,
        check=True,
        env=environment(ATP_TARGET=at_server.target, ATP_KEY=at_server.key),
    )

    assert json.loads(routed.stdout)["decision_id"]


def test_a_region_that_no_model_serves_is_refused_with_the_cause_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    models = [model["name"] for model in document(capsys, "models")["models"]]

    first, *causes = refusal(capsys, "route", PROMPT, "--region", "moon")

    assert first.endswith("(NO_ELIGIBLE_MODEL)")
    assert len(causes) == len(models)
    assert all(any(model in cause for cause in causes) for model in models)


def test_a_field_that_breaks_a_rule_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    first, *violations = refusal(capsys, "route", PROMPT, "--request-id", "not an id!")

    assert first.endswith("(INVALID_FIELD)")
    assert violations[0].startswith("  request_id: ")


def test_an_empty_prompt_is_the_servers_to_refuse(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "route", "")[0].endswith("(INVALID_FIELD)")


@pytest.mark.parametrize("key", ["", "atp_dev_wrong_" + "0" * 43, "x\ny"])
def test_without_a_good_key_nothing_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("ATP_KEY", key)

    assert run(["route", PROMPT]) in {1, 2}
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) <= 3
    assert captured.err.startswith("atp: ")
    assert "Traceback" not in captured.err


def test_a_forged_token_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "observe", "Zm9yZ2Vk", "--quality", "1")[0].endswith("(TOKEN_INVALID)")


def test_an_unknown_decision_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "decision", "show", "d-unknown") == [
        "atp: no such decision (DECISION_NOT_FOUND)",
        "  decision: d-unknown",
    ]


def test_health_needs_no_key(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATP_KEY", "")

    assert document(capsys, "health")["status"] == "SERVING"
    assert document(capsys, "health", "--service", "atp.v1.RouteService")["status"] == "SERVING"


def test_a_person_at_a_terminal_sees_a_coloured_table(at_server: Served) -> None:
    terminal, end = pty.openpty()
    variables = environment(
        ATP_TARGET=at_server.target, ATP_KEY=at_server.key, TERM="xterm-256color", COLUMNS="120", LINES="50"
    )
    variables = {name: value for name, value in variables.items() if name != "NO_COLOR"}
    shown = b""
    with subprocess.Popen([*ATP, "plan", PROMPT], stdin=end, stdout=end, stderr=end, env=variables) as running:
        os.close(end)
        while chunk := read_terminal(terminal):
            shown += chunk
    os.close(terminal)

    text = re.sub(r"\x1b\[\d*m", "", shown.decode())
    assert running.returncode == 0
    assert b"\x1b[" in shown
    assert re.search(r"model +at +utility +propensity +quality +cost +latency +fails", text)


def read_terminal(terminal: int) -> bytes:
    """What a terminal was sent; nothing once its last writer has gone, which Linux reports as an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def test_the_example_of_the_client_documentation_runs(at_server: Served, capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
    example = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[0]
    sequence = int(document(capsys, "server")["last_sequence"])

    ran = subprocess.run(
        [sys.executable, "-c", example.replace("127.0.0.1:7443", at_server.target)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(ATP_KEY=at_server.key),
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert int(document(capsys, "server")["last_sequence"]) == sequence + 1


def test_the_client_settings_of_a_broken_environment_are_told_before_anything_is_sent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATP_CLIENT_DEADLINE_SECONDS", "soon")

    assert run(["route", PROMPT]) == 2
    assert "ATP_CLIENT_DEADLINE_SECONDS" in capsys.readouterr().err


def test_the_data_directory_of_the_session_holds_no_key(at_server: Served, tmp_path: Path) -> None:
    secret = at_server.key.rpartition("_")[2]

    assert secret
    assert not any(secret.encode() in path.read_bytes() for path in at_server.data_dir.rglob("*") if path.is_file())
    assert list(tmp_path.iterdir()) == []
