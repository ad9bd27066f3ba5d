"""The open streams of a process: each ends itself in good order before its connection grows too old, and at a drain.

The edge opens streams here, one background task looks after all of them, and the drain ends them. A stream never
holds more than one message each way, so a caller that does not read costs no memory; after a while it is sent away.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from atp_grpc.domain.clock import Clock
from atp_grpc.domain.errors import AtpError, CallerTooSlowError, DrainingError, MalformedMessageError
from atp_grpc.services.stream import EndReason
from atp_grpc.telemetry.streams import StreamMeter
from atp_grpc.transport.refusal import Refusal
from atp_grpc.transport.waiting import GivenUpError, Wait

DRAINING_RETRY_SECONDS = 0.05
LOOK_EVERY_SECONDS = 1.0
FAREWELL_SECONDS = 0.5
"""What a caller gets to end its own side after the last message. To one that sends to a call that is over, the asyncio
client of grpcio tells of INTERNAL, and it may keep back answers that were not read yet."""
AGE_SPREAD = 0.1
"""Streams that were opened together do not all end together: each lives up to this part less than the longest."""


@dataclass(frozen=True, slots=True)
class Pipe:
    """A stream as a transport gives it."""

    read: Callable[[], Coroutine[Any, Any, Any]]
    """Gives the next message, or `eof`."""
    write: Callable[[bytes], Awaitable[None]]
    """Sends a message; waits while the caller does not read."""
    abort: Callable[[Refusal], Awaitable[None]]
    """Ends the call with a status; waits until the caller has taken what was sent before it, or has gone."""
    eof: object
    """What stands for the end of the caller's side."""
    gone: type[Exception]
    """What `read` and `write` raise once nobody is there any more."""


class OpenStream:
    """One stream; keeps the promises of `services.stream.CallStream`."""

    __slots__ = (
        "_meter",
        "_monotonic",
        "_pipe",
        "_task",
        "_wait",
        "end_reason",
        "ends_at",
        "fault",
        "is_left",
        "max_message_bytes",
        "outcome",
        "received",
        "sent",
        "writing_since",
    )

    def __init__(
        self,
        pipe: Pipe,
        *,
        meter: StreamMeter,
        max_message_bytes: int,
        monotonic: Callable[[], float],
        ends_at: float,
    ) -> None:
        """Made in the task that serves the stream.

        Args:
            pipe: the way to the caller.
            meter: counts its messages.
            max_message_bytes: largest message that the method takes.
            monotonic: the clock.
            ends_at: when the stream ends itself, on that clock.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a stream needs a task that serves it")
        self._task = task
        self._pipe = pipe
        self._meter = meter
        self._monotonic = monotonic
        self._wait = Wait()
        self.max_message_bytes = max_message_bytes
        self.ends_at = ends_at
        self.end_reason: EndReason | None = None
        self.fault: AtpError | None = None
        """Why the server broke the stream off."""
        self.is_left = False
        """Whether the caller was found to be gone. Usually the transport's cancellation comes first."""
        self.outcome = "caller_left"
        """How the stream ended, for the metrics; true from the start for a caller that leaves."""
        self.received = 0
        self.sent = 0
        self.writing_since: float | None = None
        """Since when the caller has not taken a message."""

    def __aiter__(self) -> OpenStream:
        return self

    async def __anext__(self) -> bytes:
        if self.end_reason is not None:
            raise StopAsyncIteration
        try:
            payload = await self._wait.of(self._pipe.read())
        except GivenUpError:
            raise StopAsyncIteration from None
        except self._pipe.gone:
            raise self._leaving() from None
        if payload is self._pipe.eof:
            self.end(EndReason.CALLER_DONE)
            # A caller that leaves ends its side too: lets the news of that come first.
            await asyncio.sleep(0)
            raise StopAsyncIteration
        self.received += 1
        self._meter.received += 1
        return payload  # type: ignore[no-any-return]

    async def send(self, message: bytes) -> None:
        """Sends a message; see `CallStream.send`."""
        self.writing_since = self._monotonic()
        try:
            await self._pipe.write(message)
        except self._pipe.gone:
            raise self._leaving() from None
        self.writing_since = None
        self.sent += 1
        self._meter.sent += 1

    async def rest(self, seconds: float) -> bool:
        """Waits; see `CallStream.rest`."""
        try:
            await self._wait.of(asyncio.sleep(seconds))
        except GivenUpError:
            return True
        return self.end_reason is not None

    async def send_last(self, message: bytes) -> None:
        """Sends the last message; see `CallStream.send_last`."""
        await self.send(message)
        if self.end_reason is EndReason.CALLER_DONE:
            return
        work, self._wait = _outcome(self._wait.left), Wait()
        timer = asyncio.get_running_loop().call_later(FAREWELL_SECONDS, self._wait.give_up)
        try:
            while await self._wait.of(work or self._pipe.read()) is not self._pipe.eof:
                work = None
        except (GivenUpError, self._pipe.gone):
            pass
        finally:
            timer.cancel()

    def end(self, reason: EndReason) -> None:
        """Takes no more messages: the handler answers what it has and returns."""
        if self.end_reason is None:
            self.end_reason = reason
            self._wait.give_up()

    def unheard(self) -> AtpError:
        """Why a stream on which one message was to come ends without it."""
        if self.end_reason is EndReason.CALLER_DONE:
            return MalformedMessageError()
        return DrainingError(DRAINING_RETRY_SECONDS)

    def break_off(self, fault: AtpError) -> None:
        """Ends the stream with an error, whatever its handler is waiting for."""
        if self.fault is None:
            self.fault = fault
            self._task.cancel()

    def cause_of(self, raised: BaseException) -> BaseException:
        """Why the handler ended with an exception: `break_off`, when its cancellation is all that was felt."""
        self.writing_since = None
        if self.fault is not None and isinstance(raised, asyncio.CancelledError) and self._task.uncancel() == 0:
            return self.fault
        return raised

    def gone(self) -> None:
        """Nothing of the stream is left."""
        self._meter.open -= 1
        self._meter.ends[self.outcome] += 1

    def _leaving(self) -> asyncio.CancelledError:
        self.is_left = True
        return asyncio.CancelledError()


class OpenStreams:
    """The streams of one process. Only its event loop touches it."""

    def __init__(
        self, clock: Clock, *, max_open: int, max_seconds: float, slow_reader_seconds: float, chance: random.Random
    ) -> None:
        """Takes the limits.

        Args:
            clock: times streams.
            max_open: most streams at once.
            max_seconds: longest life of a stream; the transport must let calls live longer than that.
            slow_reader_seconds: how long a caller may leave a message untaken.
            chance: spreads the ends.
        """
        self._clock = clock
        self._max_open = max_open
        self._max_seconds = max_seconds
        self._slow_reader_seconds = slow_reader_seconds
        self._chance = chance
        self._streams: set[OpenStream] = set()
        self._is_draining = False

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def is_full(self) -> bool:
        """Whether no more streams are taken."""
        return len(self._streams) >= self._max_open

    def open(self, pipe: Pipe, *, meter: StreamMeter, max_message_bytes: int) -> OpenStream:
        """A stream for the running task, to be given to `close` when nothing of it is left."""
        life = self._max_seconds * (1.0 - AGE_SPREAD * self._chance.random())
        stream = OpenStream(
            pipe,
            meter=meter,
            max_message_bytes=max_message_bytes,
            monotonic=self._clock.monotonic,
            ends_at=self._clock.monotonic() + life,
        )
        self._streams.add(stream)
        meter.open += 1
        if self._is_draining:
            stream.end(EndReason.DRAINING)
        return stream

    def close(self, stream: OpenStream) -> None:
        """A stream has ended, and its caller has taken its status or has gone."""
        self._streams.discard(stream)
        stream.gone()

    def end_all(self, reason: EndReason = EndReason.DRAINING) -> None:
        """Ends every stream in good order, and those to come at once."""
        self._is_draining = True
        for stream in tuple(self._streams):
            stream.end(reason)

    def break_off_all(self, fault: AtpError) -> None:
        """Ends every stream that is left with an error."""
        for stream in tuple(self._streams):
            stream.break_off(fault)

    def look(self) -> None:
        """Ends what is too old and breaks off what is not read."""
        now = self._clock.monotonic()
        for stream in tuple(self._streams):
            if now >= stream.ends_at:
                stream.end(EndReason.AGE)
            since = stream.writing_since
            if since is not None and now - since >= self._slow_reader_seconds:
                stream.break_off(CallerTooSlowError(self._slow_reader_seconds))

    async def run(self) -> None:
        """Looks after the streams until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            self.look()


def _outcome(left: asyncio.Future[Any] | None) -> Coroutine[Any, Any, Any] | None:
    """The read that was given up, to be waited for again: a call reads one message at a time."""

    async def wait(future: asyncio.Future[Any]) -> Any:
        return await future

    return None if left is None else wait(left)
