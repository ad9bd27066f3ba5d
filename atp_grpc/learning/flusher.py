"""Decisions on their way to the store: written behind, in batches, so that Route never waits for a database.

The router offers; one task writes. When the store is slow the queue fills and new records are dropped and counted:
the sealed token keeps every decision learnable all the same. It never blocks and never raises at whoever offers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from atp_grpc.store.contract import DecisionRecord, Store, StoreFailure

MAX_BATCH = 1024
LINGER_SECONDS = 0.2
"""How long a batch gathers before it is written: a commit costs nearly the same for one record as for a thousand."""


class Flusher:
    """A bounded write-behind queue of decisions."""

    def __init__(self, *, store: Store, limit: int, on_dropped: Callable[[int], None]) -> None:
        """`on_dropped` hears how many records were given up."""
        self._store = store
        self._limit = limit
        self._on_dropped = on_dropped
        self._queue: deque[DecisionRecord] = deque()
        self._work = asyncio.Event()
        self._hurry = asyncio.Event()
        self._closing = False

    @property
    def depth(self) -> int:
        """Decisions waiting to be written."""
        return len(self._queue)

    def offer(self, record: DecisionRecord) -> None:
        """Takes the record of a decision to be written soon, or drops and counts it when the queue is full."""
        depth = len(self._queue)
        if depth >= self._limit:
            self._on_dropped(1)
            return
        self._queue.append(record)
        if depth == 0:
            self._work.set()
        elif depth == MAX_BATCH - 1:
            self._hurry.set()

    async def run(self) -> None:
        """Writes until closed and empty."""
        while True:
            await self._work.wait()
            # Every batch gathers, also while there is always something to write: batches of two or three, as they come
            # while the one before is on its way, cost ten times as much per decision.
            await self._gather()
            if batch := [self._queue.popleft() for _ in range(min(len(self._queue), MAX_BATCH))]:
                await self._write(batch)
            if not self._queue:
                if self._closing:
                    return
                self._work.clear()

    def close(self) -> None:
        """Takes what is queued as the last; `run` returns once it is written."""
        self._closing = True
        self._work.set()
        self._hurry.set()

    async def _gather(self) -> None:
        if self._closing or len(self._queue) >= MAX_BATCH:
            return
        self._hurry.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), LINGER_SECONDS)

    async def _write(self, batch: list[DecisionRecord]) -> None:
        try:
            await self._store.save_decisions(batch)
        except StoreFailure:
            self._on_dropped(len(batch))
