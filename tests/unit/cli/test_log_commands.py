"""What the commands about the log send, and what they make of a full answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from atp_grpc.cli.program import run
from atp_grpc.client import messages as m
from tests.unit.client.scripted_server import Scripted

LIST = "/atp.v1.DecisionService/ListDecisions"
OBSERVATIONS = "/atp.v1.DecisionService/ListObservations"
EXPLAIN = "/atp.v1.DecisionService/ExplainDecision"

SWIFT = m.Target(model="swift", deployment="swift@acme", provider="acme")
STEADY = m.Target(model="steady", deployment="steady@acme", provider="acme")


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert run(arguments) == status
    return capsys.readouterr().out


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(printed(capsys, *arguments, "--json"))


def listed(name: str, **fields: Any) -> m.Decision:
    decision = m.Decision(decision_id=name, target=SWIFT, propensity=0.97, policy="default", **fields)
    decision.decided_at.FromJsonString("2026-01-01T00:00:00Z")
    return decision


def test_a_list_of_decisions_asks_for_what_the_options_say(
    server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers[LIST] = m.ListDecisionsResponse(
        decisions=[listed("d-2", task_type="sum", outcome=m.Outcome(quality=0.5, cost_nano_usd=1_000)), listed("d-1")]
    )

    text = printed(
        capsys, "decision", "list", "--model", "swift", "--policy", "default", "--task-type", "sum", "--session", "s",
        "--label", "a=b", "--label", "c=d", "--since", "2026-01-01T00:00:00Z", "--before", "2026-02-01T00:00:00Z",
        "--oldest-first", "--observed", "--limit", "2", "--tenant", "-", "--full",
    )  # fmt: skip

    expected_filter = m.DecisionFilter(
        model="swift", policy="default", task_type="sum", session_id="s", labels={"a": "b", "c": "d"}
    )
    expected_filter.decided_since.FromJsonString("2026-01-01T00:00:00Z")
    expected_filter.decided_before.FromJsonString("2026-02-01T00:00:00Z")
    assert server.received[0].request == m.ListDecisionsRequest(
        page_size=2,
        filter=expected_filter,
        observed="OBSERVED_STATE_OBSERVED",
        order="DECISION_ORDER_OLDEST_FIRST",
        view="DECISION_VIEW_FULL",
        tenant="-",
    )
    assert text == (
        "decision\tdecided\tmodel\tpropensity\tpolicy\ttask type\tquality\tcost\n"
        "d-2\t2026-01-01T00:00:00Z\tswift\t0.9700\tdefault\tsum\t0.5\t$0.000001\n"
        "d-1\t2026-01-01T00:00:00Z\tswift\t0.9700\tdefault\t\t\t\n"
    )


def test_a_list_of_decisions_goes_on_over_short_pages_until_it_has_enough(
    server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers[LIST] = m.ListDecisionsResponse(decisions=[listed("d", tenant="acme")], next_page_token="more")

    answer = document(capsys, "decision", "list", "--limit", "3")

    assert [one["decision_id"] for one in answer["decisions"]] == ["d"] * 3
    assert [one.request.page_token for one in server.received] == ["", "more", "more"]
    assert "acme d\t" in printed(capsys, "decision", "list", "--limit", "1")


def test_observations_are_listed(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    observed = m.Observation(
        decision_id="d-1", target=SWIFT, outcome=m.Outcome(quality=0.5, attempts=[m.Attempt()], labels={"by": "judge"})
    )
    server.answers[OBSERVATIONS] = m.ListObservationsResponse(observations=[observed])

    assert printed(capsys, "decision", "observations") == (
        "decision\tdecided\tmodel\tquality\tcost\tattempts\tlabels\nd-1\t\tswift\t0.5\t\t1\tby=judge\n"
    )
    assert server.received[0].request == m.ListObservationsRequest(
        page_size=20, filter={}, order="DECISION_ORDER_NEWEST_FIRST"
    )


def test_a_moment_that_is_none_is_refused_before_anything_is_sent(
    server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["decision", "list", "--since", "yesterday"]) == 2
    assert "'yesterday' is not a moment such as 2026-01-31T12:00:00Z" in capsys.readouterr().err
    assert not server.received


def test_an_explanation_says_it_in_sentences_and_in_numbers(
    server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = m.Changes(cost_nano_usd=412_000, cost_weight=0.5)
    changes.latency.FromMilliseconds(850)
    server.answers[EXPLAIN] = m.ExplainDecisionResponse(
        decision_id="d-1",
        summary="swift was expected to be the best.",
        best=SWIFT,
        is_complete=True,
        candidates=[
            m.ExplainedCandidate(target=SWIFT, utility=0.7, parts=m.UtilityParts(quality=0.8, failure=-0.1)),
            m.ExplainedCandidate(
                target=STEADY,
                utility=0.5,
                gap=0.2,
                parts=m.UtilityParts(quality=0.9, cost=-0.4),
                set_aside="REFUSAL_CAUSE_MAX_COST",
                would_be_best=changes,
            ),
        ],
        refused=[m.RefusedModel(target=m.Target(model="grand"), cause="REFUSAL_CAUSE_DENIED")],
    )

    assert printed(capsys, "decision", "explain", "d-1", "--tenant", "acme") == (
        "swift was expected to be the best.\n"
        "\n"
        "model\tutility\tquality\tfailure\tcost\tceiling\tfloor\tlatency\taffinity\tset aside\n"
        "swift\t0.7000\t+0.8000\t-0.1000\t+0.0000\t+0.0000\t+0.0000\t+0.0000\t+0.0000\t\n"
        "steady\t0.5000\t+0.9000\t+0.0000\t-0.4000\t+0.0000\t+0.0000\t+0.0000\t+0.0000\tmax cost\n"
        "\n"
        "model\tbehind by\tcost at most\tquality at least\tlatency at most\tcost weight\n"
        "steady\t0.2000\t$0.000412\t\t850 ms\t0.5\n"
        "\n"
        "model\tat\trefused for\n"
        "grand\t\tdenied\n"
    )
    assert server.received[0].request == m.ExplainDecisionRequest(decision_id="d-1", tenant="acme")
