"""The registry of streams: who is ended, who is broken off, and what the metrics say of it."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.errors import CallerTooSlowError
from atp_grpc.services.stream import EndReason
from atp_grpc.telemetry.streams import StreamMeter
from atp_grpc.transport.refusal import Refusal
from atp_grpc.transport.streams import AGE_SPREAD, OpenStream, OpenStreams, Pipe
from tests.rpc.waiting import until

EOF = object()


class Gone(Exception):
    """What the pipe of these tests raises when nobody is there any more."""


class Caller:
    """The other end of a pipe."""

    def __init__(self) -> None:
        self.coming: asyncio.Queue[Any] = asyncio.Queue()
        self.taken: list[bytes] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.has_left = False
        self.pipe = Pipe(read=self._read, write=self._write, abort=self._abort, eof=EOF, gone=Gone)

    async def _read(self) -> Any:
        message = await self.coming.get()
        if self.has_left:
            raise Gone
        return message

    async def _write(self, message: bytes) -> None:
        await self.reads.wait()
        if self.has_left:
            raise Gone
        self.taken.append(message)

    async def _abort(self, _: Refusal) -> None:
        raise NotImplementedError


def registry(clock: ManualClock, *, max_open: int = 100) -> OpenStreams:
    return OpenStreams(clock, max_open=max_open, max_seconds=100.0, slow_reader_seconds=5.0, chance=random.Random(1))


class Line:
    """Makes callers; in the end they hang up, and whatever still reads from them comes to its own end."""

    def __init__(self) -> None:
        self.callers: list[Caller] = []

    def call(self) -> Caller:
        self.callers.append(Caller())
        return self.callers[-1]


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    made = Line()
    yield made
    for caller in made.callers:
        caller.has_left = True
        caller.coming.put_nowait(EOF)
    for _ in range(3):
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def echo(streams: OpenStreams, caller: Caller, meter: StreamMeter) -> OpenStream:
    """Serves one stream to its end, as the door does."""
    stream = streams.open(caller.pipe, meter=meter, max_message_bytes=1000)
    try:
        async for message in stream:
            await stream.send(message)
        stream.outcome = stream.end_reason or "finished"
    finally:
        streams.close(stream)
    return stream


def serving(streams: OpenStreams, caller: Caller, meter: StreamMeter | None = None) -> asyncio.Task[OpenStream]:
    return asyncio.create_task(echo(streams, caller, meter or StreamMeter(("bidi_stream", "s", "m"))))


async def test_streams_that_were_opened_together_end_over_a_tenth_of_the_longest_life(
    clock: ManualClock, line: Line
) -> None:
    streams = registry(clock)
    tasks = [serving(streams, line.call()) for _ in range(50)]
    await until(lambda: len(streams) == 50)

    clock.advance(100.0 * (1 - AGE_SPREAD) - 0.01)
    streams.look()
    await asyncio.sleep(0.01)
    assert len(streams) == 50
    clock.advance(100.0 * AGE_SPREAD / 2)
    streams.look()
    await until(lambda: len(streams) < 50)
    await asyncio.sleep(0.01)
    assert 5 < len(streams) < 45
    clock.advance(100.0 * AGE_SPREAD)
    streams.look()

    ended = await asyncio.gather(*tasks)
    assert {stream.end_reason for stream in ended} == {EndReason.AGE}
    assert len(streams) == 0


async def test_a_drain_ends_the_open_and_those_to_come(clock: ManualClock, line: Line) -> None:
    streams = registry(clock)
    before = serving(streams, line.call())
    await until(lambda: len(streams) == 1)

    streams.end_all()
    after = serving(streams, line.call())

    assert (await before).end_reason is EndReason.DRAINING
    assert (await after).end_reason is EndReason.DRAINING


async def test_the_first_reason_to_end_stands(clock: ManualClock, line: Line) -> None:
    streams, caller = registry(clock), line.call()
    task = serving(streams, caller)
    await until(lambda: len(streams) == 1)
    caller.coming.put_nowait(EOF)
    await task

    streams.end_all()

    assert task.result().end_reason is EndReason.CALLER_DONE


async def test_the_process_takes_so_many_streams_and_no_more(clock: ManualClock, line: Line) -> None:
    streams = registry(clock, max_open=2)
    callers = [line.call(), line.call()]
    tasks = [serving(streams, caller) for caller in callers]
    await until(lambda: len(streams) == 2)
    assert streams.is_full

    callers[0].coming.put_nowait(EOF)
    await tasks[0]
    assert not streams.is_full
    streams.end_all()
    await tasks[1]


async def test_a_caller_that_leaves_a_message_untaken_is_broken_off_and_not_before(
    clock: ManualClock, line: Line
) -> None:
    streams, caller = registry(clock), line.call()
    caller.reads.clear()
    task = serving(streams, caller)
    caller.coming.put_nowait(b"one")
    await until(lambda: any(stream.writing_since is not None for stream in streams._streams))
    [stream] = streams._streams

    clock.advance(4.9)
    streams.look()
    assert stream.fault is None
    clock.advance(0.1)
    streams.look()
    streams.look()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert isinstance(stream.fault, CallerTooSlowError)


async def test_a_caller_that_reads_now_and_then_is_never_too_slow(clock: ManualClock, line: Line) -> None:
    streams, caller = registry(clock), line.call()
    task = serving(streams, caller)
    await until(lambda: len(streams) == 1)
    [stream] = streams._streams
    for number in range(10):
        caller.reads.clear()
        caller.coming.put_nowait(bytes([number]))
        await until(lambda: stream.writing_since is not None)
        clock.advance(4.0)
        streams.look()
        caller.reads.set()
        await until(lambda: stream.writing_since is None)
        clock.advance(4.0)
        streams.look()
    assert len(caller.taken) == 10
    caller.coming.put_nowait(EOF)
    assert (await task).fault is None


@pytest.mark.parametrize("acts", ["reading", "writing"])
async def test_a_caller_that_is_found_gone_is_a_cancellation_that_says_so(
    clock: ManualClock, line: Line, acts: str
) -> None:
    streams, caller, meter = registry(clock), line.call(), StreamMeter(("bidi_stream", "s", "m"))
    task = serving(streams, caller, meter)
    await until(lambda: len(streams) == 1)
    [stream] = streams._streams
    if acts == "writing":
        caller.coming.put_nowait(b"one")
        caller.reads.clear()
        await until(lambda: stream.writing_since is not None)
    caller.has_left = True
    caller.reads.set()
    caller.coming.put_nowait(b"two")

    with pytest.raises(asyncio.CancelledError):
        await task
    assert stream.is_left
    assert meter.ends == {"caller_left": 1}


async def test_messages_are_counted_as_they_come_and_streams_as_they_end(clock: ManualClock, line: Line) -> None:
    streams, caller, meter = registry(clock), line.call(), StreamMeter(("bidi_stream", "s", "m"))
    task = serving(streams, caller, meter)
    for number in range(3):
        caller.coming.put_nowait(bytes([number]))
    await until(lambda: len(caller.taken) == 3)
    assert (meter.open, meter.received, meter.sent, meter.ends) == (1, 3, 3, {})

    caller.coming.put_nowait(EOF)
    stream = await task

    assert (meter.open, meter.ends) == (0, {"caller_done": 1})
    assert (stream.received, stream.sent) == (3, 3)
