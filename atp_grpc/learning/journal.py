"""The single writer of a replica: reports queue up, go to disk together, and are learned in order.

One commit serves everyone who waited while the one before was on its way (group commit, as in DeWitt et al. 1984), so
the cost of an fsync is shared. Learning happens here and not in the caller's coroutine: a caller that goes away after
the commit changes nothing. It never drops a report in silence: what a failing store kept all the same is read back and
learned before anything that came later.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, NamedTuple

from atp_grpc.domain.errors import DrainingError, OutcomeConflictError, StoreUnavailableError
from atp_grpc.domain.outcome import Conflict, NewObservation, Observation, Recorded
from atp_grpc.store.contract import Store

MAX_BATCH = 512
RETRY_SECONDS = 0.5
"""When to come back after a full queue or a failing store."""


class _Entry(NamedTuple):
    """Reports that somebody waits for: one that came alone, or all of a batch."""

    reports: Sequence[NewObservation]
    future: asyncio.Future[Any]
    is_alone: bool


class Journal:
    """Takes reports, answers when they are durable. `run` is its writer; `close` lets it finish."""

    def __init__(
        self,
        *,
        store: Store,
        learn: Callable[[Observation], int],
        limit: int,
        on_commit: Callable[[int, float], None],
        on_learned: Callable[[int], None],
        monotonic: Callable[[], float],
        on_fault: Callable[[Exception], None],
    ) -> None:
        """Takes the store and whom to tell.

        `learn` gives how many outcomes were new; `limit` bounds the queue; `on_commit` hears (reports, seconds) of each
        commit and `on_learned` what it taught; `on_fault` hears of what failed. A fault never ends the writer: those
        who wait get an error, the next batch is tried.
        """
        self._store = store
        self._learn = learn
        self._limit = limit
        self._on_commit = on_commit
        self._on_learned = on_learned
        self._on_fault = on_fault
        self._monotonic = monotonic
        self._queue: deque[_Entry] = deque()
        self._depth = 0
        self._through: int | None = None
        """The sequence up to which everything was learned; None before the first commit."""
        self._is_behind = False
        """Whether the store may hold observations beyond that one."""
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._closing = False

    @property
    def depth(self) -> int:
        """Reports waiting for the next commit."""
        return self._depth

    def submit(self, report: NewObservation) -> asyncio.Future[Recorded]:
        """Queues a report; the future ends when it is durable and learned.

        Raises:
            StoreUnavailableError: the queue is full.
            DrainingError: the journal is closing.

        The future raises OutcomeConflictError (another value stands) or StoreUnavailableError (not made durable).
        """
        return self._enter((report,), is_alone=True)

    def submit_all(self, reports: Sequence[NewObservation]) -> asyncio.Future[list[Recorded | OutcomeConflictError]]:
        """Queues a batch, all of it in one commit; a report that conflicts is an error in its own place.

        Taken whole where there is room for its first. Raises, also from the future, what `submit` does otherwise.
        """
        return self._enter(reports, is_alone=False)

    async def wait_for_room(self) -> None:
        """Waits while the queue is full."""
        while self._depth >= self._limit and not self._closing:
            self._room.clear()
            await self._room.wait()

    async def run(self) -> None:
        """Writes until closed and empty."""
        while True:
            if not self._queue:
                if self._closing:
                    return
                self._work.clear()
                await self._work.wait()
                continue
            batch, size = [], 0
            while self._queue and size < MAX_BATCH:
                batch.append(self._queue.popleft())
                size += len(batch[-1].reports)
            self._depth -= size
            self._room.set()
            await self._commit(batch)

    def close(self) -> None:
        """Takes no more reports; `run` returns once the queue is empty."""
        self._closing = True
        self._work.set()
        self._room.set()

    def _enter(self, reports: Sequence[NewObservation], *, is_alone: bool) -> asyncio.Future[Any]:
        if self._closing:
            raise DrainingError(RETRY_SECONDS)
        if self._depth >= self._limit:
            raise StoreUnavailableError(RETRY_SECONDS)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue.append(_Entry(reports, future, is_alone))
        self._depth += len(reports)
        self._work.set()
        return future

    async def _commit(self, batch: list[_Entry]) -> None:
        started = self._monotonic()
        reports = [report for entry in batch for report in entry.reports]
        try:
            await self._catch_up()
            self._is_behind = True
            answers = await self._store.record(reports)
        except Exception as fault:  # noqa: BLE001 - the writer must outlive whatever a store does
            self._on_fault(fault)
            for entry in batch:
                if not entry.future.done():
                    entry.future.set_exception(StoreUnavailableError(RETRY_SECONDS))
            return
        self._on_commit(len(reports), self._monotonic() - started)
        self._is_behind = False
        self._take_in([one.observation for one in answers if isinstance(one, Recorded) and one.observation is not None])
        told = iter(answers)
        for entry in batch:
            _tell(entry, [_told(answer) for answer in islice(told, len(entry.reports))])

    async def _catch_up(self) -> None:
        """Takes in what a commit left behind that failed when it was done already.

        Raises:
            StoreFailure: the store does not say.
        """
        if self._through is None:
            # Nobody else writes: what the store holds before the first commit was taken in at the start.
            self._through = await self._store.last_sequence()
        while self._is_behind:
            left_behind = await self._store.observations_after(self._through, MAX_BATCH)
            self._take_in(left_behind)
            self._is_behind = len(left_behind) == MAX_BATCH

    def _take_in(self, observations: Sequence[Observation]) -> None:
        self._on_learned(sum([self._learn_one(observation) for observation in observations]))
        if observations:
            self._through = observations[-1].sequence

    def _learn_one(self, observation: Observation) -> int:
        try:
            return self._learn(observation)
        except Exception as fault:  # noqa: BLE001 - the report is durable; one fault must not stop the next report
            self._on_fault(fault)
            return 0


def _told(answer: Recorded | Conflict) -> Recorded | OutcomeConflictError:
    return answer if isinstance(answer, Recorded) else OutcomeConflictError(answer.field)


def _tell(entry: _Entry, told: list[Recorded | OutcomeConflictError]) -> None:
    if entry.future.done():
        return
    if not entry.is_alone:
        entry.future.set_result(told)
    elif isinstance(told[0], OutcomeConflictError):
        entry.future.set_exception(told[0])
    else:
        entry.future.set_result(told[0])
