"""A store that fails or dawdles while calls are carried out: no answer is told to be complete that is not on disk."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import sqlite3
from pathlib import Path

from google.protobuf.duration_pb2 import Duration

from atp_grpc.client.messages import ChaosFault, ChaosRule, ChaosTarget, SetChaosRequest
from atp_grpc.config import ChaosSettings
from tests.faults.asking.ledger import LARGE, QUIET, settled
from tests.faults.asking.world import Told, asked, world
from tests.faults.battery import report
from tests.rpc.spending import give

STORE = ChaosTarget.CHAOS_TARGET_STORE
TYPED = {"OK", "STORE_UNAVAILABLE", "REQUEST_ID_FORGOTTEN"}


async def test_a_store_that_fails_before_and_after_commits_gives_no_wrong_answer_and_the_books_balance(
    tmp_path: Path,
) -> None:
    rule = ChaosRule(target=STORE, fault=ChaosFault.CHAOS_FAULT_ERROR, probability=0.25)
    async with world(tmp_path, shape=QUIET, chaos=ChaosSettings(allowed=True)) as at:
        await give(at.server, LARGE)
        await at.acme.operations.set_chaos(SetChaosRequest(target=STORE, rules=[rule], seed=7))
        told = list[Told]()
        # Those who come together share one lease of money, and with it one fault.
        for first in range(0, 20, 5):
            told += await asyncio.gather(
                *[
                    asked(at, streamed=number % 2 == 0, request_id=f"id-{name}", prompt=f"{name}?")
                    for number in range(4)
                    for name in range(first, first + 5)
                ]
            )
        await at.acme.operations.set_chaos(SetChaosRequest(target=STORE))
        budget, kept = await settled(at)
        executed = collections.Counter(call.body["messages"][-1]["content"] for call in at.mock.calls)
        good = [one.answer for one in told if one.answer is not None]
        unsaid = [one for one in good if kept.get(one.decision.decision_id) != one.final.total_cost_nano_usd]

    off = budget.spent_nano_usd - sum(kept.values())
    statuses = collections.Counter(one.status for one in told)
    figure = {**statuses, "ok_without_a_durable_bill": len(unsaid), "off_nano_usd": off}
    figure["most_calls_per_id"] = max(executed.values())
    executed_once = max(executed.values()) == 1
    passed = executed_once and not unsaid and not off and statuses.keys() <= TYPED and len(statuses) > 1
    bar = {"ok_without_a_durable_bill": 0, "off_nano_usd": 0, "most_calls_per_id": 1}
    report("chaos_store", n=len(told), figure=figure, bar=bar, passed=passed)
    assert passed, figure


async def test_no_answer_is_told_to_be_complete_before_its_bill_is_on_disk(tmp_path: Path) -> None:
    late = ChaosRule(
        target=STORE, fault=ChaosFault.CHAOS_FAULT_DELAY, probability=1.0, delay=Duration(nanos=50_000_000)
    )
    async with world(tmp_path, shape=QUIET, chaos=ChaosSettings(allowed=True)) as at:
        await at.acme.operations.set_chaos(SetChaosRequest(target=STORE, rules=[late], seed=7))
        missing = 0
        for number in range(12):
            told = await asked(at, streamed=number % 2 == 0)
            assert told.status == "OK"
            # By a connection of our own, which no fault delays.
            with contextlib.closing(sqlite3.connect(tmp_path / "atp.db")) as database:
                ((kept,),) = database.execute("SELECT count(*) FROM outcomes").fetchall()
            missing += number + 1 - kept
        await at.acme.operations.set_chaos(SetChaosRequest(target=STORE))

    report("durable_before_final", n=12, figure={"missing": missing}, bar={"missing": 0}, passed=not missing)
    assert not missing
