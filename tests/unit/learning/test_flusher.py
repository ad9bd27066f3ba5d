"""Decisions written behind: bounded, in batches, given up and counted rather than waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from atp_grpc.domain.decision import Candidate, Decision, Expectation, Target
from atp_grpc.domain.request import Weights
from atp_grpc.learning.flusher import MAX_BATCH, Flusher
from atp_grpc.store.contract import DecisionRecord, StoreFailure
from atp_grpc.store.decision_codec import record_of
from atp_grpc.store.memory import MemoryStore
from tests.unit.learning.examples import lesson

LIMIT = 4 * MAX_BATCH


def record(number: int) -> DecisionRecord:
    candidate = Candidate(Target("small", "small@one", "one"), Expectation(0.9, 10, 0.1, 0.0), 0.9, 1.0)
    return record_of(Decision(lesson(f"d{number}"), (candidate,), 0, 1, Weights(0.1, 0.0), (), "reference"))


class GatedStore(MemoryStore):
    """A store that writes when it is let to, and fails as often as it is told to."""

    def __init__(self) -> None:
        super().__init__("r1")
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = asyncio.Event()
        self.batches: list[int] = []
        self.failures = 0

    async def save_decisions(self, records: Sequence[DecisionRecord]) -> None:
        self.entered.set()
        await self.gate.wait()
        self.batches.append(len(records))
        if self.failures:
            self.failures -= 1
            raise StoreFailure("full")
        await super().save_decisions(records)


class Desk:
    """A flusher at work."""

    def __init__(self) -> None:
        self.store = GatedStore()
        self.dropped = 0
        self.flusher = Flusher(store=self.store, limit=LIMIT, on_dropped=self.count)
        self.task = asyncio.create_task(self.flusher.run())

    def count(self, records: int) -> None:
        self.dropped += records

    def offer(self, numbers: range) -> None:
        for number in numbers:
            self.flusher.offer(record(number))

    async def close(self) -> None:
        self.flusher.close()
        await self.task

    async def kept(self, numbers: range) -> int:
        return sum([await self.store.find_decision("acme", f"d{number}") is not None for number in numbers])


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    desk.store.gate.set()
    if not desk.task.done():
        await desk.close()


async def test_what_is_offered_is_written_without_being_asked_again(desk: Desk) -> None:
    desk.offer(range(3))
    await desk.store.entered.wait()
    desk.store.entered.clear()
    desk.offer(range(3, 5))
    await desk.store.entered.wait()
    await desk.close()
    assert await desk.kept(range(5)) == 5
    assert desk.dropped == desk.flusher.depth == 0


async def test_closing_writes_what_is_queued_at_once_and_in_batches(desk: Desk) -> None:
    desk.offer(range(2 * MAX_BATCH + 1))
    assert desk.flusher.depth == 2 * MAX_BATCH + 1
    await desk.close()
    assert desk.store.batches == [MAX_BATCH, MAX_BATCH, 1]
    assert desk.flusher.depth == 0


async def test_closing_cuts_a_gathering_batch_short(desk: Desk) -> None:
    desk.offer(range(1))
    await asyncio.sleep(0)
    await desk.close()
    assert desk.store.batches == [1]


async def test_closing_an_idle_flusher_writes_nothing(desk: Desk) -> None:
    await desk.close()
    assert desk.store.batches == []


async def test_a_full_queue_drops_and_counts_what_comes_and_keeps_what_is_there(desk: Desk) -> None:
    desk.store.gate.clear()
    desk.offer(range(MAX_BATCH))
    await desk.store.entered.wait()
    desk.offer(range(MAX_BATCH, MAX_BATCH + LIMIT + 7))
    assert desk.flusher.depth == LIMIT
    assert desk.dropped == 7
    desk.store.gate.set()
    await desk.close()
    assert await desk.kept(range(MAX_BATCH + LIMIT)) == MAX_BATCH + LIMIT
    assert await desk.kept(range(MAX_BATCH + LIMIT, MAX_BATCH + LIMIT + 7)) == 0


async def test_a_failing_store_costs_its_batch_and_nothing_is_tried_again(desk: Desk) -> None:
    desk.store.failures = 1
    desk.offer(range(MAX_BATCH + 4))
    await desk.close()
    assert desk.store.batches == [MAX_BATCH, 4]
    assert desk.dropped == MAX_BATCH
    assert await desk.kept(range(MAX_BATCH + 4)) == 4


async def test_what_comes_while_a_batch_is_written_gathers_too(desk: Desk) -> None:
    desk.store.gate.clear()
    desk.offer(range(1))
    await desk.store.entered.wait()
    desk.store.entered.clear()
    desk.offer(range(1, 2))
    desk.store.gate.set()
    # The writer is free in a moment; whoever comes in the next moments still joins.
    for _ in range(20):
        await asyncio.sleep(0)
    assert desk.store.batches == [1]
    desk.offer(range(2, 4))
    await desk.store.entered.wait()
    await desk.close()
    assert desk.store.batches == [1, 3]


async def test_a_full_batch_is_not_kept_waiting(desk: Desk) -> None:
    desk.offer(range(1))
    await asyncio.sleep(0)
    desk.offer(range(1, MAX_BATCH))
    for _ in range(20):
        await asyncio.sleep(0)
    assert desk.store.batches == [MAX_BATCH]
