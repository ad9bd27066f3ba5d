"""A stream of the kit that outlives the calls it is carried on: what one call did not answer goes out on the next.

`RouteStream` and `ObserveStream` enter here with how their events are read. It keeps the order, bounds what is on its
way, and gives every message its own answer or error; it never looks into a message.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import grpc

from atp_grpc.client.errors import AtpCallError, call_error

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Answer_co = TypeVar("Answer_co", covariant=True)

DEFAULT_WINDOW = 64
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 0.05, 1.0
"""Before another stream is tried after one that broke without an answer; doubles each time, with jitter."""
TURNS = 20
"""Of the event loop, within which a status comes that has arrived."""
ANOTHER_TRY = frozenset({"UNAVAILABLE", "CANCELLED"})
"""Status codes of a stream after which another one may do better. A server that is stopped in a hurry cancels."""


class Dialect(Protocol[Answer_co]):
    """How the events of one method are read."""

    def answers(self, event: Any, answered: int, /) -> Sequence[Answer_co | AtpCallError]:
        """The answers in an event, in the order of the messages; `answered` were answered on this stream before."""
        ...

    def is_end(self, event: Any, /) -> bool:
        """Whether an event is the server's last: it will answer nothing more, and has looked at nothing more."""
        ...


@dataclass(slots=True, eq=False)
class _Item(Generic[Request, Answer]):
    request: Request
    answer: asyncio.Future[Answer]
    gives_up_at: float


class ResendingStream(Generic[Request, Answer]):
    """Messages in order, an answer for each. Tasks of one event loop may share it."""

    def __init__(
        self, open_call: Callable[[], Any], dialect: Dialect[Answer], *, window: int, deadline_seconds: float
    ) -> None:
        """Args: `open_call` starts a call; `window` bounds the messages that are not answered yet."""
        self._open_call = open_call
        self._dialect = dialect
        self._deadline_seconds = deadline_seconds
        self._room = asyncio.Semaphore(window)
        self._unsent: deque[_Item[Request, Answer]] = deque()
        self._unanswered: deque[_Item[Request, Answer]] = deque()
        self._work = asyncio.Event()
        self._is_closing = False
        self._has_ended = False
        self._call: Any = None
        self._last_fault = ""
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def carrying(self) -> AsyncIterator[None]:
        """Carries messages until the block ends, and then waits for the answers that are missing.

        A block that ends with an exception waits for nothing: what is not answered is given up.
        """
        task = asyncio.ensure_future(self._carry())
        try:
            yield
            self._close()
            await task
        finally:
            self._close()
            task.cancel()
            await asyncio.wait({task})
            if self._timer is not None:
                self._timer.cancel()
            for item in (*self._unanswered, *self._unsent):
                item.answer.cancel()

    async def submit(self, request: Request) -> asyncio.Future[Answer]:
        """Puts a message on its way, when there is room in the window; the future is its answer.

        Raises:
            RuntimeError: the stream is closed.

        The future raises AtpCallError: refused, or not answered within the deadline.
        """
        await self._room.acquire()
        if self._is_closing:
            raise RuntimeError("the stream is closed")
        loop = asyncio.get_running_loop()
        item = _Item(request, loop.create_future(), loop.time() + self._deadline_seconds)
        self._unsent.append(item)
        self._work.set()
        if self._timer is None:
            self._timer = loop.call_at(item.gives_up_at, self._expire)
        return item.answer

    def _close(self) -> None:
        self._is_closing = True
        self._work.set()

    async def _carry(self) -> None:
        """Opens one stream after the other while there is something to be answered."""
        pause = FIRST_PAUSE_SECONDS
        while await self._has_work():
            has_answered, fault = await self._converse()
            self._has_ended = False
            self._put_back()
            if has_answered:
                pause = FIRST_PAUSE_SECONDS
            if fault is None:
                continue
            self._last_fault = f" ({fault})"
            if fault.code not in ANOTHER_TRY and not _is_made_by_grpc(fault):
                self._fail(fault)
                continue
            await asyncio.sleep(max(fault.retry_after_seconds or 0.0, pause * random.uniform(0.5, 1.0)))  # noqa: S311
            pause = min(2 * pause, LAST_PAUSE_SECONDS)

    async def _has_work(self) -> bool:
        """Waits for a message that is to be sent; tells whether one came before the end."""
        while True:
            while self._unsent and self._unsent[0].answer.done():
                self._drop(self._unsent)
            if self._unsent or self._is_closing or self._has_ended:
                return bool(self._unsent) and not self._has_ended
            self._work.clear()
            await self._work.wait()

    async def _converse(self) -> tuple[bool, AtpCallError | None]:
        """One call from its start to its end: whether it answered anything, and why it broke, if it did."""
        answered, self._has_ended = 0, False
        self._call = call = self._open_call()
        statuses: list[AtpCallError] = []
        call.add_done_callback(lambda over: statuses.append(_status_now(over)))
        writing = asyncio.ensure_future(self._write(call))
        try:
            # Not `read`: after a write that failed, it keeps back the answers that have come.
            async for event in call:
                if self._dialect.is_end(event):
                    self._has_ended = True
                    self._work.set()
                    continue
                for answer in self._dialect.answers(event, answered):
                    answered += 1
                    self._settle(self._unanswered[0], answer)
                    self._drop(self._unanswered)
        except grpc.aio.AioRpcError:
            return answered > 0, None if self._has_ended else await _true_one(statuses)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return answered > 0, AtpCallError("UNAVAILABLE", "the stream left a message unanswered for too long")
        finally:
            self._call = None
            call.cancel()
            writing.cancel()
            await asyncio.wait({writing})
        return answered > 0, None if self._has_ended else AtpCallError("UNAVAILABLE", "the stream ended without a word")

    async def _write(self, call: Any) -> None:
        # A call that is over cannot be written to; why it is over is for its reader to find out.
        with contextlib.suppress(grpc.aio.AioRpcError, grpc.aio.BaseError, asyncio.InvalidStateError):
            while await self._has_work():
                self._unanswered.append(self._unsent.popleft())
                await call.write(self._unanswered[-1].request)
            await call.done_writing()

    def _put_back(self) -> None:
        """What was sent and not answered comes first on the next stream, in its order."""
        self._unsent.extendleft(reversed(self._unanswered))
        self._unanswered.clear()

    def _drop(self, items: deque[_Item[Request, Answer]]) -> None:
        items.popleft()
        self._room.release()

    def _fail(self, fault: AtpCallError) -> None:
        while self._unsent:
            self._settle(self._unsent[0], fault)
            self._drop(self._unsent)

    def _expire(self) -> None:
        """Gives up what was not answered in time. A stream that still owes such an answer is given up too."""
        loop = asyncio.get_running_loop()
        self._timer = None
        for items in (self._unanswered, self._unsent):
            for item in items:
                if item.gives_up_at > loop.time():
                    self._timer = loop.call_at(item.gives_up_at, self._expire)
                    return
                message = f"not answered in time; it may have been carried out{self._last_fault}"
                self._settle(item, AtpCallError("DEADLINE_EXCEEDED", message))
                if items is self._unanswered and self._call is not None:
                    self._call.cancel()

    @staticmethod
    def _settle(item: _Item[Request, Answer], answer: Answer | AtpCallError) -> None:
        if item.answer.done():
            return
        if isinstance(answer, AtpCallError):
            item.answer.set_exception(answer)
        else:
            item.answer.set_result(answer)


async def _true_one(statuses: list[AtpCallError]) -> AtpCallError:
    """Why a call ended. A write that fails makes up an INTERNAL of its own, before or after the status that came."""
    for _ in range(TURNS):
        if true := [status for status in statuses if not _is_made_by_grpc(status)]:
            return true[0]
        await asyncio.sleep(0)
    return statuses[0]


def _status_now(call: Any) -> AtpCallError:
    """The status that a call has at this moment."""
    code, initial, trailing, details = (
        _now(part) for part in (call.code(), call.initial_metadata(), call.trailing_metadata(), call.details())
    )
    return call_error(grpc.aio.AioRpcError(code, initial, trailing, details))


def _now(answer: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine gives that has nothing to wait for."""
    try:
        answer.send(None)
    except StopIteration as done:
        return done.value
    answer.close()
    raise RuntimeError("a call that is over waits for nothing")


def _is_made_by_grpc(fault: AtpCallError) -> bool:
    """Whether an INTERNAL is no server's: gRPC's word for a stream that was cut, on this side or by a proxy."""
    return fault.code == "INTERNAL" and not fault.reason
