"""Whatever a handler of a stream does, its caller gets a status at once, nothing of the fault's text, and may go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
import pytest

from atp_grpc.domain.call import Call
from atp_grpc.domain.errors import DecisionNotFoundError
from atp_grpc.services.stream import CallStream
from atp_grpc.transport.streams import OpenStream
from tests.rpc.door.probe import Door, echo, info_of, open_door, pushback_of, status_of
from tests.rpc.door.test_faults import FAULTS, SECRET, SOON_SECONDS, raising
from tests.rpc.streams.talking import OBSERVE_STREAM, ROUTE_STREAM, Talk, asking, talk
from tests.rpc.waiting import until

Streaming = Callable[[CallStream, Call], Awaitable[None]]
KEY = "atp_acme"


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door() as opened:
        yield opened


def open_talk(door: Door, path: str = ROUTE_STREAM) -> Talk:
    return talk(door.channel, path, KEY)


async def refused(stream: Talk) -> grpc.aio.AioRpcError:
    """The refusal that a stream ends with."""
    try:
        while await stream.read_bytes() is not None:
            pass
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError("the stream ended well")


async def fail_in_a_child(stream: CallStream, _: Call) -> None:
    async def child() -> None:
        async for _payload in stream:
            raise KeyError(SECRET)

    await asyncio.create_task(child())


async def swallow_the_end_and_fail(stream: CallStream, _: Call) -> None:
    try:
        async for _payload in stream:
            raise ValueError(SECRET)
    finally:
        raise KeyError(SECRET)


OWN_FAULTS: dict[str, Streaming] = {
    "child": fail_in_a_child,
    "fault in a fault": swallow_the_end_and_fail,
}


def at_a_message(fault: Streaming) -> Streaming:
    """Fails when the next message has come: a caller that still sends may be told something else by its library."""

    async def behave(stream: CallStream, call: Call) -> None:
        async for _payload in stream:
            await fault(stream, call)

    return behave


# What a unary handler returns does not matter to a stream.
SHARED = {name: at_a_message(fault) for name, fault in FAULTS.items() if name not in {"none", "another message"}}


def after_messages(count: int, fault: Streaming) -> Streaming:
    """Answers some messages first."""

    async def behave(stream: CallStream, call: Call) -> None:
        if count:
            left = count
            async for payload in stream:
                await stream.send(payload)
                left -= 1
                if not left:
                    break
        await fault(stream, call)

    return behave


@pytest.mark.parametrize("answered", [0, 2])
@pytest.mark.parametrize("path", [ROUTE_STREAM, OBSERVE_STREAM])
@pytest.mark.parametrize("fault", [*SHARED.values(), *OWN_FAULTS.values()], ids=[*SHARED, *OWN_FAULTS])
async def test_a_fault_ends_the_stream_with_an_incident_at_once_and_the_next_stream_works(
    door: Door, fault: Streaming, path: str, answered: int
) -> None:
    door.probe.streaming = after_messages(answered, fault)
    stream = open_talk(door, path)
    await stream.send(*[asking()] * (answered + 1))
    for _ in range(answered):
        assert await stream.read_bytes() == asking()
    started = time.perf_counter()

    error = await refused(stream)

    assert time.perf_counter() - started < SOON_SECONDS
    assert error.code() is grpc.StatusCode.INTERNAL
    incident = info_of(error).metadata["incident"]
    assert error.details() == f"internal error; incident {incident}"
    assert pushback_of(error) == "-1"
    told = (
        f"{error.details()} {status_of(error)} {error.trailing_metadata()} {error.debug_error_string()} {door.text()}"
    )
    assert "hunter2" not in told
    [logged] = door.lines("incident")
    assert logged["incident"] == incident
    [line] = door.lines()
    assert (line["level"], line["code"], line["incident"]) == ("error", "INTERNAL", incident)
    await until(lambda: len(door.edge.streams) == 0)
    assert door.traffic.open_streams == 0

    door.probe.streaming = echo
    again = open_talk(door, path)
    await again.send(asking())
    assert await again.read_bytes() == asking()
    again.call.cancel()


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), SystemExit(3)], ids=["interrupt", "exit"])
async def test_a_handler_that_wants_to_end_the_process_ends_its_stream_first(door: Door, fault: BaseException) -> None:
    door.probe.streaming = raising(fault)

    error = await refused(open_talk(door))

    assert error.code() is grpc.StatusCode.INTERNAL
    assert door.exits == [fault]


async def test_a_refusal_raised_by_the_handler_is_the_status_of_the_stream(door: Door) -> None:
    door.probe.streaming = raising(DecisionNotFoundError("d1"))

    error = await refused(open_talk(door))

    assert (error.code(), info_of(error).reason) == (grpc.StatusCode.NOT_FOUND, "DECISION_NOT_FOUND")
    assert door.lines("incident") == []


async def test_a_fault_while_the_caller_does_not_read_still_frees_the_handler(door: Door) -> None:
    async def flood_and_fail(stream: CallStream, _: Call) -> None:
        async def flood() -> None:
            while True:
                await stream.send(b"x" * 16_384)

        flooding = asyncio.create_task(flood())
        async for _payload in stream:
            flooding.cancel()
            raise KeyError(SECRET)

    door.probe.streaming = flood_and_fail
    stream = open_talk(door)
    await until(lambda: any(is_stuck(one) for one in door.edge.streams._streams))
    await stream.send(asking())

    await until(lambda: door.traffic.open_streams == 0)

    assert len(door.lines("incident")) == 1
    assert "internal error" in ((await refused(stream)).details() or "")


async def test_a_caller_that_leaves_while_it_is_written_to_is_no_incident(door: Door) -> None:
    async def flood(stream: CallStream, _: Call) -> None:
        while True:
            await stream.send(b"x" * 16_384)

    door.probe.streaming = flood
    for _ in range(5):
        stream = open_talk(door)
        await until(lambda: any(is_stuck(one) for one in door.edge.streams._streams))
        stream.call.cancel()
        await until(lambda: len(door.edge.streams) == 0)

    assert door.lines("incident") == []
    assert [(line["code"], line["level"]) for line in door.lines()] == [("CANCELLED", "info")] * 5


def is_stuck(stream: OpenStream) -> bool:
    """Whether a message was not taken for a while, and not only for the moment that every message needs."""
    since = stream.writing_since
    return since is not None and time.monotonic() - since > 0.1


async def test_as_many_faults_as_there_may_be_streams_leave_no_stream_behind(door: Door) -> None:
    door.probe.streaming = raising(BaseException(SECRET))

    for _ in range(5):
        errors = await asyncio.gather(*(refused(open_talk(door)) for _ in range(8)))
        assert {error.code() for error in errors} == {grpc.StatusCode.INTERNAL}

    assert len(door.lines("incident")) == 40
    await until(lambda: len(door.edge.streams) == 0)
    assert door.traffic.open_streams == 0
