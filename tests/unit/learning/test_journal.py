"""The single writer: durable, then learned, then acknowledged; in that order and in the order of the sequences."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from atp_grpc.domain.errors import DrainingError, OutcomeConflictError, StoreUnavailableError
from atp_grpc.domain.outcome import Conflict, NewObservation, Observation, Recorded, Report
from atp_grpc.learning.journal import Journal
from atp_grpc.store.contract import StoreFailure
from atp_grpc.store.memory import MemoryStore
from tests.unit.learning.examples import report_of


class GatedStore(MemoryStore):
    """A store whose commits wait for the test, and fail when it says so."""

    def __init__(self) -> None:
        super().__init__("r1")
        self.gate = asyncio.Event()
        self.failure: Exception | None = None
        self.batches: list[int] = []

    async def record(self, reports: Sequence[NewObservation]) -> list[Recorded | Conflict]:
        await self.gate.wait()
        self.batches.append(len(reports))
        if self.failure is not None:
            raise self.failure
        return await super().record(reports)


class TornStore(MemoryStore):
    """A store that fails when its work is done, as often as the test says."""

    def __init__(self) -> None:
        super().__init__("r1")
        self.torn = 0

    async def record(self, reports: Sequence[NewObservation]) -> list[Recorded | Conflict]:
        answers = await super().record(reports)
        if self.torn:
            self.torn -= 1
            raise StoreFailure("after the commit")
        return answers


class Desk:
    """A journal with everything it says written down."""

    def __init__(self, limit: int = 100) -> None:
        self.store = GatedStore()
        self.learned: list[Observation] = []
        self.faults: list[Exception] = []
        self.commits: list[int] = []
        self.counts: list[int] = []
        self.learning_fault: Exception | None = None
        self.journal = Journal(
            store=self.store,
            learn=self._learn,
            limit=limit,
            on_commit=lambda reports, _: self.commits.append(reports),
            on_learned=self.counts.append,
            monotonic=lambda: 0.0,
            on_fault=self.faults.append,
        )

    def _learn(self, observation: Observation) -> int:
        if self.learning_fault is not None:
            raise self.learning_fault
        self.learned.append(observation)
        return 1


@asynccontextmanager
async def running(desk: Desk) -> AsyncIterator[Desk]:
    task = asyncio.create_task(desk.journal.run())
    yield desk
    desk.store.gate.set()
    desk.journal.close()
    await task


async def test_reports_that_wait_for_one_commit_share_the_next() -> None:
    async with running(Desk()) as desk:
        first = desk.journal.submit(report_of("d0", Report(quality=0.5)))
        await asyncio.sleep(0)
        rest = [desk.journal.submit(report_of(f"d{n}", Report(quality=0.5))) for n in range(1, 10)]
        desk.store.gate.set()
        await asyncio.gather(first, *rest)
        assert desk.store.batches == [1, 9]
        assert [o.sequence for o in desk.learned] == list(range(1, 11))


async def test_nothing_is_learned_before_it_is_durable() -> None:
    async with running(Desk()) as desk:
        answer = desk.journal.submit(report_of("d1", Report(quality=0.5)))
        await asyncio.sleep(0)
        assert desk.learned == []
        desk.store.gate.set()
        assert (await answer).recorded_fields == ("quality",)
        assert len(desk.learned) == 1


async def test_a_caller_that_goes_away_after_the_commit_began_does_not_stop_the_learning() -> None:
    async with running(Desk()) as desk:
        abandoned = desk.journal.submit(report_of("d1", Report(quality=0.5)))
        await asyncio.sleep(0)
        abandoned.cancel()
        desk.store.gate.set()
        await desk.journal.submit(report_of("d2", Report(quality=0.5)))
        assert [o.lesson.decision_id for o in desk.learned] == ["d1", "d2"]


async def test_a_conflict_refuses_one_report_and_not_its_neighbour() -> None:
    async with running(Desk()) as desk:
        desk.store.gate.set()
        await desk.journal.submit(report_of("d1", Report(quality=0.5)))
        conflicting = desk.journal.submit(report_of("d1", Report(quality=0.6)))
        neighbour = desk.journal.submit(report_of("d2", Report(quality=0.6)))
        with pytest.raises(OutcomeConflictError) as refusal:
            await conflicting
        assert refusal.value.metadata == {"field": "quality"}
        assert (await neighbour).observation is not None


@pytest.mark.parametrize("failure", [StoreFailure("disk full"), RuntimeError("a bug")])
async def test_a_failing_commit_acknowledges_nobody_and_the_next_batch_is_tried(failure: Exception) -> None:
    async with running(Desk()) as desk:
        desk.store.failure = failure
        desk.store.gate.set()
        refused = desk.journal.submit(report_of("d1", Report(quality=0.5)))
        with pytest.raises(StoreUnavailableError) as refusal:
            await refused
        assert refusal.value.retry_after_seconds
        assert desk.faults == [failure]
        assert desk.learned == []
        desk.store.failure = None
        await desk.journal.submit(report_of("d1", Report(quality=0.5)))
        assert len(desk.learned) == 1


async def test_a_fault_in_learning_does_not_end_the_writer() -> None:
    async with running(Desk()) as desk:
        desk.store.gate.set()
        desk.learning_fault = RuntimeError("a bug")
        await desk.journal.submit(report_of("d1", Report(quality=0.5)))
        desk.learning_fault = None
        await desk.journal.submit(report_of("d2", Report(quality=0.5)))
        assert len(desk.faults) == 1
        assert [o.lesson.decision_id for o in desk.learned] == ["d2"]


async def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    async with running(Desk(limit=2)) as desk:
        waiting = [desk.journal.submit(report_of(f"d{n}", Report(quality=0.5))) for n in range(2)]
        with pytest.raises(StoreUnavailableError) as refusal:
            desk.journal.submit(report_of("d9", Report(quality=0.5)))
        assert refusal.value.retry_after_seconds
        desk.store.gate.set()
        await asyncio.gather(*waiting)


async def test_a_batch_is_one_commit_and_each_report_is_answered_in_its_place() -> None:
    async with running(Desk()) as desk:
        desk.store.gate.set()
        await desk.journal.submit(report_of("d1", Report(quality=0.5)))
        alone = desk.journal.submit(report_of("d0", Report(quality=0.5)))
        batch = desk.journal.submit_all(
            [report_of("d1", Report(quality=0.6)), *[report_of(f"d{n}", Report(quality=0.5)) for n in (1, 2, 3)]]
        )
        conflict, again, *new = await batch
        assert (await alone).recorded_fields == ("quality",)
        assert isinstance(conflict, OutcomeConflictError)
        assert isinstance(again, Recorded)
        assert again.unchanged_fields == ("quality",)
        assert [o.sequence for o in desk.learned] == [1, 2, 3, 4]
        assert [isinstance(one, Recorded) and one.observation for one in new] == desk.learned[-2:]
        assert (desk.store.batches, desk.commits, desk.counts) == ([1, 5], [1, 5], [1, 3])


async def test_a_caller_that_leaves_its_batch_loses_none_of_it() -> None:
    async with running(Desk()) as desk:
        abandoned = desk.journal.submit_all([report_of(f"d{n}", Report(quality=0.5)) for n in range(3)])
        await asyncio.sleep(0)
        abandoned.cancel()
        desk.store.gate.set()
        await desk.journal.submit(report_of("d9", Report(quality=0.5)))
        assert [o.lesson.decision_id for o in desk.learned] == ["d0", "d1", "d2", "d9"]


async def test_a_batch_that_cannot_be_made_durable_is_refused_as_one() -> None:
    async with running(Desk()) as desk:
        desk.store.failure = StoreFailure("disk full")
        desk.store.gate.set()
        with pytest.raises(StoreUnavailableError):
            await desk.journal.submit_all([report_of(f"d{n}", Report(quality=0.5)) for n in range(3)])
        assert desk.learned == []


async def test_a_batch_is_taken_whole_where_there_is_room_and_counts_report_by_report() -> None:
    async with running(Desk(limit=2)) as desk:
        waiting = desk.journal.submit_all([report_of(f"d{n}", Report(quality=0.5)) for n in range(3)])
        assert desk.journal.depth == 3
        for refused in (desk.journal.submit, lambda report: desk.journal.submit_all([report])):
            with pytest.raises(StoreUnavailableError):
                refused(report_of("d9", Report(quality=0.5)))
        room = asyncio.create_task(desk.journal.wait_for_room())
        await asyncio.sleep(0)
        desk.store.gate.set()
        await asyncio.gather(waiting, room)
        assert desk.journal.depth == 0


async def test_closing_finishes_what_is_queued_and_takes_nothing_more() -> None:
    desk = Desk()
    desk.store.gate.set()
    task = asyncio.create_task(desk.journal.run())
    answer = desk.journal.submit(report_of("d1", Report(quality=0.5)))
    desk.journal.close()
    await task
    assert (await answer).observation is not None
    with pytest.raises(DrainingError):
        desk.journal.submit(report_of("d2", Report(quality=0.5)))


async def test_what_a_commit_kept_that_failed_when_it_was_done_is_learned_once_and_in_order() -> None:
    store, learned = TornStore(), list[Observation]()

    def learn(observation: Observation) -> int:
        learned.append(observation)
        return 1

    await store.record([report_of("before", Report(quality=0.5))])
    journal = Journal(
        store=store,
        learn=learn,
        limit=100,
        on_commit=lambda _reports, _seconds: None,
        on_learned=lambda _outcomes: None,
        monotonic=lambda: 0.0,
        on_fault=lambda _fault: None,
    )
    running = asyncio.ensure_future(journal.run())
    await journal.submit(report_of("d0", Report(quality=0.5)))
    store.torn = 2
    for name in ("d1", "d2"):
        with pytest.raises(StoreUnavailableError):
            await journal.submit(report_of(name, Report(quality=0.5)))
    again = await journal.submit(report_of("d1", Report(quality=0.5)))
    await journal.submit(report_of("d3", Report(quality=0.5)))
    journal.close()
    await running
    assert again.unchanged_fields == ("quality",)
    assert [(one.sequence, one.lesson.decision_id) for one in learned] == [(2, "d0"), (3, "d1"), (4, "d2"), (5, "d3")]
