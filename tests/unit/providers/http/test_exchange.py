from __future__ import annotations

import asyncio

import pytest

from atp_grpc.providers.http.client import Request
from atp_grpc.providers.http.errors import ExchangeError, Lost, NotHttp, TimedOut
from atp_grpc.providers.http.exchange import MAX_OVERHEAD_BYTES
from tests.unit.providers.http.raw_server import (
    LAST_CHUNK,
    STREAM_HEAD,
    RawServer,
    Then,
    chunk,
    raw_server,
    whole,
)
from tests.unit.providers.http.sending import LIMIT, answer_of, client_for, send


async def fails(server: RawServer, error: type[ExchangeError]) -> None:
    client = client_for(server)
    with pytest.raises(error):
        await answer_of(client, server)
    await client.close()


async def test_a_request_is_written_as_http_says() -> None:
    async with raw_server([whole(b"[]")]) as server:
        client = client_for(server)
        await answer_of(client, server)
        await client.close()

    assert server.requests[0].head.split("\r\n")[:-2] == [
        "POST /v1/x HTTP/1.1",
        f"host: {server.target}",
        "accept-encoding: identity",
        "x-a: b",
        "content-type: application/json",
        "content-length: 2",
    ]


@pytest.mark.parametrize(
    "script",
    [
        [Then.CLOSE],
        [Then.RESET],
        [b"HTTP/1.1 200 OK\r\nx-a: b", Then.CLOSE],
        [whole(b"[1, 2, 3]")[:-1], Then.CLOSE],
        [whole(b"[1, 2, 3]")[:-1], Then.RESET],
        [STREAM_HEAD + chunk(b"[]"), Then.CLOSE],
        [STREAM_HEAD + chunk(b"[]")[:-3], Then.CLOSE],
        [b"HTTP/1.1 200 OK\r\n\r\n[]", Then.RESET],
    ],
    ids=["nothing", "reset", "half a head", "short", "short reset", "no last chunk", "half a chunk", "no length reset"],
)
async def test_an_answer_that_breaks_off_is_lost(script: list[bytes | Then]) -> None:
    async with raw_server(script) as server:
        await fails(server, Lost)


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.7\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\n" + b"x-a: b\r\n" * (MAX_OVERHEAD_BYTES // 8 + 1000),
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * (MAX_OVERHEAD_BYTES + 1000),
        STREAM_HEAD + b"2;" + b"a" * (MAX_OVERHEAD_BYTES + 300_000),
        STREAM_HEAD + b"0\r\nx: " + b"a" * (MAX_OVERHEAD_BYTES + 300_000),
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    ],
    ids=[
        "another protocol",
        "no status",
        "two lengths",
        "two framings",
        "no chunk",
        "packed",
        "endless headers",
        "endless header",
        "endless extension",
        "endless trailer",
        "upgrade",
    ],
)
async def test_what_is_not_http_as_we_asked_for_it_is_refused(said: bytes) -> None:
    async with raw_server([said, Then.HOLD]) as server:
        await fails(server, NotHttp)


async def test_a_body_is_read_only_up_to_a_bound() -> None:
    async with raw_server([whole(b"x" * (LIMIT + 1))]) as server:
        await fails(server, NotHttp)


async def test_an_announcement_before_the_answer_is_read_over() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nx-early: 1\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    async with raw_server([early, whole(b"[1]")]) as server:
        client = client_for(server)
        exchange = await send(client, server)
        await exchange.head()
        assert (exchange.status, b"x-early" in exchange.headers) == (200, False)
        assert await exchange.read_all(LIMIT) == b"[1]"
        exchange.close()
        await client.close()


async def test_a_redirect_is_an_answer_like_others() -> None:
    async with raw_server(
        [whole(b"", status="307 Temporary Redirect", headers="location: http://[::1]/\r\n")]
    ) as server:
        client = client_for(server)
        exchange = await send(client, server)
        await exchange.head()
        exchange.close()
        await client.close()

    assert exchange.status == 307
    assert len(server.requests) == 1


@pytest.mark.parametrize("script", [[Then.HOLD], [STREAM_HEAD, Then.HOLD]], ids=["before the head", "after it"])
async def test_a_cancelled_call_closes_its_socket_at_once(script: list[bytes | Then]) -> None:
    async with raw_server(script) as server:
        client = client_for(server)
        call = asyncio.create_task(answer_of(client, server))
        await server.has_asked.wait()
        call.cancel()
        async with asyncio.timeout(0.1):
            await server.client_left.wait()
        with pytest.raises(asyncio.CancelledError):
            await call
        await client.close()


async def test_a_slow_reader_slows_the_peer_down() -> None:
    size, pieces = 65_536, 2_000
    script = [STREAM_HEAD, *[chunk(b"x" * size)] * pieces, LAST_CHUNK]
    async with raw_server(script) as server:
        client = client_for(server)
        exchange = await send(client, server)
        await exchange.head()
        first = await exchange.read()
        # The peer writes until every buffer between us is full, and then stands still.
        before = -1
        while server.written_bytes != before:
            before = server.written_bytes
            for _ in range(50):
                await asyncio.sleep(0)
        assert before < size * pieces / 2
        assert sum(len(piece) for piece in exchange._pieces) <= 512 * 1024

        rest = await exchange.read_all(size * pieces)
        exchange.close()
        await client.close()

    assert len(first) + len(rest) == size * pieces


async def test_a_time_limit_ends_the_waiting() -> None:
    async with raw_server([STREAM_HEAD + chunk(b"a"), Then.HOLD]) as server:
        client = client_for(server)
        exchange = await send(client, server)
        exchange.expect_within(5.0)
        await exchange.head()
        assert await exchange.read() == b"a"
        exchange.expect_within(0.01)
        with pytest.raises(TimedOut):
            await exchange.read()
        await server.client_left.wait()
        exchange.close()
        await client.close()


async def test_the_total_ends_a_stream_that_never_pauses() -> None:
    async with raw_server([STREAM_HEAD, *[chunk(b"a" * 60_000)] * 100_000]) as server:
        client = client_for(server)
        exchange = await send(client, server, total_seconds=0.05)
        await exchange.head()
        with pytest.raises(TimedOut):
            await exchange.read_all(10**12)
        exchange.close()
        await server.client_left.wait()
        await client.close()


@pytest.mark.parametrize("value", ["a\r\nx-b: c", "a\nb", "a\x00b", "€"])
async def test_a_header_that_would_be_more_than_one_is_not_sent(value: str) -> None:
    async with raw_server([whole(b"[]")]) as server:
        client = client_for(server)
        with pytest.raises(ExchangeError):
            await client.send(
                Request(server.base_url, "/x", {}, {"authorization": value}), connect_seconds=1.0, total_seconds=1.0
            )
        await client.close()

    assert server.connections == 0


async def test_time_that_the_reader_takes_is_not_the_peers() -> None:
    async with raw_server([STREAM_HEAD + chunk(b"a"), Then.WAIT, chunk(b"b"), chunk(b"c"), LAST_CHUNK]) as server:
        client = client_for(server)
        exchange = await send(client, server)
        await exchange.head()
        assert await exchange.read() == b"a"
        exchange.expect_within(0.2)
        server.may_go_on.set()
        while not exchange._is_paused:  # noqa: ASYNC110 - the very thing that is waited for
            await asyncio.sleep(0)
        # The reader is away for longer than the peer may be silent.
        exchange._limit -= 1.0
        exchange._paused_at -= 1.0
        assert await exchange.read_all(LIMIT) == b"bc"
        exchange.close()
        await client.close()
