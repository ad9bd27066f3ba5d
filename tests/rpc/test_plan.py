"""Plan over a real socket: everything that Route would weigh, and no trace left behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from atp_grpc.client.messages import GetServerInfoRequest, PlanRequest, PlanResponse, RouteRequest
from atp_grpc.config import StoreSettings
from atp_grpc.pb.atp.v1.routing_pb2 import ReasonCode, RefusalCause
from tests.rpc.catalogues import DRAINING_ONLY, ONE_MODEL
from tests.rpc.provoking import on_catalogue, prompt, refused
from tests.rpc.serving import Serving, serving

NOT_REFUSED = RefusalCause.REFUSAL_CAUSE_UNSPECIFIED


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving(tmp_path / "data", store=StoreSettings("memory")) as running:
        yield running


async def plan(server: Serving, request: RouteRequest) -> PlanResponse:
    return await server.acme.plan(PlanRequest(request=request))


def refusals(answer: PlanResponse) -> dict[str, str]:
    return {
        c.target.model: RefusalCause.Name(c.refusal).removeprefix("REFUSAL_CAUSE_")
        for c in answer.candidates
        if c.refusal != NOT_REFUSED
    }


async def test_candidates_come_best_first_and_their_propensities_sum_to_one(server: Serving) -> None:
    answer = await plan(server, prompt())
    utilities = [candidate.utility for candidate in answer.candidates]
    assert len(utilities) == 6
    assert utilities == sorted(utilities, reverse=True)
    assert sum(candidate.propensity for candidate in answer.candidates) == pytest.approx(1.0, abs=1e-12)
    assert all(candidate.propensity > 0 and candidate.HasField("expected") for candidate in answer.candidates)
    assert (answer.policy, answer.policy_version, answer.catalog_revision) == ("default", 1, 1)
    assert answer.engine == server.app.rooms.engine.name


async def test_every_model_is_a_candidate_or_refused_with_its_cause(server: Serving) -> None:
    constraints = {
        "denied_models": ["onyx-large"],
        "required_capabilities": ["tools"],
        "region": "us-east",
        "max_cost_nano_usd": 5_000_000,
    }
    answer = await plan(server, prompt(constraints=constraints, input_tokens=140_000))
    assert refusals(answer) == {
        "cobalt-base": "CONTEXT_LENGTH",
        "cobalt-pro": "MAX_COST",
        "ember-mini": "CONTEXT_LENGTH",
        "ember-nano": "CAPABILITY",
        "onyx-large": "DENIED",
        "onyx-reason": "MAX_COST",
    }
    names = [candidate.target.model for candidate in answer.candidates]
    assert names == sorted(names)
    scored = {c.target.model for c in answer.candidates if c.HasField("expected")}
    assert scored == {"cobalt-pro", "onyx-reason"}
    assert all(candidate.propensity == 0 for candidate in answer.candidates)
    assert not answer.reason_codes


async def test_the_refused_come_after_the_candidates_by_name(server: Serving) -> None:
    answer = await plan(server, prompt(constraints={"latency_slo": {"seconds": 3}, "denied_models": ["ember-mini"]}))
    names = [candidate.target.model for candidate in answer.candidates]
    assert set(names[:2]) == {"ember-nano", "cobalt-base"}
    assert names[2:] == ["cobalt-pro", "ember-mini", "onyx-large", "onyx-reason"]
    assert refusals(answer) == dict.fromkeys(["cobalt-pro", "onyx-large", "onyx-reason"], "LATENCY_SLO") | {
        "ember-mini": "DENIED"
    }
    assert sum(candidate.propensity for candidate in answer.candidates) == pytest.approx(1.0, abs=1e-12)


async def test_a_request_that_nobody_may_serve_is_a_plan_without_candidates(server: Serving, tmp_path: Path) -> None:
    answer = await plan(server, prompt(constraints={"required_capabilities": ["telepathy"]}))
    assert set(refusals(answer).values()) == {"CAPABILITY"}
    assert len(answer.candidates) == 6
    (tmp_path / "draining").mkdir()
    async with on_catalogue(tmp_path / "draining", DRAINING_ONLY) as draining:
        assert refusals(await plan(draining, prompt())) == {"solo": "DRAINING"}


async def test_a_plan_for_ask_weighs_only_what_the_server_can_call(server: Serving, tmp_path: Path) -> None:
    assert refusals(await server.acme.plan(PlanRequest(request=prompt(), for_ask=True))) == {}
    (tmp_path / "bare").mkdir()
    async with on_catalogue(tmp_path / "bare", ONE_MODEL) as bare:
        assert refusals(await plan(bare, prompt())) == {}
        assert refusals(await bare.acme.plan(PlanRequest(request=prompt(), for_ask=True))) == {"solo": "NO_ENDPOINT"}


async def test_a_malformed_request_is_refused_as_route_refuses_it(server: Serving) -> None:
    for request, reason in (
        (prompt(policy="ghost"), "UNKNOWN_POLICY"),
        (prompt(constraints={"allowed_models": ["ghost"]}), "UNKNOWN_MODEL"),
        (prompt(""), "INVALID_FIELD"),
        (RouteRequest(features={"schema_id": "acme.v9", "values": [0.0]}), "FEATURE_SCHEMA_MISMATCH"),
    ):
        await refused(plan(server, request), reason, "INVALID_ARGUMENT")
    await refused(server.acme.plan(PlanRequest()), "INVALID_FIELD", "INVALID_ARGUMENT")


async def test_a_plan_opens_nothing_learns_nothing_and_claims_no_id(server: Serving) -> None:
    before = await server.acme.get_server_info(GetServerInfoRequest())
    for _ in range(3):
        await plan(server, prompt(request_id="r-1"))
    assert await server.acme.get_server_info(GetServerInfoRequest()) == before
    metrics = server.app.rooms.instruments.metrics.registry
    assert not [s for f in metrics.collect() for s in f.samples if s.name == "atp_decisions_total"]
    assert server.app.rooms.flusher.depth == 0
    # The id is still free for another request.
    assert (await server.acme.route(prompt("other words", request_id="r-1"))).decision_id


async def test_remarks_say_what_route_would_say(server: Serving) -> None:
    answer = await plan(server, prompt(constraints={"latency_slo": {"nanos": 1_000_000}}))
    assert ReasonCode.REASON_CODE_LATENCY_SLO_UNMET in answer.reason_codes
    (best,) = [candidate for candidate in answer.candidates if candidate.refusal == NOT_REFUSED]
    assert (best.target.model, best.propensity) == ("ember-nano", 1.0)
