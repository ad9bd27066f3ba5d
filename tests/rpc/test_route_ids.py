"""Request ids of Route over a real socket: one id, one decision."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from atp_grpc.client.messages import RouteBatchRequest
from atp_grpc.config import IdempotencySettings, StoreSettings
from atp_grpc.domain.clock import ManualClock
from tests.rpc.catalogues import ONE_MODEL
from tests.rpc.provoking import on_catalogue, prompt, refused
from tests.rpc.serving import Serving, serving

TTL_SECONDS = 600.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def server(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Serving]:
    idempotency = IdempotencySettings(ttl_seconds=TTL_SECONDS)
    async with serving(tmp_path, clock=clock, store=StoreSettings("memory"), idempotency=idempotency) as running:
        yield running


def decisions_made(server: Serving) -> int:
    registry = server.app.rooms.instruments.metrics.registry
    samples = [sample for family in registry.collect() for sample in family.samples]
    return round(sum(sample.value for sample in samples if sample.name == "atp_decisions_total"))


async def test_the_same_id_gets_the_identical_answer_and_opens_one_decision(server: Serving) -> None:
    first = await server.acme.route(prompt(request_id="r-1"))
    again = await server.acme.route(prompt(request_id="r-1"))
    assert again.SerializeToString(deterministic=True) == first.SerializeToString(deterministic=True)
    assert decisions_made(server) == 1


async def test_fifty_concurrent_duplicates_open_one_decision(server: Serving) -> None:
    answers = await asyncio.gather(*(server.acme.route(prompt(request_id="r-1")) for _ in range(50)))
    assert len({answer.SerializeToString(deterministic=True) for answer in answers}) == 1
    assert decisions_made(server) == 1


async def test_without_an_id_every_call_is_a_new_decision(server: Serving) -> None:
    answers = await asyncio.gather(*(server.acme.route(prompt()) for _ in range(50)))
    assert len({answer.decision_id for answer in answers}) == decisions_made(server) == 50


async def test_another_tenants_same_id_is_its_own(server: Serving) -> None:
    ours = await server.acme.route(prompt(request_id="r-1"))
    theirs = await server.globex.route(prompt("another question", request_id="r-1"))
    assert ours.decision_id != theirs.decision_id
    assert (await server.acme.route(prompt(request_id="r-1"))).decision_id == ours.decision_id


async def test_an_id_is_free_again_after_its_time_and_not_before(server: Serving, clock: ManualClock) -> None:
    first = await server.acme.route(prompt(request_id="r-1"))
    clock.advance(TTL_SECONDS - 0.001)
    await refused(server.acme.route(prompt("other", request_id="r-1")), "REQUEST_ID_REUSED", "INVALID_ARGUMENT")
    clock.advance(0.001)
    other = await server.acme.route(prompt("other", request_id="r-1"))
    assert other.decision_id != first.decision_id


async def test_unary_calls_and_batch_items_share_their_ids(server: Serving) -> None:
    unary = await server.acme.route(prompt("a", request_id="shared"))
    items = [prompt("a", request_id="shared"), prompt("b", request_id="fresh"), prompt("b", request_id="fresh")]
    batch = (await server.acme.route_batch(RouteBatchRequest(requests=items))).results
    assert batch[0].response == unary
    assert batch[1].response == batch[2].response
    assert await server.acme.route(prompt("b", request_id="fresh")) == batch[1].response
    assert decisions_made(server) == 2


async def test_a_refused_request_leaves_its_id_free(tmp_path: Path) -> None:
    async with on_catalogue(tmp_path, ONE_MODEL) as server:
        dear = prompt(request_id="r-1", constraints={"max_cost_nano_usd": 0})
        await refused(server.acme.route(dear), "NO_ELIGIBLE_MODEL", "FAILED_PRECONDITION")
        await refused(server.acme.route(dear), "NO_ELIGIBLE_MODEL", "FAILED_PRECONDITION")
        assert (await server.acme.route(prompt(request_id="r-1"))).target.model == "solo"
