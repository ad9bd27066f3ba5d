"""What each command sends, and what it makes of a full answer."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.rpc import code_pb2, error_details_pb2, status_pb2

from atp_grpc.cli.program import run
from atp_grpc.client import messages as m
from tests.unit.client.scripted_server import Scripted

ROUTE = "/atp.v1.RouteService/Route"
PLAN = "/atp.v1.RouteService/Plan"
OBSERVE = "/atp.v1.ObserveService/Observe"
DECISION = "/atp.v1.DecisionService/GetDecision"
MODELS = "/atp.admin.v1.CatalogService/ListModels"
DEPLOYMENTS = "/atp.admin.v1.CatalogService/ListDeployments"
SERVER = "/atp.admin.v1.OperationsService/GetServerInfo"
RELOAD = "/atp.admin.v1.OperationsService/ReloadCatalog"

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
        seed=7,
        features=m.Features(schema_id="flags.v1", values=[0.0] * 15),
        engine="native",
        session_id="s-1",
        labels={"team": "search", "app": "chat"},
        outcome=m.Outcome(quality=0.9, attempts=[slow, good], labels={"by": "judge"}, cost_nano_usd=2_000_000),
    )
    decision.decided_at.FromJsonString("2026-01-01T00:00:00Z")
    server.answers[DECISION] = m.GetDecisionResponse(decision=decision)

    assert printed(capsys, "decision", "d-1") == (
        "decision: d-1\n"
        "decided: 2026-01-01T00:00:00Z\n"
        "model: swift\n"
        "deployment: swift@acme\n"
        "propensity: 0.9700\n"
        "policy: default version 1\n"
        "weights: cost 0.1, latency 0\n"
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
        "model\tdeployment\terror\tcost\tlatency\tinput\tcached\toutput\treasoning\n"
        "swift\tswift@acme\ttimeout\t\t30.00 s\t\t\t\t\n"
        "steady\t\t\t$0.002\t\t12\t\t0\t\n"
    )


def test_a_decision_that_nobody_reported_on_says_so(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers[DECISION] = m.GetDecisionResponse(decision=m.Decision(decision_id="d-1"))

    assert "observed: nothing yet\n" in printed(capsys, "decision", "d-1")


def test_models_shows_models_and_the_ways_to_reach_them_at_the_price_in_force(
    server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    old = m.Price(input_nano_usd_per_million_tokens=9 * 10**9, output_nano_usd_per_million_tokens=9 * 10**9)
    new = m.Price(input_nano_usd_per_million_tokens=25 * 10**7, output_nano_usd_per_million_tokens=2 * 10**9)
    new.effective_from.FromJsonString("2020-01-01T00:00:00Z")
    coming = m.Price(input_nano_usd_per_million_tokens=1, output_nano_usd_per_million_tokens=1)
    coming.effective_from.FromJsonString("9999-01-01T00:00:00Z")
    active, draining = "SERVING_STATUS_ACTIVE", "SERVING_STATUS_DRAINING"
    server.answers[MODELS] = m.ListModelsResponse(
        revision=3,
        models=[
            m.Model(
                name="grand",
                context_tokens=200_000,
                max_output_tokens=8_192,
                status="SERVING_STATUS_SHADOW",
                prior_quality=0.9,
            ),
            m.Model(
                name="swift", context_tokens=32_768, status=active, prior_quality=0.75, capabilities=["json", "tools"]
            ),
        ],
    )
    server.answers[DEPLOYMENTS] = m.ListDeploymentsResponse(
        deployments=[
            m.Deployment(
                name="a", model="swift", provider="acme", regions=["eu", "us"], prices=[old, new, coming], status=active
            ),
            m.Deployment(name="b", model="swift", provider="bolt", prices=[coming], status=draining),
        ]
    )

    assert printed(capsys, "models") == (
        "model\tstatus\tcontext\toutput cap\tprior quality\tcapabilities\n"
        "grand\tshadow\t200,000\t8,192\t0.900\t\n"
        "swift\tactive\t32,768\t0\t0.750\tjson tools\n"
        "\n"
        "deployment\tmodel\tprovider\tinput\toutput\tregions\tnot serving\n"
        "a\tswift\tacme\t$0.25\t$2.00\teu us\t\n"
        "b\tswift\tbolt\tnone\tnone\t\tdraining\n"
        "\n"
        "catalogue revision 3\n"
    )
    assert [model["name"] for model in document(capsys, "models")["models"]] == ["grand", "swift"]


def test_server_shows_what_was_learned_and_a_reload_that_was_refused(
    server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers[SERVER] = m.GetServerInfoResponse(
        instance_id="i-1",
        version="0.1.0",
        profile="dev",
        store="sqlite",
        replica="r-7",
        last_sequence=42,
        engine=m.EngineInfo(
            name="reference",
            version="0.1.0",
            quarantined=True,
            learned=41,
            context_on=True,
            context_z=2.345,
            feature_schema="flags.v1",
            feature_dimension=15,
            arms=[m.ArmInfo(model="swift", observations=12.5, quality=0.8, output_tokens=256.4, latency_seconds=1.5)],
        ),
        catalog=m.CatalogInfo(
            revision=3,
            digest="abc",
            models=6,
            deployments=7,
            last_failure=m.ReloadFailure(complaints=["catalog.toml: line 3: no price"]),
        ),
    )

    assert printed(capsys, "server") == (
        "instance: i-1\n"
        "version: 0.1.0\n"
        "profile: dev\n"
        "store: sqlite\n"
        "replica: r-7, 42 observations stored\n"
        "engine: reference 0.1.0, native engine set aside\n"
        "learned: 41 outcomes\n"
        "context: on (+2.35 standard errors)\n"
        "features: flags.v1, 15 values\n"
        "catalogue: revision 3, 6 models, 7 deployments\n"
        "digest: abc\n"
        "\n"
        "model\tobservations\tquality\toutput tokens\tlatency\tfails\n"
        "swift\t12.5\t0.800\t256\t1.50 s\t0.0%\n"
        "\n"
        "the last reload was refused: catalog.toml: line 3: no price\n"
    )


@pytest.mark.parametrize(
    ("arguments", "changed", "sentence"),
    [
        ((), True, "revision 3 is in force\n"),
        ((), False, "nothing changed; revision 3 stays in force\n"),
        (("--check",), True, "the file is good and differs from revision 3, which is in force\n"),
        (("--check",), False, "the file is good and is the same as revision 3, which is in force\n"),
    ],
)
def test_reload_says_what_is_in_force(
    server: Scripted, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], changed: bool, sentence: str
) -> None:
    server.answers[RELOAD] = m.ReloadCatalogResponse(revision=3, changed=changed)

    assert printed(capsys, "reload", "--instance", "i-1", *arguments) == sentence
    assert server.received[0].request == m.ReloadCatalogRequest(instance_id="i-1", validate_only=bool(arguments))


def test_health_is_zero_only_while_serving(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "health") == "SERVING\n"
    assert document(capsys, "health") == {"service": "", "status": "SERVING"}
    server.health._server_status[""] = m.HealthCheckResponse.NOT_SERVING
    assert printed(capsys, "health", status=1) == "NOT_SERVING\n"


@pytest.mark.usefixtures("server")
def test_the_health_of_a_service_that_is_not_there_is_a_refusal(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["health", "--service", "atp.v1.NoService"]) == 1
    assert "NOT_FOUND" in capsys.readouterr().err


def test_a_refusal_of_the_server_ends_with_one_and_every_cause(
    server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    status = status_pb2.Status(code=code_pb2.FAILED_PRECONDITION, message="no model may serve this request")
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="NO_ELIGIBLE_MODEL", domain="atp.dev"))
    violation = {"type": "REGION", "subject": "swift", "description": "no deployment in moon"}
    status.details.add().Pack(error_details_pb2.PreconditionFailure(violations=[violation]))
    server.refusals = [(grpc.StatusCode.FAILED_PRECONDITION, status)] * 2

    assert run(["route", "hello", "--region", "moon"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "atp: no model may serve this request (NO_ELIGIBLE_MODEL)\n  swift: no deployment in moon (REGION)\n"
    )

    assert run(["route", "hello", "--region", "moon", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["reason"]) == ("FAILED_PRECONDITION", "NO_ELIGIBLE_MODEL")
    assert error["preconditions"] == [violation]
