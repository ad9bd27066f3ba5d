"""Objectives and limits of a request over a real socket: what is optimised, and what may never happen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from atp_grpc.client.messages import (
    Decision,
    GetDecisionRequest,
    ObserveRequest,
    RouteResponse,
)
from atp_grpc.config import PolicySettings, StoreSettings
from atp_grpc.pb.atp.v1.routing_pb2 import ReasonCode
from tests.rpc.catalogues import TWO_MODELS
from tests.rpc.provoking import on_catalogue, prompt, refused
from tests.rpc.serving import Serving, serving

POLICY = PolicySettings(cost_weight=0.25, latency_weight=0.125)
CHEAPEST, FASTEST = "ember-nano", "ember-nano"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving(tmp_path / "data", store=StoreSettings("memory"), policy=POLICY) as running:
        yield running


async def recorded(server: Serving, answer: RouteResponse) -> Decision:
    return (await server.acme.get_decision(GetDecisionRequest(decision_id=answer.decision_id))).decision


def remarks(answer: RouteResponse) -> set[str]:
    return {ReasonCode.Name(code).removeprefix("REASON_CODE_") for code in answer.reason_codes}


async def taught(server: Serving, model: str, quality: float, *, times: int) -> None:
    """Reports a model's quality on decisions that could only fall on it."""
    for _ in range(times):
        answer = await server.acme.route(prompt(constraints={"allowed_models": [model]}))
        await server.acme.observe(ObserveRequest(feedback_token=answer.feedback_token, quality=quality))


@pytest.mark.parametrize(
    ("objective", "weights"),
    [
        (None, (0.25, 0.125)),
        ({"named": "NAMED_OBJECTIVE_UNSPECIFIED"}, (0.25, 0.125)),
        ({"named": "NAMED_OBJECTIVE_BALANCED"}, (0.25, 0.125)),
        ({"named": "NAMED_OBJECTIVE_HIGHEST_QUALITY"}, (0.0, 0.0)),
        ({"named": "NAMED_OBJECTIVE_LOWEST_COST"}, (10.0, 0.125)),
        ({"named": "NAMED_OBJECTIVE_LOWEST_LATENCY"}, (0.25, 10.0)),
        ({"weights": {"cost": 3.5, "latency": 0.5}}, (3.5, 0.5)),
        ({"weights": {}}, (0.0, 0.0)),
    ],
)
async def test_the_objective_sets_the_weights_that_are_recorded(
    server: Serving, objective: dict[str, object] | None, weights: tuple[float, float]
) -> None:
    record = await recorded(server, await server.acme.route(prompt(objective=objective)))
    assert (record.weights.cost, record.weights.latency) == weights


async def test_utilities_follow_the_documented_law(server: Serving) -> None:
    objective = {"weights": {"cost": 2.0, "latency": 0.75}}
    record = await recorded(server, await server.acme.route(prompt(objective=objective)))
    policy = server.app.rooms.policy
    for candidate in record.candidates:
        expected = candidate.expected
        cost = expected.cost_nano_usd / policy.cost_scale_nano_usd
        latency = expected.latency.ToNanoseconds() / 1e9 / policy.latency_scale_seconds
        utility = (1 - expected.failure_rate) * expected.quality - 2.0 * cost - 0.75 * latency
        assert candidate.utility == pytest.approx(utility, abs=1e-6)


async def test_cost_first_takes_the_cheapest_and_speed_first_the_fastest(server: Serving) -> None:
    for named, model in (("LOWEST_COST", CHEAPEST), ("LOWEST_LATENCY", FASTEST)):
        record = await recorded(
            server, await server.acme.route(prompt(objective={"named": f"NAMED_OBJECTIVE_{named}"}))
        )
        best = max(record.candidates, key=lambda candidate: candidate.utility)
        assert best.target.model == model
        assert best.propensity == max(candidate.propensity for candidate in record.candidates)


async def test_the_expected_cost_of_target_and_fallbacks_never_exceeds_the_limit(server: Serving) -> None:
    everything = await recorded(server, await server.acme.route(prompt()))
    costs = sorted(candidate.expected.cost_nano_usd for candidate in everything.candidates)
    for limit in (*costs, costs[2] + 1):
        answer = await server.acme.route(prompt(constraints={"max_cost_nano_usd": limit}))
        assert answer.expected.cost_nano_usd <= limit
        assert all(fallback.expected.cost_nano_usd <= limit for fallback in answer.fallbacks)
    too_little = prompt(constraints={"max_cost_nano_usd": costs[0] - 1})
    await refused(server.acme.route(too_little), "NO_ELIGIBLE_MODEL", "FAILED_PRECONDITION")


async def test_a_single_candidate_is_said_to_be_the_only_one(server: Serving) -> None:
    answer = await server.acme.route(prompt(constraints={"allowed_models": ["cobalt-pro"]}))
    assert "ONLY_CANDIDATE" in remarks(answer)
    assert answer.propensity == 1.0


async def test_a_quality_floor_that_one_model_reaches_sets_the_others_aside(tmp_path: Path) -> None:
    async with on_catalogue(tmp_path, TWO_MODELS) as server:
        await taught(server, "duet", 0.9, times=6)
        await taught(server, "solo", 0.1, times=6)
        answer = await server.acme.route(prompt(constraints={"quality_floor": 0.8}))
        assert (answer.target.model, answer.propensity) == ("duet", 1.0)
        assert not answer.fallbacks
        assert "QUALITY_FLOOR_UNMET" not in remarks(answer)


async def test_a_quality_floor_that_nobody_reaches_is_served_and_said(tmp_path: Path) -> None:
    async with on_catalogue(tmp_path, TWO_MODELS) as server:
        await taught(server, "duet", 0.4, times=3)
        await taught(server, "solo", 0.3, times=3)
        answer = await server.acme.route(prompt(constraints={"quality_floor": 0.99}))
        assert answer.target.model
        assert "QUALITY_FLOOR_UNMET" in remarks(answer)
        assert "QUALITY_FLOOR_UNMET" not in remarks(await server.acme.route(prompt()))


async def test_a_latency_objective_sets_the_slow_aside(server: Serving) -> None:
    for _ in range(5):
        answer = await server.acme.route(prompt(constraints={"latency_slo": {"seconds": 2}}))
        names = {answer.target.model, *(fallback.target.model for fallback in answer.fallbacks)}
        assert names == {"ember-nano", "ember-mini"}
        assert "LATENCY_SLO_UNMET" not in remarks(answer)


async def test_a_latency_objective_that_nobody_meets_takes_the_fastest_and_says_so(server: Serving) -> None:
    answer = await server.acme.route(prompt(constraints={"latency_slo": {"nanos": 1_000_000}}))
    assert (answer.target.model, answer.propensity) == (FASTEST, 1.0)
    assert "LATENCY_SLO_UNMET" in remarks(answer)
    record = await recorded(server, answer)
    assert record.reason_codes == answer.reason_codes


async def test_a_drawn_model_that_is_not_the_best_is_said_to_be_explored(server: Serving) -> None:
    seen = set()
    for _ in range(40):
        answer = await server.acme.route(prompt())
        record = await recorded(server, answer)
        best = max(candidate.utility for candidate in record.candidates)
        (chosen,) = [c for c in record.candidates if c.target == answer.target]
        is_explored = "EXPLORED" in remarks(answer)
        assert is_explored == (chosen.utility < best)
        seen.add(is_explored)
    assert seen == {True, False}
