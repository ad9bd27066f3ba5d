"""Small writes that come at the same time become durable together: one transaction, one fsync for all of them.

The claims of a store enter here. Works are done in the order in which they were handed over; while one group is on its
way to the disk the next gathers. Nothing here knows what a work does.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from atp_grpc.store.contract import StoreFailure

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Any]


class Write(Protocol):
    """One transaction of a store."""

    def __call__(self, work: Callable[[sqlite3.Connection], list[Any]], /) -> Awaitable[list[Any]]:
        """Does the work; what it changed is on disk when this returns."""
        ...


class GroupCommit:
    """Gathers works. Only one event loop touches it."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._works: list[tuple[Work, asyncio.Future[Any] | None]] = []
        self._left: list[tuple[Work, asyncio.Future[Any] | None]] = []
        """Works of a group that failed which nobody waits for: the next group does them first."""
        self._committing: asyncio.Task[None] | None = None

    async def do(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """The result of a work, once it is durable. A cancelled caller leaves, the work is done all the same.

        Raises:
            StoreFailure: the group failed; it is not certain whether any of it was done.
        """
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._add(work, done)
        return await done

    def later(self, work: Work) -> None:
        """Does a work that nobody waits for; perhaps twice, when a group fails that was done already."""
        self._add(work, None)

    async def settle(self) -> None:
        """Waits until everything that was handed over is done."""
        if self._committing is not None:
            await self._committing

    def _add(self, work: Work, done: asyncio.Future[Any] | None) -> None:
        self._works.append((work, done))
        if self._committing is None:
            self._committing = asyncio.get_running_loop().create_task(self._commit())

    async def _commit(self) -> None:
        try:
            while self._works:
                group, self._works, self._left = self._left + self._works, [], []
                await self._commit_group(group)
        finally:
            self._committing = None

    async def _commit_group(self, group: list[tuple[Work, asyncio.Future[Any] | None]]) -> None:
        waiting = [done for _, done in group]
        try:
            results = await self._write(lambda connection: [work(connection) for work, _ in group])
        except Exception as fault:  # noqa: BLE001 - whatever a work does, nobody waits for ever
            failure = fault if isinstance(fault, StoreFailure) else StoreFailure(f"failed with {type(fault).__name__}")
            if failure is fault:
                self._left = [one for one in group if one[1] is None]
            for done in waiting:
                if done is not None and not done.done():
                    done.set_exception(StoreFailure(*failure.args))
            return
        for done, result in zip(waiting, results, strict=True):
            if done is not None and not done.done():
                done.set_result(result)
