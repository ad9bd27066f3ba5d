"""A thread that owns one SQLite connection and does the work handed to it, in order.

`SqliteStore` has two: one writes, one reads. The connection never leaves its thread, and the event loop never waits for
a disk.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Self, TypeVar

from atp_grpc.store.contract import StoreFailure

Result = TypeVar("Result")
Connect = Callable[[ExitStack], sqlite3.Connection]
"""Opens a connection; what has to be closed after it goes onto the stack."""


class ConnectionThread:
    """One connection on one thread. Build it with `open`."""

    _connection: sqlite3.Connection

    def __init__(self, name: str) -> None:
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._resources = ExitStack()
        self._released: Future[None] | None = None

    @classmethod
    async def open(cls, name: str, connect: Connect) -> Self:
        """Starts the thread and opens its connection there.

        Raises:
            StoreFailure: the connection cannot be had; nothing is left open.
        """
        thread = cls(name)
        try:
            await _shielded(thread._worker.submit(thread._open, connect))
        except BaseException:
            await thread.close()
            raise
        return thread

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Does the work after everything handed over before. A cancelled caller leaves, the work is done all the same.

        Raises:
            StoreFailure: SQLite or the file system failed, or the thread was closed.
        """
        if self._released is not None:
            raise StoreFailure("the store is closed")
        return await _shielded(self._worker.submit(self._do, work))

    async def close(self) -> None:
        """Takes no more work, finishes what was handed over, closes the connection and ends the thread."""
        if self._released is None:
            self._released = self._worker.submit(self._resources.close)
            self._worker.shutdown(wait=False)
        await _shielded(self._released)

    def _open(self, connect: Connect) -> None:
        with _failures():
            self._connection = connect(self._resources)

    def _do(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        with _failures():
            return work(self._connection)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of the body's writes, durable at its end, or none of them."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk or a failed write may have rolled back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def unhurried(connection: sqlite3.Connection) -> Iterator[None]:
    """Transactions of the body do not wait for the disk: a power cut may take the latest, and never harms the file."""
    connection.execute("PRAGMA synchronous = NORMAL")
    try:
        yield
    finally:
        connection.execute("PRAGMA synchronous = FULL")


@contextmanager
def _failures() -> Iterator[None]:
    # The code's name only: a message may quote what was being stored.
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorname", None) or type(error).__name__
        raise StoreFailure(f"SQLite failed with {code}") from error
    except OSError as error:
        raise StoreFailure(f"the file system failed with {type(error).__name__}") from error


async def _shielded(handed_over: Future[Result]) -> Result:
    return await asyncio.shield(asyncio.wrap_future(handed_over))
