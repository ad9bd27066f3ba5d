"""Each flag switches what it says, over a socket, while the server runs."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from atp_grpc.client.messages import CacheOutcome, CacheUse, PlanRequest, RefusalCause, RouteRequest, SetFlagRequest
from atp_grpc.config import PolicySettings
from atp_grpc.mock_provider import Script
from tests.faults.asking.ledger import QUIET
from tests.faults.asking.world import SHARED, Place, Told, World, asked, world
from tests.rpc.waiting import eventually

CACHED = {"cache": CacheUse.CACHE_USE_READ_AND_WRITE}


async def switch(at: World, name: str, *, on: bool) -> None:
    answer = await at.acme.operations.set_flag(SetFlagRequest(name=name, on=on))
    assert (answer.flag.name, answer.flag.on) == (name, on)


@contextlib.asynccontextmanager
async def switched_off(at: World, name: str) -> AsyncIterator[None]:
    await switch(at, name, on=False)
    yield
    await switch(at, name, on=True)


def outcome(told: Told) -> Any:
    assert told.answer is not None, told
    return told.answer.final.cache


@pytest.mark.parametrize("streamed", [False, True])
async def test_ask_cache_off_serves_no_answer_of_before_and_keeps_none(tmp_path: Path, streamed: bool) -> None:
    async with world(tmp_path, shape=QUIET) as at:
        first = await asked(at, streamed=streamed, **CACHED)
        again = await asked(at, streamed=streamed, **CACHED)
        async with switched_off(at, "ask_cache"):
            off = await asked(at, streamed=streamed, **CACHED)
            new = await asked(at, streamed=streamed, prompt="Which bridge?", **CACHED)
        back = await asked(at, streamed=streamed, **CACHED)
        unkept = await asked(at, streamed=streamed, prompt="Which bridge?", **CACHED)
        calls = len(at.mock.calls)

    hit, miss, unused = (
        CacheOutcome.CACHE_OUTCOME_HIT,
        CacheOutcome.CACHE_OUTCOME_MISS,
        CacheOutcome.CACHE_OUTCOME_UNSPECIFIED,
    )
    assert [outcome(one) for one in (first, again, off, new, back, unkept)] == [miss, hit, unused, unused, hit, miss]
    assert calls == 4


async def test_ask_cascade_off_asks_the_drawn_model_alone(tmp_path: Path) -> None:
    dear = "[[deployment.price]]\neffective_from = 2020-01-01T00:00:00Z\ninput_usd_per_million_tokens = 9\n"
    places = (Place("cheap", model="one"), Place("dear", model="two", more=f"{dear}output_usd_per_million_tokens = 9"))
    policy = PolicySettings(cascade_min_confidence=0.9, cost_weight=0.0, epsilon=1.0)
    async with world(tmp_path, places, shape=QUIET, policy=policy) as at:
        at.mock.script(SHARED, Script(log_probability=-3.0))
        pairs = [await asked(at, streamed=False) for _ in range(12)]
        with_cascade = {len(one.answer.final.attempts) for one in pairs if one.answer}
        async with switched_off(at, "ask_cascade"):
            pairs = [await asked(at, streamed=False) for _ in range(12)]
        alone = {len(one.answer.final.attempts) for one in pairs if one.answer}

    assert max(with_cascade) == 2
    assert alone == {1}


async def test_ask_probes_off_believes_in_every_endpoint_again(tmp_path: Path) -> None:
    nowhere = [Place("one-a", base_url="http://127.0.0.1:9/v1")]
    probing = {"private_targets": ("127.0.0.1:9",), "probe_interval_seconds": 0.02, "max_attempts": 1}
    async with world(tmp_path, nowhere, shape=QUIET, ask=probing) as at:

        async def refusals() -> set[int]:
            plan = await at.acme.plan(PlanRequest(request=RouteRequest(prompt="Which river?")))
            return {one.refusal for one in plan.candidates if one.refusal}

        away = {RefusalCause.REFUSAL_CAUSE_NOT_SERVING}
        await eventually(refusals, is_it=away.__eq__)
        await switch(at, "ask_probes", on=False)
        await eventually(refusals, is_it=set().__eq__)
        await switch(at, "ask_probes", on=True)
        await eventually(refusals, is_it=away.__eq__)
