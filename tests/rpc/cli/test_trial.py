"""`atp trial` and `atp events` against a real `atp serve`: what is typed is tried, and what happened is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from atp_grpc.cli.program import run
from tests.rpc.cli.conftest import Served


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_trial_is_checked_started_shown_stopped_and_told_of(
    at_server: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    assert at_server.target
    document(capsys, "policy", "create", "tried")
    start = ("trial", "start", "tried", "--share", "0.2", "--quality-margin", "0", "--hold", "7", "--ignore-failures")
    checked = document(capsys, *start, "--check")
    given = document(capsys, *start)
    assert given["id"] == checked["id"]
    assert (given["gates"]["quality_margin"], given["hold"], given["max_requests"]) == (0.0, "7", "20000")
    assert given["gates"]["ignores_failures"]
    assert document(capsys, "trial", "show") == given == document(capsys, "trial", "show", given["id"])
    assert [one["id"] for one in document(capsys, "trial", "list")["trials"]] == [given["id"]]
    assert run(["trial", "start", "tried", "--share", "0.1"]) == 1
    assert "(TRIAL_UNDER_WAY)" in capsys.readouterr().err
    assert run(["policy", "delete", "tried"]) == 1
    assert "(POLICY_ON_TRIAL)" in capsys.readouterr().err
    assert document(capsys, "trial", "stop", given["id"])["stop_cause"] == "TRIAL_STOP_CAUSE_OPERATOR"
    assert run(["trial", "show"]) == 0
    shown = capsys.readouterr().out
    assert "stopped" in shown
    assert "quality not worse" in shown
    events = document(capsys, "events")["events"]
    assert [one["kind"] for one in events] == ["EVENT_KIND_TRIAL_STARTED", "EVENT_KIND_STOPPED"]
    assert document(capsys, "events", "--after", "1")["events"] == events[1:]
    assert run(["events"]) == 0
    assert "operator" in capsys.readouterr().out
    document(capsys, "policy", "delete", "tried")
