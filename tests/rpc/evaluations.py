"""A log whose every outcome is known: what each model is worth and costs is fixed, so any target's truth is a sum."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from google.longrunning import operations_pb2

from atp_grpc.client import AtpCallError, AtpClient
from atp_grpc.client import messages as m
from atp_grpc.client.evaluations import result
from atp_grpc.domain.history import HistoryPage, HistoryQuery, Place
from atp_grpc.services import long_running
from tests.rpc.provoking import PROVOKED, refused
from tests.rpc.serving import Serving
from tests.rpc.waiting import eventually

MODELS = ("cobalt-base", "cobalt-pro", "ember-mini", "ember-nano", "onyx-large", "onyx-reason")
QUALITY = dict(zip(MODELS, (0.55, 0.8, 0.5, 0.3, 0.7, 0.9), strict=True))
COST = dict(zip(MODELS, (400_000, 2_000_000, 150_000, 50_000, 5_000_000, 9_000_000), strict=True))
BATCH = 100


async def write_log(atp: AtpClient, batches: int = 10, *, seed: int = 1, **fields: str) -> None:
    """Routes and reports; when this returns, every decision is in the log."""
    chance = random.Random(seed)
    last = ""
    for _ in range(batches):
        requests = [m.RouteRequest(prompt=f"{chance.random()}", **fields) for _ in range(BATCH)]  # type: ignore[arg-type]
        routed = await atp.route_batch(m.RouteBatchRequest(requests=requests))
        reports = []
        for one in routed.results:
            answer = one.response
            model, last = answer.target.model, answer.decision_id
            attempt = m.Attempt(model=model, cost_nano_usd=COST[model])
            reports.append(
                m.ObserveRequest(feedback_token=answer.feedback_token, quality=QUALITY[model], attempts=[attempt])
            )
        await atp.observe_batch(m.ObserveBatchRequest(requests=reports))

    async def newest() -> str:
        page = await atp.list_decisions(m.ListDecisionsRequest(page_size=1))
        return page.decisions[0].decision_id if page.decisions else ""

    await eventually(newest, is_it=lambda name: name == last)


def truth(response: m.EvaluatePolicyResponse, worth: Mapping[str, float]) -> float:
    """What a target with these shares would have earned."""
    return sum(share.target * worth[share.model] for share in response.shares)


def holds(measure: m.MeasureEvaluation, value: float) -> bool:
    """Whether an estimate's interval holds a value."""
    estimate = measure.estimates.value
    return measure.HasField("estimates") and estimate.low <= value <= estimate.high


@asynccontextmanager
async def standing_still(server: Serving, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Event]:
    """Keeps evaluations from reading any further, until the event is set or the block ends; no call waits for them."""
    store, gate = server.app.rooms.store, asyncio.Event()
    read = store.history

    async def gated(query: HistoryQuery, *, after: Place | None, limit: int) -> HistoryPage:
        await gate.wait()
        return await read(query, after=after, limit=limit)

    with monkeypatch.context() as patch:
        patch.setattr(store, "history", gated)
        patch.setattr(long_running, "AT_ONCE_SECONDS", 0.02)
        try:
            yield gate
        finally:
            gate.set()


async def ended(atp: AtpClient, operation: operations_pb2.Operation) -> m.EvaluatePolicyResponse:
    """What came of an operation."""
    return result(await atp.evaluations.wait(operation.name, 5.0))


async def cancelled(server: Serving, name: str) -> None:
    """Checks that an operation of acme's ended because it was cancelled."""
    with pytest.raises(AtpCallError) as caught:
        result(await server.acme.evaluations.get(name))
    assert (caught.value.reason, caught.value.code) == ("OPERATION_CANCELLED", "CANCELLED")
    PROVOKED.add(caught.value.reason)


async def provoke_refusals_of_operations(server: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    """Provokes each reason that only operations have."""
    request = m.EvaluatePolicyRequest(uniform=True)
    async with standing_still(server, monkeypatch):
        operations = await asyncio.gather(*(server.acme.evaluations.begin(request) for _ in range(4)))
        await refused(server.acme.evaluations.begin(request), "OPERATIONS_EXHAUSTED", "RESOURCE_EXHAUSTED", retry=True)
        await server.acme.evaluations.cancel(operations[0].name)
        await cancelled(server, operations[0].name)
