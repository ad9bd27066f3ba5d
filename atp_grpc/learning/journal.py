"""The single writer of a replica: reports queue up, go to disk together, and are learned in order.

One commit serves everyone who waited while the one before was on its way (group commit, as in DeWitt et al. 1984), so
the cost of an fsync is shared. Learning happens here and not in the caller's coroutine: a caller that goes away after
the commit changes nothing. It never drops a report in silence.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from atp_grpc.domain.errors import DrainingError, OutcomeConflictError, StoreUnavailableError
from atp_grpc.domain.outcome import Conflict, NewObservation, Observation, Recorded
from atp_grpc.store.contract import Store

MAX_BATCH = 512
RETRY_SECONDS = 0.5
"""When to come back after a full queue or a failing store."""


class Journal:
    """Takes reports, answers when they are durable. `run` is its writer; `close` lets it finish."""

    def __init__(
        self,
        *,
        store: Store,
        learn: Callable[[Observation], object],
        limit: int,
        on_commit: Callable[[int, float], None],
        monotonic: Callable[[], float],
        on_fault: Callable[[Exception], None],
    ) -> None:
        """Takes the store and whom to tell.

        `limit` bounds the queue; `on_commit` hears (reports, seconds) of each commit; `on_fault` hears of what failed.
        A fault never ends the writer: those who wait get an error, the next batch is tried.
        """
        self._store = store
        self._learn = learn
        self._limit = limit
        self._on_commit = on_commit
        self._on_fault = on_fault
        self._monotonic = monotonic
        self._queue: deque[tuple[NewObservation, asyncio.Future[Recorded]]] = deque()
        self._work = asyncio.Event()
        self._closing = False

    @property
    def depth(self) -> int:
        """Reports waiting for the next commit."""
        return len(self._queue)

    def submit(self, report: NewObservation) -> asyncio.Future[Recorded]:
        """Queues a report; the future ends when it is durable and learned.

        Raises:
            StoreUnavailableError: the queue is full.
            DrainingError: the journal is closing.

        The future raises OutcomeConflictError (another value stands) or StoreUnavailableError (not made durable).
        """
        if self._closing:
            raise DrainingError(RETRY_SECONDS)
        if len(self._queue) >= self._limit:
            raise StoreUnavailableError(RETRY_SECONDS)
        future: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        self._queue.append((report, future))
        self._work.set()
        return future

    async def run(self) -> None:
        """Writes until closed and empty."""
        while True:
            if not self._queue:
                if self._closing:
                    return
                self._work.clear()
                await self._work.wait()
                continue
            size = min(len(self._queue), MAX_BATCH)
            await self._commit([self._queue.popleft() for _ in range(size)])

    def close(self) -> None:
        """Takes no more reports; `run` returns once the queue is empty."""
        self._closing = True
        self._work.set()

    async def _commit(self, batch: list[tuple[NewObservation, asyncio.Future[Recorded]]]) -> None:
        started = self._monotonic()
        try:
            answers = await self._store.record([report for report, _ in batch])
        except Exception as fault:  # noqa: BLE001 - the writer must outlive whatever a store does
            self._on_fault(fault)
            for _, future in batch:
                if not future.done():
                    future.set_exception(StoreUnavailableError(RETRY_SECONDS))
            return
        self._on_commit(len(batch), self._monotonic() - started)
        for answer, (_, future) in zip(answers, batch, strict=True):
            if isinstance(answer, Recorded) and answer.observation is not None:
                self._learn_one(answer.observation)
            if future.done():
                continue
            if isinstance(answer, Conflict):
                future.set_exception(OutcomeConflictError(answer.field))
            else:
                future.set_result(answer)

    def _learn_one(self, observation: Observation) -> None:
        try:
            self._learn(observation)
        except Exception as fault:  # noqa: BLE001 - the report is durable; one fault must not stop the next report
            self._on_fault(fault)
