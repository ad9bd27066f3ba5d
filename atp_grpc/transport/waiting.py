"""A wait that can be given up without cancelling what is waited for.

Streams enter here for each message they read. To cancel a read of grpcio's loses a message that has just come, and the
memory of one that comes later (grpc issue 43360); a read that is given up goes on by itself until its call is over, and
what it then brings is dropped. It costs no task and no timer, and it never looks at a result.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any

Wakeup = Callable[[Any], object]


class GivenUpError(Exception):
    """The wait was given up; what was waited for goes on."""


class Wait:
    """One wait after the other, of one task at a time.

    To that task it looks like a future: it stands between the task and the future that the work really waits for, and
    passes the news on, so that it can send other news.
    """

    __slots__ = (
        "_asyncio_future_blocking",
        "_context",
        "_future",
        "_is_cancelled",
        "_is_given_up",
        "_loop",
        "_wakeup",
        "left",
    )

    def __init__(self) -> None:
        """Made while its loop runs."""
        self._loop = asyncio.get_running_loop()
        self._asyncio_future_blocking = False
        self._is_given_up = False
        self._is_cancelled = False
        self._future: Any = None
        self._wakeup: Wakeup | None = None
        self._context: Context | None = None
        self.left: asyncio.Future[Any] | None = None
        """What becomes of the work that was left to itself."""

    @types.coroutine
    def of(self, work: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """The result of `work`, or whatever it raises; it may wait for futures of this loop only.

        Raises:
            GivenUpError: `give_up` was called before the work was done.
            asyncio.CancelledError: the task was cancelled; the work goes on.
        """
        while True:
            try:
                future = work.send(None)
            except StopIteration as done:
                return done.value
            future._asyncio_future_blocking = False  # noqa: SLF001 - how asyncio's own tasks take a future
            self._future = future
            self._asyncio_future_blocking = True
            try:
                yield self
            except asyncio.CancelledError:
                if not future.cancelled():
                    self._leave(work, future)
                    raise
            except Exception:  # noqa: BLE001, S110 - the future's own; the work finds it there
                pass
            if self._is_given_up and not future.done():
                self._leave(work, future)
                raise GivenUpError

    def give_up(self) -> None:
        """Ends the wait, and every later one that would have to wait; what has come already is still delivered."""
        self._is_given_up = True
        self._interrupt()

    def add_done_callback(self, wakeup: Wakeup, *, context: Context | None = None) -> None:
        """For asyncio: whom to tell when the wait is over."""
        self._wakeup, self._context = wakeup, context
        self._future.add_done_callback(wakeup, context=context)
        if self._is_given_up:
            self._interrupt()

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002 - asyncio hands it over
        """For asyncio: the task is being cancelled. False where it is about to be woken anyway."""
        self._is_cancelled = self._interrupt()
        return self._is_cancelled

    def result(self) -> None:
        """For asyncio: what became of the wait."""
        if self._is_cancelled:
            self._is_cancelled = False
            raise asyncio.CancelledError

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """For asyncio: a task may wait only for what is of its own loop."""
        return self._loop

    def _interrupt(self) -> bool:
        """Wakes the task in place of the future; False where it is not asleep, or is being woken already."""
        wakeup, self._wakeup = self._wakeup, None
        if wakeup is None or not self._future.remove_done_callback(wakeup):
            return False
        self._loop.call_soon(wakeup, self, context=self._context)
        return True

    def _leave(self, work: Coroutine[Any, Any, Any], future: Any) -> None:
        """Lets the work go on without anybody who waits for it."""
        self.left = left = self._loop.create_future()

        def go_on(_: object) -> None:
            try:
                work.send(None)
            except StopIteration as done:
                left.set_result(done.value)
            except Exception as fault:  # noqa: BLE001 - for whoever may ask
                left.set_exception(fault)
                left.exception()
            else:
                work.close()
                left.cancel()

        future.add_done_callback(go_on)
