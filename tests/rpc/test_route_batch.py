"""RouteBatch over a real socket: one bad item never touches its neighbours, and fails as a call of its own would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc
import pytest

from atp_grpc.client import AtpCallError, refusal
from atp_grpc.client.errors import call_error
from atp_grpc.client.messages import GetDecisionRequest, PlanRequest, RouteBatchRequest, RouteRequest
from atp_grpc.config import IdempotencySettings, StoreSettings
from atp_grpc.pb.atp.v1.route_service_pb2_grpc import RouteServiceStub
from tests.rpc.provoking import prompt, refused
from tests.rpc.serving import ACME, Serving, serving

SIZE = 256
BAD: dict[str, Callable[[], RouteRequest]] = {
    "no input": RouteRequest,
    "an empty prompt": lambda: prompt(""),
    "a negative count": lambda: prompt(input_tokens=-1),
    "not a number": lambda: prompt(constraints={"quality_floor": float("nan")}),
    "an infinite weight": lambda: prompt(objective={"weights": {"cost": float("inf")}}),
    "negative money": lambda: prompt(constraints={"max_cost_nano_usd": -5}),
    "a bad id": lambda: prompt(request_id="not an id"),
    "a turn without a role": lambda: RouteRequest(conversation={"messages": [{"parts": [{"text": "hi"}]}]}),
    "too much text": lambda: prompt("x" * 300_000),
    "an unknown model": lambda: prompt(constraints={"allowed_models": ["ghost"]}),
    "an unknown policy": lambda: prompt(policy="ghost"),
    "foreign features": lambda: RouteRequest(features={"schema_id": "acme.v9", "values": [0.0]}),
    "a revision to come": lambda: prompt(min_revision=99),
    "no candidate left": lambda: prompt(constraints={"required_capabilities": ["telepathy"]}),
    "no money": lambda: prompt(constraints={"max_cost_nano_usd": 0}),
    "a used id": lambda: prompt("other words", request_id="used"),
}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving(tmp_path / "data", store=StoreSettings("memory")) as running:
        yield running


def said(error: AtpCallError) -> dict[str, object]:
    """Everything an error says but the name of its call."""
    return {name: value for name, value in vars(error).items() if name != "trace_id"}


async def refused_alone(server: Serving, request: RouteRequest) -> AtpCallError:
    """The refusal of a single call over a channel that never retries."""
    metadata = (("authorization", f"Bearer {server.credentials[ACME]}"),)
    async with grpc.aio.insecure_channel(server.target) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await RouteServiceStub(channel).Route(request, metadata=metadata)
    return call_error(caught.value)


async def test_every_kind_of_bad_item_fails_as_a_call_of_its_own_and_its_neighbours_are_served(server: Serving) -> None:
    await server.acme.route(prompt("the first words", request_id="used"))
    items = [prompt(f"question {number}") for number in range(SIZE)]
    start = SIZE // 2
    places = dict(enumerate(BAD, start))
    for place, name in places.items():
        items[place] = BAD[name]()
    results = (await server.acme.route_batch(RouteBatchRequest(requests=items))).results
    assert len(results) == SIZE
    good = [result.response for place, result in enumerate(results) if place not in places]
    assert all(answer.feedback_token and answer.target.model for answer in good)
    assert len({answer.decision_id for answer in good}) == SIZE - len(BAD)
    for place, name in places.items():
        assert results[place].WhichOneof("result") == "error", name
        assert said(refusal(results[place].error)) == said(await refused_alone(server, BAD[name]())), name


async def test_a_batch_of_nothing_but_bad_items_is_answered_item_by_item(server: Serving) -> None:
    batch = await server.acme.route_batch(RouteBatchRequest(requests=[RouteRequest(), prompt(policy="ghost")]))
    assert [refusal(result.error).reason for result in batch.results] == ["INVALID_FIELD", "UNKNOWN_POLICY"]


async def test_every_item_is_a_decision_that_can_be_read(server: Serving) -> None:
    items = [prompt(str(number), labels={"n": str(number)}) for number in range(20)]
    results = (await server.acme.route_batch(RouteBatchRequest(requests=items))).results
    for number, result in enumerate(results):
        lookup = GetDecisionRequest(decision_id=result.response.decision_id)
        record = (await server.acme.get_decision(lookup)).decision
        assert record.labels["n"] == str(number)
        assert record.target == result.response.target


async def test_all_items_are_decided_at_one_moment_on_one_catalogue(server: Serving) -> None:
    items = [prompt(str(number)) for number in range(SIZE)]
    results = (await server.acme.route_batch(RouteBatchRequest(requests=items))).results
    assert len({result.response.decided_at.ToNanoseconds() for result in results}) == 1
    assert len({result.response.catalog_revision for result in results}) == 1
    assert len({result.response.target.model for result in results}) > 1


@pytest.mark.parametrize("size", [0, SIZE + 1])
async def test_a_batch_of_a_wrong_size_is_refused_whole(server: Serving, size: int) -> None:
    batch = RouteBatchRequest(requests=[prompt()] * size)
    error = await refused(server.acme.route_batch(batch), "INVALID_FIELD", "INVALID_ARGUMENT")
    assert [violation.field for violation in error.violations] == ["requests"]


async def test_ids_beyond_the_tenants_share_refuse_only_their_items(tmp_path: Path) -> None:
    limits = IdempotencySettings(ids_per_tenant=2)
    async with serving(tmp_path, store=StoreSettings("memory"), idempotency=limits) as server:
        items = [prompt(str(number), request_id=f"id-{number}") for number in range(4)] + [prompt("no id")]
        results = (await server.acme.route_batch(RouteBatchRequest(requests=items))).results
        assert [result.WhichOneof("result") for result in results] == [
            "response",
            "response",
            "error",
            "error",
            "response",
        ]
        assert {refusal(result.error).reason for result in results[2:4]} == {"REQUEST_IDS_EXHAUSTED"}


async def test_a_batch_weighs_as_single_calls_do(server: Serving) -> None:
    request = prompt("Same words, same weights")
    plan = await server.acme.plan(PlanRequest(request=request))
    utilities = {c.target.model: c.utility for c in plan.candidates}
    results = (await server.acme.route_batch(RouteBatchRequest(requests=[request] * 5))).results
    for result in results:
        lookup = GetDecisionRequest(decision_id=result.response.decision_id)
        record = (await server.acme.get_decision(lookup)).decision
        assert {c.target.model: c.utility for c in record.candidates} == utilities
