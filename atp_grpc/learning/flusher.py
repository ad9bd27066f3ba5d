"""Decisions on their way to the store: written behind, in batches, so that Route never waits for a database.

The router offers; one task writes. When the store is slow the queue fills and new records are dropped and counted:
the sealed token keeps every decision learnable all the same. It never blocks and never raises at whoever offers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from atp_grpc.domain.decision import Decision
from atp_grpc.store.contract import Store, StoreFailure

MAX_BATCH = 256
LINGER_SECONDS = 0.2
"""How long a batch gathers before it is written: a commit costs the same for one row as for a hundred."""


class Flusher:
    """A bounded write-behind queue of decisions."""

    def __init__(self, *, store: Store, limit: int, on_dropped: Callable[[int], None]) -> None:
        """`on_dropped` hears how many records were given up."""
        self._store = store
        self._limit = limit
        self._on_dropped = on_dropped
        self._queue: deque[Decision] = deque()
        self._work = asyncio.Event()
        self._closing = asyncio.Event()

    @property
    def depth(self) -> int:
        """Decisions waiting to be written."""
        return len(self._queue)

    def offer(self, decision: Decision) -> None:
        """Takes a decision to be written soon, or drops and counts it when the queue is full."""
        if len(self._queue) >= self._limit:
            self._on_dropped(1)
            return
        self._queue.append(decision)
        if not self._work.is_set():
            self._work.set()

    async def run(self) -> None:
        """Writes until closed and empty."""
        while True:
            await self._work.wait()
            if not self._closing.is_set() and len(self._queue) < MAX_BATCH:
                await self._linger()
            while self._queue:
                await self._write([self._queue.popleft() for _ in range(min(len(self._queue), MAX_BATCH))])
            self._work.clear()
            if self._closing.is_set():
                return

    def close(self) -> None:
        """Takes what is queued as the last; `run` returns once it is written."""
        self._closing.set()
        self._work.set()

    async def _linger(self) -> None:
        try:
            await asyncio.wait_for(self._closing.wait(), LINGER_SECONDS)
        except TimeoutError:
            return

    async def _write(self, batch: list[Decision]) -> None:
        try:
            await self._store.save_decisions(batch)
        except StoreFailure:
            self._on_dropped(len(batch))
