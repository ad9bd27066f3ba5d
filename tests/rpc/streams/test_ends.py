"""How streams end over a real socket: by age, at a drain, by their caller, and when a caller does not read."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from atp_grpc.client.messages import RouteRequest
from atp_grpc.config import ServerSettings
from atp_grpc.pb.atp.v1 import stream_pb2
from tests.rpc.serving import ACME, GLOBEX, Serving, serving
from tests.rpc.streams.talking import OBSERVE_STREAM, ROUTE_STREAM, asking, channel_to, reporting, talk
from tests.rpc.waiting import until

DRAINING, AGE = stream_pb2.STREAM_END_REASON_DRAINING, stream_pb2.STREAM_END_REASON_AGE
STREAMS = (ROUTE_STREAM, OBSERVE_STREAM)


@asynccontextmanager
async def serving_with(
    data_dir: Path, log: io.StringIO | None = None, **settings: Any
) -> AsyncIterator[tuple[Serving, grpc.aio.Channel]]:
    door = ServerSettings(**{"port": 0, "drain_delay_seconds": 0.0, "shutdown_seconds": 5.0, **settings})
    async with (
        serving(data_dir, log_stream=log, server=door) as server,
        channel_to(server.target) as channel,
    ):
        yield server, channel


def lines(server: Serving, log: io.StringIO, event: str = "call") -> list[dict[str, Any]]:
    assert server.app.rooms.instruments.logs.writer.flush()
    return [line for line in map(json.loads, log.getvalue().splitlines()) if line["event"] == event]


async def some(server: Serving, path: str, count: int) -> list[bytes]:
    """Good messages for a stream."""
    if path == ROUTE_STREAM:
        return [asking()] * count
    return [reporting((await server.acme.route(RouteRequest(prompt="x"))).feedback_token, 0.5) for _ in range(count)]


@pytest.mark.parametrize("path", STREAMS)
async def test_a_stream_that_is_old_enough_ends_with_its_last_position_and_ok(tmp_path: Path, path: str) -> None:
    async with serving_with(tmp_path, max_stream_seconds=0.3) as (server, channel):
        stream = talk(channel, path, server.credentials[ACME])
        await stream.send(*await some(server, path, 3))

        heard = await stream.to_the_end()

    assert heard.end == stream_pb2.StreamEnd(last_sequence=3, reason=AGE)
    assert (heard.code, heard.details) == (grpc.StatusCode.OK, "")


async def test_a_busy_stream_ends_by_age_between_two_messages_and_everything_up_to_there_is_answered(
    tmp_path: Path,
) -> None:
    async with serving_with(tmp_path, max_stream_seconds=0.3) as (server, channel):
        stream = talk(channel, ROUTE_STREAM, server.credentials[ACME])
        hearing = asyncio.ensure_future(stream.to_the_end())
        sent = 0
        while not stream.call.done():
            await stream.send(asking())
            await asyncio.sleep(0)
            sent += 1
        heard = await hearing

    assert heard.end is not None
    assert heard.end.reason == AGE
    assert [event.result.sequence for event in heard.events] == list(range(1, heard.end.last_sequence + 1))
    assert 0 < heard.end.last_sequence <= sent
    assert heard.code is grpc.StatusCode.OK


@pytest.mark.parametrize("path", STREAMS)
async def test_a_drain_ends_streams_in_good_order_with_their_last_position(tmp_path: Path, path: str) -> None:
    async with AsyncExitStack() as stack:
        async with serving(tmp_path) as server:
            channel = await stack.enter_async_context(channel_to(server.target))
            busy, idle = (talk(channel, path, server.credentials[tenant]) for tenant in (ACME, GLOBEX))
            await busy.send(*await some(server, path, 2))
            await until(lambda: server.app.door.traffic.open_streams == 2)
            covered = 0
            while covered < 2:
                event = await busy.read()
                covered = event.result.sequence if path == ROUTE_STREAM else event.ack.last_sequence
            hearing = [asyncio.ensure_future(stream.to_the_end()) for stream in (busy, idle)]
        # The app has drained itself.
        heard_busy, heard_idle = await asyncio.gather(*hearing)

    assert heard_busy.end == stream_pb2.StreamEnd(last_sequence=2, reason=DRAINING)
    assert heard_idle.end == stream_pb2.StreamEnd(last_sequence=0, reason=DRAINING)
    assert {heard_busy.code, heard_idle.code} == {grpc.StatusCode.OK}


async def test_a_draining_server_refuses_new_streams_so_that_callers_go_elsewhere(
    server: Serving, channel: grpc.aio.Channel
) -> None:
    server.app.door.traffic.is_refusing = True

    heard = await talk(channel, ROUTE_STREAM, server.credentials[ACME]).to_the_end()

    assert heard.code is grpc.StatusCode.UNAVAILABLE
    assert b"DRAINING" in heard.trailers["grpc-status-details-bin"]


async def test_more_streams_than_the_server_takes_are_refused_and_may_come_back_when_one_has_ended(
    tmp_path: Path,
) -> None:
    async with serving_with(tmp_path, max_streams=2) as (server, channel):
        first, second = (talk(channel, path, server.credentials[ACME]) for path in STREAMS)
        await until(lambda: server.app.door.traffic.open_streams == 2)

        heard = await talk(channel, ROUTE_STREAM, server.credentials[GLOBEX]).to_the_end()

        assert heard.code is grpc.StatusCode.UNAVAILABLE
        assert b"OVERLOADED" in heard.trailers["grpc-status-details-bin"]
        assert int(heard.trailers["grpc-retry-pushback-ms"]) >= 10
        await first.finish()
        assert (await talk(channel, ROUTE_STREAM, server.credentials[GLOBEX]).finish()).code is grpc.StatusCode.OK
        await second.finish()


@pytest.mark.parametrize("path", STREAMS)
async def test_a_caller_that_leaves_is_one_line_at_info_and_no_incident(tmp_path: Path, path: str) -> None:
    log = io.StringIO()
    async with serving_with(tmp_path, log) as (server, channel):
        for number in range(20):
            stream = talk(channel, path, server.credentials[ACME])
            await stream.send(*[asking()] * number)
            stream.call.cancel()
        await until(lambda: server.app.door.traffic.open_streams == 0)
        # A stream that was cancelled before its headers left never came here.
        called = [line for line in lines(server, log) if line["method"].endswith("Stream")]
        assert {(line["code"], line["level"]) for line in called} == {("CANCELLED", "info")}
        assert lines(server, log, "incident") == []


async def test_a_caller_that_leaves_with_answers_on_their_way_to_it_is_no_incident(tmp_path: Path) -> None:
    log = io.StringIO()
    async with serving_with(tmp_path, log) as (server, _):
        for number in range(10):
            async with channel_to(server.target) as own:
                stream = talk(own, ROUTE_STREAM, server.credentials[ACME])
                sending = asyncio.ensure_future(stream.send(*[asking()] * 500))
                await stream.hear(10 + number)
            sending.cancel()
            await asyncio.wait({sending})
        await until(lambda: server.app.door.traffic.open_streams == 0)
        called = [line for line in lines(server, log) if line["method"].endswith("RouteStream")]
        assert [(line["code"], line["level"]) for line in called] == [("CANCELLED", "info")] * 10
        assert lines(server, log, "incident") == []


async def test_a_caller_that_ends_its_side_and_leaves_is_no_incident(tmp_path: Path) -> None:
    log = io.StringIO()
    async with serving_with(tmp_path, log) as (server, channel):
        for _ in range(10):
            stream = talk(channel, ROUTE_STREAM, server.credentials[ACME])
            await stream.send(*[asking()] * 20)
            await stream.call.done_writing()
            stream.call.cancel()
        await until(lambda: server.app.door.traffic.open_streams == 0)
        assert {line["code"] for line in lines(server, log) if "Stream" in line["method"]} <= {"CANCELLED", "OK"}
        assert lines(server, log, "incident") == []


@pytest.mark.parametrize("path", STREAMS)
async def test_a_stream_ends_at_its_callers_own_deadline(tmp_path: Path, path: str) -> None:
    log = io.StringIO()
    async with serving_with(tmp_path, log) as (server, channel):
        stream = talk(channel, path, server.credentials[ACME], timeout=1.0)
        await until(lambda: server.app.door.traffic.open_streams == 1)

        heard = await stream.to_the_end()

        assert heard.code is grpc.StatusCode.DEADLINE_EXCEEDED
        await until(lambda: server.app.door.traffic.open_streams == 0)
        [line] = [line for line in lines(server, log) if line["method"].endswith("Stream")]
        assert line["code"] == "DEADLINE_EXCEEDED"
        assert lines(server, log, "incident") == []


async def test_a_caller_that_does_not_read_is_sent_away_and_its_place_is_free_once_it_is_gone(tmp_path: Path) -> None:
    log = io.StringIO()
    async with serving_with(tmp_path, log, slow_reader_seconds=0.2, max_streams=1) as (server, channel):
        stream = talk(channel, ROUTE_STREAM, server.credentials[ACME])

        async def talk_on() -> None:
            while not stream.call.done():
                await stream.send(asking())
                await asyncio.sleep(0)

        talking = asyncio.ensure_future(talk_on())
        await until(lambda: server.app.door.traffic.arrivals and server.app.door.traffic.open_streams == 0)
        # Its handler is gone, and with it all that the stream needed; its status waits behind what it does not read.
        assert [line["reason"] for line in lines(server, log) if "RouteStream" in line["method"]] == ["CALLER_TOO_SLOW"]
        refused = await talk(channel, ROUTE_STREAM, server.credentials[GLOBEX]).to_the_end()
        assert b"OVERLOADED" in refused.trailers["grpc-status-details-bin"]

        heard = await stream.to_the_end()

        talking.cancel()
        await asyncio.wait({talking})
        assert heard.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert heard.end is None
        assert b"CALLER_TOO_SLOW" in heard.trailers["grpc-status-details-bin"]
        sequences = [event.result.sequence for event in heard.events]
        assert sequences == list(range(1, len(sequences) + 1))
        assert lines(server, log, "incident") == []
        again = await talk(channel, ROUTE_STREAM, server.credentials[GLOBEX]).finish()
        assert again.code is grpc.StatusCode.OK
