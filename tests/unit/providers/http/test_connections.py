from __future__ import annotations

import asyncio

import pytest

from atp_grpc.domain.clock import ManualClock
from atp_grpc.providers.http.errors import ExchangeError, Lost
from atp_grpc.providers.http.pool import MAX_IDLE_SECONDS
from tests.unit.providers.http.raw_server import (
    LAST_CHUNK,
    STREAM_HEAD,
    RawServer,
    Script,
    Then,
    chunk,
    raw_server,
    whole,
)
from tests.unit.providers.http.sending import answer_of, client_for, send


async def test_a_connection_serves_one_call_after_the_other() -> None:
    async with raw_server(
        [whole(b"[1]")], [STREAM_HEAD, chunk(b"[2"), chunk(b"]") + LAST_CHUNK], [whole(b"[3]")]
    ) as server:
        client = client_for(server)
        answers = [await answer_of(client, server) for _ in range(3)]
        await client.close()

    assert answers == [b"[1]", b"[2]", b"[3]"]
    assert server.connections == 1


async def test_calls_at_once_have_connections_of_their_own() -> None:
    async with raw_server([whole(b"[]")]) as server:
        client = client_for(server)
        await asyncio.gather(*(answer_of(client, server) for _ in range(3)))
        await client.close()

    assert server.connections == 3


@pytest.mark.parametrize(
    "script",
    [
        [whole(b"[]", headers="connection: close\r\n")],
        [whole(b"[]"), Then.CLOSE],
        [b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n[]"],
        [b"HTTP/1.1 200 OK\r\n\r\n[]", Then.CLOSE],
        [whole(b"[]") + b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"],
        [whole(b"[]") + b"junk"],
    ],
    ids=["told to close", "closed after", "old", "until the end", "a second answer", "junk"],
)
async def test_a_connection_that_is_not_as_new_is_not_used_again(script: list[bytes | Then]) -> None:
    async with raw_server(script) as server:
        client = client_for(server)
        answers = [await answer_of(client, server) for _ in range(2)]
        await client.close()

    assert answers == [b"[]", b"[]"]
    assert server.connections == 2


async def test_a_connection_that_the_peer_closed_meanwhile_is_noticed_before_a_request_is_written() -> None:
    async with raw_server([whole(b"[]")]) as server:
        client = client_for(server)
        await answer_of(client, server)
        ((connection,),) = client._pool._idle.values()
        assert connection.is_fit()
        # The peer's end has arrived, but the loop has not come to it: reading stands still, as in a busy moment.
        connection.pause()
        await _hang_up(server)
        assert not connection.is_gone
        assert not connection.is_fit()

        assert await answer_of(client, server) == b"[]"
        await client.close()

    assert server.connections == 2


async def _hang_up(server: RawServer) -> None:
    """Closes what the server holds, and waits until the end can be seen."""
    for writer in server.writers:
        writer.close()
        await writer.wait_closed()


async def test_an_idle_connection_gets_too_old() -> None:
    clock = ManualClock()
    async with raw_server([whole(b"[]")]) as server:
        client = client_for(server, clock)
        await answer_of(client, server)
        clock.advance(MAX_IDLE_SECONDS - 1)
        await answer_of(client, server)
        assert server.connections == 1
        clock.advance(MAX_IDLE_SECONDS)
        await answer_of(client, server)
        await client.close()

    assert server.connections == 2


async def test_closing_the_client_ends_what_is_open_and_keeps_nothing() -> None:
    async with raw_server([STREAM_HEAD, Then.HOLD]) as server:
        client = client_for(server)
        call = asyncio.create_task(answer_of(client, server))
        await server.has_asked.wait()
        await client.close()
        with pytest.raises(Lost):
            await call
        await server.client_left.wait()
        await client.close()
        with pytest.raises(ExchangeError):
            await send(client, server)


async def test_the_end_of_a_body_may_come_after_all_that_matters() -> None:
    scripts: list[Script] = [[STREAM_HEAD + chunk(b"done"), Then.WAIT, chunk(b"more") + LAST_CHUNK], [whole(b"[]")]]
    async with raw_server(*scripts) as server:
        client = client_for(server)
        exchange = await send(client, server)
        await exchange.head()
        assert await exchange.read() == b"done"
        exchange.finish()
        server.may_go_on.set()
        while not exchange.is_complete:  # noqa: ASYNC110 - nobody waits for what nobody reads.
            await asyncio.sleep(0)
        await answer_of(client, server)
        await client.close()

    assert server.connections == 1


async def test_an_end_that_never_comes_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atp_grpc.providers.http.exchange.LINGER_SECONDS", 0.01)
    async with raw_server([STREAM_HEAD + chunk(b"done"), Then.HOLD]) as server:
        client = client_for(server)
        exchange = await send(client, server)
        await exchange.head()
        assert await exchange.read() == b"done"
        exchange.finish()
        await server.client_left.wait()
        await client.close()
