"""Callers with one id over a whole server: each has time of his own, and what was paid for is never lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration

from atp_grpc.client.messages import ChaosFault, ChaosRule, ChaosTarget, SetChaosRequest
from atp_grpc.config import ChaosSettings
from atp_grpc.mock_provider import Script
from tests.faults.asking.ledger import LARGE, QUIET, settled
from tests.faults.asking.world import asked, world
from tests.rpc.spending import give
from tests.rpc.waiting import until

STORE = ChaosTarget.CHAOS_TARGET_STORE
LATE = ChaosRule(target=STORE, fault=ChaosFault.CHAOS_FAULT_DELAY, probability=1.0, delay=Duration(nanos=150_000_000))


@pytest.mark.parametrize("streamed", [False, True])
async def test_who_leaves_while_the_bill_is_written_is_given_that_answer_and_billed_once(
    tmp_path: Path, streamed: bool
) -> None:
    async with world(tmp_path, shape=QUIET, chaos=ChaosSettings(allowed=True)) as at:
        await give(at.server, LARGE)
        await at.acme.operations.set_chaos(SetChaosRequest(target=STORE, rules=[LATE], seed=7))
        leaver = asyncio.create_task(asked(at, streamed=streamed, request_id="r-1"))
        await until(lambda: at.mock.calls and at.mock.calls[0].ended)
        # The provider is done, and so is all that the answer waits for but the store.
        await until(lambda: not any(load.in_flight for load in at.fleet.loads()))
        leaver.cancel()
        await asyncio.gather(leaver, return_exceptions=True)
        again = await asked(at, streamed=not streamed, request_id="r-1")
        await at.acme.operations.set_chaos(SetChaosRequest(target=STORE))
        budget, kept = await settled(at)

    assert leaver.cancelled()
    assert again.answer is not None
    assert len(at.mock.calls) == 1
    assert kept == {again.answer.decision.decision_id: again.answer.final.total_cost_nano_usd}
    assert budget.spent_nano_usd == again.answer.final.total_cost_nano_usd > 0


@pytest.mark.parametrize("streamed", [False, True])
async def test_who_joins_a_call_keeps_time_of_his_own(tmp_path: Path, streamed: bool) -> None:
    async with world(tmp_path, shape=QUIET) as at:
        at.strike(Script(first_token_seconds=0.6))
        short = asyncio.create_task(asked(at, streamed=streamed, deadline_seconds=0.3, request_id="r-1"))
        await until(lambda: at.mock.calls)
        long = await asked(at, streamed=streamed, request_id="r-1")
        calls = len(at.mock.calls)

    assert (await short).status == "DEADLINE_EXCEEDED"
    assert (long.status, calls) == ("OK", 1)
