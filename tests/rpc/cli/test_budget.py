"""`atp budget` against a real `atp serve`: what is typed is what holds, until it is taken away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from atp_grpc.cli.program import run
from tests.rpc.cli.conftest import Served

PROMPT = "Prove that there are infinitely many primes."
DEV = "dev"
"""The tenant of the key that a first start makes."""


@pytest.fixture(autouse=True)
def without_a_budget_after(at_server: Served) -> Iterator[None]:
    """Leaves the server as it was: its key is everybody's in this module."""
    assert at_server.target
    yield
    run(["budget", "delete", DEV])


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_budget_is_set_shown_listed_and_taken_away(capsys: pytest.CaptureFixture[str]) -> None:
    checked = document(capsys, "budget", "set", DEV, "--limit-usd", "2.5", "--period", "day", "--check")
    assert document(capsys, "budget", "list") == {"budgets": []}
    given = document(capsys, "budget", "set", DEV, "--limit-usd", "2.5", "--period", "day")
    assert (given["limit_nano_usd"], given["period"]) == (checked["limit_nano_usd"], checked["period"])
    assert document(capsys, "budget", "show", DEV) == given
    assert [one["tenant"] for one in document(capsys, "budget", "list")["budgets"]] == [DEV]

    assert run(["budget", "set", DEV, "--limit-usd", "9", "--period", "day", "--etag", "stale"]) == 1
    assert "(ETAG_MISMATCH)" in capsys.readouterr().err
    assert run(["budget", "delete", DEV, "--etag", given["etag"]]) == 0
    capsys.readouterr()
    assert run(["budget", "show", DEV]) == 1
    assert "(RESOURCE_NOT_FOUND)" in capsys.readouterr().err


def test_a_budget_of_nothing_refuses_a_route_and_a_plan_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["budget", "set", DEV, "--limit-usd", "0", "--period", "total"]) == 0
    capsys.readouterr()

    assert run(["route", PROMPT]) == 1
    assert "(BUDGET_EXHAUSTED)" in capsys.readouterr().err
    causes = {candidate["refusal"] for candidate in document(capsys, "plan", PROMPT)["candidates"]}
    assert causes == {"REFUSAL_CAUSE_BUDGET"}

    assert run(["budget", "set", DEV, "--limit-usd", "1", "--period", "total"]) == 0
    assert run(["route", PROMPT]) == 0


def test_what_a_route_sets_aside_and_what_its_report_says_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    document(capsys, "budget", "set", DEV, "--limit-usd", "1", "--period", "total")
    decided = document(capsys, "route", PROMPT)
    held = document(capsys, "budget", "show", DEV)
    assert held.get("spent_nano_usd", "0") == "0"
    assert int(held["held_nano_usd"]) >= int(decided["expected"]["cost_nano_usd"])

    attempt = f"model={decided['target']['model']},cost_usd=0.25"
    document(capsys, "observe", decided["feedback_token"], "--attempt", attempt)
    assert document(capsys, "budget", "show", DEV)["spent_nano_usd"] == "250000000"
