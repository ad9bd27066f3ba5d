"""Many reports over a real socket: batches answer item by item, and the order of feedback does not matter."""

from __future__ import annotations

import asyncio
import gc
import io
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from atp_grpc.client import refusal
from atp_grpc.client.messages import (
    EngineInfo,
    GetDecisionRequest,
    GetServerInfoRequest,
    ObserveBatchRequest,
    ObserveRequest,
    RouteBatchRequest,
)
from atp_grpc.config import PolicySettings, StoreSettings
from atp_grpc.domain.clock import ManualClock
from tests.rpc.provoking import locked, prompt, refused
from tests.rpc.serving import Serving, serving
from tests.rpc.waiting import eventually

MODELS = ("ember-nano", "cobalt-base", "onyx-large")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving(tmp_path / "data") as running:
        yield running


async def tokens(server: Serving, count: int) -> list[bytes]:
    batch = RouteBatchRequest(requests=[prompt(f"question {number}") for number in range(count)])
    return [result.response.feedback_token for result in (await server.acme.route_batch(batch)).results]


async def test_one_bad_item_of_each_kind_leaves_its_neighbours_recorded(server: Serving) -> None:
    good = await tokens(server, 250)
    foreign = (await server.globex.route(prompt())).feedback_token
    items = [ObserveRequest(feedback_token=token, quality=0.5) for token in good]
    bad = {
        100: (ObserveRequest(quality=1.0), "INVALID_FIELD"),
        101: (ObserveRequest(feedback_token=good[0], quality=float("nan")), "INVALID_FIELD"),
        102: (ObserveRequest(feedback_token=good[0]), "INVALID_FIELD"),
        103: (ObserveRequest(feedback_token=b"forged", quality=1.0), "TOKEN_INVALID"),
        104: (ObserveRequest(feedback_token=foreign, quality=1.0), "TOKEN_INVALID"),
        105: (ObserveRequest(decision_id="never-was", quality=1.0), "DECISION_NOT_FOUND"),
    }
    for place, (item, _) in bad.items():
        items.insert(place, item)
    results = (await server.acme.observe_batch(ObserveBatchRequest(requests=items))).results
    assert len(results) == 256
    for place, result in enumerate(results):
        if place in bad:
            assert refusal(result.error).reason == bad[place][1]
        else:
            assert list(result.response.recorded_fields) == ["quality"]
    sequences = [result.response.sequence for place, result in enumerate(results) if place not in bad]
    assert sequences == list(range(1, 251))
    info = await server.acme.get_server_info(GetServerInfoRequest())
    assert (info.engine.learned, info.last_sequence) == (250, 250)


async def test_items_about_one_decision_see_each_other(server: Serving) -> None:
    (token,) = await tokens(server, 1)
    fields: list[dict[str, Any]] = [{"quality": 0.5}, {"quality": 0.5}, {"quality": 0.6}, {"labels": {"a": "b"}}]
    items = [ObserveRequest(feedback_token=token, **each) for each in fields]
    first, again, other, label = (await server.acme.observe_batch(ObserveBatchRequest(requests=items))).results
    assert list(first.response.recorded_fields) == ["quality"]
    assert list(again.response.unchanged_fields) == ["quality"]
    assert refusal(other.error).reason == "OUTCOME_CONFLICT"
    assert list(label.response.recorded_fields) == ["labels.a"]


@pytest.mark.parametrize("size", [0, 257])
async def test_a_batch_of_a_wrong_size_is_refused_whole(server: Serving, size: int) -> None:
    batch = ObserveBatchRequest(requests=[ObserveRequest(decision_id="d", quality=1.0)] * size)
    await refused(server.acme.observe_batch(batch), "INVALID_FIELD", "INVALID_ARGUMENT")


def reports_on(decisions: Sequence[bytes]) -> list[ObserveRequest]:
    """Two reports on each decision: what was tried, and how good it was."""
    chance = random.Random(11)
    reports = []
    for token in decisions:
        usage, latency = {"output_tokens": chance.randrange(400)}, {"nanos": chance.randrange(10**9)}
        failed: dict[str, Any] = {"model": chance.choice(MODELS), "error": "ATTEMPT_ERROR_CUT"}
        answered: dict[str, Any] = {"model": chance.choice(MODELS), "usage": usage, "latency": latency}
        attempts = [failed, answered] if chance.random() < 0.3 else [answered]
        reports.append(ObserveRequest(feedback_token=token, attempts=attempts))
        reports.append(ObserveRequest(feedback_token=token, quality=chance.random(), attempts=attempts))
    return reports


async def test_the_order_of_feedback_does_not_matter_to_what_is_learned(tmp_path: Path) -> None:
    """On three servers that share nothing but the sealing keys; observations fade, dated by their decisions."""
    clock, policy = ManualClock(), PolicySettings(half_life_seconds=3600.0)
    memory = StoreSettings("memory")
    decisions = []
    async with serving(tmp_path, clock=clock, store=memory, policy=policy) as server:
        for number in range(60):
            clock.advance(60.0)
            decisions.append((await server.acme.route(prompt(f"question {number}"))).feedback_token)
    reports = reports_on(decisions)
    summaries: list[EngineInfo] = []
    for order in (reports, reports[::-1], random.Random(5).sample(reports, len(reports))):
        async with serving(tmp_path, clock=clock, store=memory, policy=policy) as server:
            for report in order:
                await server.acme.observe(report)
            summaries.append((await server.acme.get_server_info(GetServerInfoRequest())).engine)
    first, *others = summaries
    assert first.learned >= 60
    for other in others:
        assert other.context_z == pytest.approx(first.context_z, rel=1e-9, abs=1e-9)
        for arm, same in zip(other.arms, first.arms, strict=True):
            assert arm.model == same.model
            for name in ("observations", "quality", "output_tokens", "latency_seconds", "failure_rate"):
                assert getattr(arm, name) == pytest.approx(getattr(same, name), rel=1e-9)


async def test_a_caller_that_leaves_a_batch_loses_no_report_and_leaves_no_error_behind(tmp_path: Path) -> None:
    log = io.StringIO()
    async with serving(tmp_path, log_stream=log) as server:
        decisions = [await server.acme.route(prompt()) for _ in range(3)]
        await server.acme.observe(ObserveRequest(decision_id=decisions[-1].decision_id, quality=0.1))
        reports = [ObserveRequest(feedback_token=one.feedback_token, quality=0.9) for one in decisions]
        with locked(tmp_path / "atp.db"):
            leaving = asyncio.ensure_future(server.acme.observe_batch(ObserveBatchRequest(requests=reports)))
            await eventually(open_calls(server), is_it=lambda count: count == 1)
            leaving.cancel()
            await eventually(open_calls(server), is_it=lambda count: count == 0)
        await eventually(learned_through(server), is_it=lambda sequence: sequence == 3)
        for one in decisions[:-1]:
            found = await server.acme.get_decision(GetDecisionRequest(decision_id=one.decision_id))
            assert found.decision.outcome.quality == 0.9
        gc.collect()
    assert "incident" not in log.getvalue()


def open_calls(server: Serving) -> Callable[[], Awaitable[int]]:
    async def look() -> int:
        return server.app.door.traffic.open_calls

    return look


def learned_through(server: Serving) -> Callable[[], Awaitable[int]]:
    async def look() -> int:
        return server.app.rooms.learner.learned_through

    return look
