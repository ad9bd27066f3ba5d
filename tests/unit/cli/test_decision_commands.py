"""What the commands about decisions send, and what they make of a full answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import json_format

from atp_grpc.cli.program import run
from atp_grpc.client import messages as m
from tests.unit.client.scripted_server import Scripted

ROUTE = "/atp.v1.RouteService/Route"
PLAN = "/atp.v1.RouteService/Plan"
OBSERVE = "/atp.v1.ObserveService/Observe"
DECISION = "/atp.v1.DecisionService/GetDecision"

SWIFT = m.Target(model="swift", deployment="swift@acme", provider="acme")
STEADY = m.Target(model="steady", deployment="steady@acme", provider="acme")


def expected(quality: float, cost: int, milliseconds: int) -> m.Expectation:
    expectation = m.Expectation(quality=quality, cost_nano_usd=cost, failure_rate=0.005)
    expectation.latency.FromMilliseconds(milliseconds)
    return expectation


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert run(arguments) == status
    return capsys.readouterr().out


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(printed(capsys, *arguments, "--json"))


@pytest.fixture
def decided(server: Scripted) -> m.RouteResponse:
    response = m.RouteResponse(
        decision_id="d-1",
        feedback_token=b"\xff\xef\x00",
        target=SWIFT,
        expected=expected(0.8125, 412_000, 850),
        propensity=0.97,
        fallbacks=[m.Fallback(target=STEADY, expected=expected(0.9, 2_500_000_000, 1250))],
        policy="default",
        policy_version=1,
        catalog_revision=3,
        learner_revision=12,
        reason_codes=["REASON_CODE_EXPLORED", "REASON_CODE_CONTEXT_USED"],
        engine="native",
    )
    response.feedback_expires_at.FromJsonString("2026-01-08T00:00:00Z")
    server.answers[ROUTE] = response
    return response


@pytest.mark.usefixtures("decided")
def test_route_prints_the_decision_its_token_and_what_to_try_next(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "route", "hello") == (
        "model: swift\n"
        "deployment: swift@acme\n"
        "quality: 0.812\n"
        "cost: $0.000412\n"
        "latency: 850 ms\n"
        "failure rate: 0.5%\n"
        "propensity: 0.9700\n"
        "remarks: explored, context used\n"
        "policy: default version 1\n"
        "catalogue: revision 3\n"
        "engine: native\n"
        "decision: d-1\n"
        "token: _-8A\n"
        "token expires: 2026-01-08T00:00:00Z\n"
        "\n"
        "fallback\tat\tquality\tcost\tlatency\tfails\n"
        "steady\tacme\t0.900\t$2.50\t1.25 s\t0.5%\n"
    )


def test_route_for_machines_is_the_response_itself(
    decided: m.RouteResponse, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = document(capsys, "route", "hello")

    assert json_format.ParseDict(answer, m.RouteResponse()) == decided
    assert answer["feedback_token"] == "_-8A"


@pytest.mark.usefixtures("decided")
def test_route_sends_the_request_the_options_describe_with_the_key(
    server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    printed(capsys, "route", "hello", "--max-cost-usd", "0.01", "--request-id", "r-1", "--deadline", "3s")

    [received] = server.received
    assert received.request == m.RouteRequest(
        prompt="hello", request_id="r-1", constraints=m.Constraints(max_cost_nano_usd=10_000_000)
    )
    assert received.metadata["authorization"] == "Bearer atp_dev_1_secret"
    assert received.seconds_left < 4


def test_the_key_option_wins_over_the_environment(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    printed(capsys, "server", "--key", "atp_dev_2_other")

    assert server.received[0].metadata["authorization"] == "Bearer atp_dev_2_other"


def test_plan_shows_candidates_with_their_scores_and_the_refused_with_their_cause(
    server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers[PLAN] = m.PlanResponse(
        candidates=[
            m.PlannedCandidate(target=SWIFT, expected=expected(0.8, 412_000, 850), utility=0.7512, propensity=0.97),
            m.PlannedCandidate(target=m.Target(model="grand"), refusal="REFUSAL_CAUSE_NO_DEPLOYMENT"),
            m.PlannedCandidate(target=STEADY, expected=expected(0.9, 10**9, 1250), refusal="REFUSAL_CAUSE_MAX_COST"),
        ],
        policy="default",
        policy_version=1,
        catalog_revision=3,
        learner_revision=12,
        engine="reference",
    )

    assert printed(capsys, "plan", "hello") == (
        "model\tat\tutility\tpropensity\tquality\tcost\tlatency\tfails\trefused for\n"
        "swift\tacme\t0.7512\t0.9700\t0.800\t$0.000412\t850 ms\t0.5%\t\n"
        "grand\t\t\t\t\t\t\t\tno deployment\n"
        "steady\tacme\t0.0000\t0.0000\t0.900\t$1.00\t1.25 s\t0.5%\tmax cost\n"
        "\n"
        "policy: default version 1\n"
        "catalogue: revision 3\n"
        "learned: 12 outcomes\n"
        "engine: reference\n"
    )


def test_plan_takes_the_options_of_route(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    printed(capsys, "plan", "hello", "--deny", "swift", "--region", "eu")

    assert server.received[0].request == m.PlanRequest(
        request=m.RouteRequest(prompt="hello", constraints=m.Constraints(denied_models=["swift"], region="eu"))
    )
    printed(capsys, "plan", "hello", "--ask")
    assert [received.request.for_ask for received in server.received] == [False, True]


def test_observe_sends_the_token_that_route_printed(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers[OBSERVE] = m.ObserveResponse(
        decision_id="d-1", recorded_fields=["quality", "attempts"], replica="r-7", sequence=42
    )

    text = printed(
        capsys, "observe", "_-8A", "--quality", "0.9", "--attempt", "model=swift,cost_usd=0.0004", "--label", "by=judge"
    )

    assert server.received[0].request == m.ObserveRequest(
        feedback_token=b"\xff\xef\x00",
        quality=0.9,
        attempts=[m.Attempt(model="swift", cost_nano_usd=400_000)],
        labels={"by": "judge"},
    )
    assert text == "decision: d-1\nrecorded: quality, attempts\nstored as: r-7 42\n"


def test_observe_without_a_quality_reports_none(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers[OBSERVE] = m.ObserveResponse(decision_id="d-1", unchanged_fields=["labels.by"])

    text = printed(capsys, "observe", "--decision", "d-1", "--label", "by=judge")

    request = server.received[0].request
    assert not request.HasField("quality")
    assert request.decision_id == "d-1"
    assert text == "decision: d-1\nrecorded: nothing new\nunchanged: labels.by\n"


def test_a_decision_is_shown_with_what_was_weighed_and_what_was_observed(
    server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = m.Attempt(model="swift", deployment="swift@acme", error="ATTEMPT_ERROR_TIMEOUT")
    slow.latency.FromSeconds(30)
    good = m.Attempt(model="steady", cost_nano_usd=2_000_000, usage=m.Usage(input_tokens=12, output_tokens=0))
    good.usage.cache_write_input_tokens = 5
    decision = m.Decision(
        decision_id="d-1",
        target=SWIFT,
        propensity=0.97,
        candidates=[
            m.DecisionCandidate(target=SWIFT, expected=expected(0.8, 412_000, 850), utility=0.75, propensity=1)
        ],
        policy="default",
        policy_version=1,
        catalog_revision=3,
        learner_revision=12,
        weights=m.Weights(cost=0.1),
        dual_prices=m.DualPrices(cost=0.025),
        seed=7,
        features=m.Features(schema_id="flags.v1", values=[0.0] * 15),
        engine="native",
        session_id="s-1",
        labels={"team": "search", "app": "chat"},
        outcome=m.Outcome(quality=0.9, attempts=[slow, good], labels={"by": "judge"}, cost_nano_usd=2_000_000),
    )
    decision.decided_at.FromJsonString("2026-01-01T00:00:00Z")
    server.answers[DECISION] = m.GetDecisionResponse(decision=decision)

    assert printed(capsys, "decision", "show", "d-1") == (
        "decision: d-1\n"
        "decided: 2026-01-01T00:00:00Z\n"
        "model: swift\n"
        "deployment: swift@acme\n"
        "propensity: 0.9700\n"
        "policy: default version 1\n"
        "weights: cost 0.1, latency 0\n"
        "dual prices: ceiling 0.025, floor 0\n"
        "catalogue: revision 3\n"
        "learned: 12 outcomes\n"
        "features: flags.v1, 15 values\n"
        "seed: 7\n"
        "engine: native\n"
        "session: s-1\n"
        "labels: app=chat, team=search\n"
        "\n"
        "model\tat\tutility\tpropensity\tquality\tcost\tlatency\tfails\n"
        "swift\tacme\t0.7500\t1.0000\t0.800\t$0.000412\t850 ms\t0.5%\n"
        "\n"
        "observed quality: 0.9\n"
        "observed cost: $0.002\n"
        "observed labels: by=judge\n"
        "\n"
        "model\tdeployment\terror\tcost\tlatency\tinput\tcached\toutput\treasoning\twritten\n"
        "swift\tswift@acme\ttimeout\t\t30.00 s\t\t\t\t\t\n"
        "steady\t\t\t$0.002\t\t12\t\t0\t\t5\n"
    )


def test_a_decision_that_nobody_reported_on_says_so(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers[DECISION] = m.GetDecisionResponse(decision=m.Decision(decision_id="d-1"))

    assert "observed: nothing yet\n" in printed(capsys, "decision", "show", "d-1")
