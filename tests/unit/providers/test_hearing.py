"""A loop that stood still until after a limit: what came meanwhile is heard, and silence is still judged."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from atp_grpc.asking.timelimit import TimeLimit
from atp_grpc.domain.endpoint import Timeouts
from atp_grpc.providers.http.errors import TimedOut
from atp_grpc.providers.remote.patience import Patience
from tests.unit.providers.http.raw_server import RawServer, Then, raw_server, whole
from tests.unit.providers.http.sending import LIMIT, client_for, send

LIMIT_SECONDS = 0.03
STALL_SECONDS = 0.05

Stall = Callable[[asyncio.AbstractEventLoop, Callable[[], None]], None]


def in_a_step(loop: asyncio.AbstractEventLoop, stall: Callable[[], None]) -> None:
    loop.call_soon(stall)


def in_a_timer(loop: asyncio.AbstractEventLoop, stall: Callable[[], None]) -> None:
    loop.call_later(0.001, stall)


def in_a_reading(loop: asyncio.AbstractEventLoop, stall: Callable[[], None]) -> None:
    heard, said = socket.socketpair()

    def read() -> None:
        loop.remove_reader(heard)
        heard.close()
        said.close()
        stall()

    loop.add_reader(heard, read)
    said.send(b"x")


EVERYWHERE = pytest.mark.parametrize("where", [in_a_step, in_a_timer, in_a_reading])
EVERY_LOOP = pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
NewLoop = Callable[[], asyncio.AbstractEventLoop]


def play(new_loop: NewLoop, story: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(story)


def stands_still(where: Stall, before: Callable[[], object]) -> None:
    """Does something, and then holds the loop for longer than the limit: nothing else shows what is tested."""

    def stall() -> None:
        before()
        time.sleep(STALL_SECONDS)

    where(asyncio.get_running_loop(), stall)


def says(server: RawServer, said: bytes) -> None:
    """Behind the back of the loop, which the peer of a test shares with us."""
    with socket.socket(fileno=os.dup(server.writers[0].get_extra_info("socket").fileno())) as line:
        line.send(said)


@EVERY_LOOP
@EVERYWHERE
def test_an_answer_that_came_while_the_loop_stood_still_is_an_answer(new_loop: NewLoop, where: Stall) -> None:
    async def story() -> None:
        async with raw_server([Then.HOLD]) as server:
            client = client_for(server)
            exchange = await send(client, server)
            await server.has_asked.wait()
            exchange.expect_within(LIMIT_SECONDS)
            stands_still(where, lambda: says(server, whole(b"late?")))
            await exchange.head()
            assert await exchange.read_all(LIMIT) == b"late?"
            exchange.close()
            await client.close()

    play(new_loop, story())


@EVERY_LOOP
def test_silence_while_the_loop_stood_still_is_silence(new_loop: NewLoop) -> None:
    async def story() -> None:
        async with raw_server([Then.HOLD]) as server:
            client = client_for(server)
            exchange = await send(client, server)
            await server.has_asked.wait()
            exchange.expect_within(LIMIT_SECONDS)
            stands_still(in_a_step, lambda: None)
            with pytest.raises(TimedOut):
                await exchange.head()
            exchange.close()
            await client.close()

    play(new_loop, story())


@EVERY_LOOP
@EVERYWHERE
def test_a_wait_that_is_over_in_a_loop_that_stood_still_is_not_cancelled(new_loop: NewLoop, where: Stall) -> None:
    async def story() -> None:
        heard, said = socket.socketpair()
        heard.setblocking(False)
        limit = TimeLimit(lambda: 0.0)
        limit.begin(LIMIT_SECONDS)
        stands_still(where, lambda: said.send(b"in time"))
        assert await asyncio.get_running_loop().sock_recv(heard, 100) == b"in time"
        assert not limit.end()
        limit.begin(LIMIT_SECONDS)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Event().wait()
        assert limit.end()
        limit.close()
        heard.close()
        said.close()

    play(new_loop, story())


@EVERY_LOOP
@EVERYWHERE
def test_an_adapter_that_spoke_while_the_loop_stood_still_has_not_been_silent(new_loop: NewLoop, where: Stall) -> None:
    async def story() -> None:
        heard, said = socket.socketpair()
        heard.setblocking(False)
        ended = asyncio.Event()
        patience = Patience(Timeouts(first_token=LIMIT_SECONDS, between_chunks=LIMIT_SECONDS), ended.set)
        stands_still(where, lambda: said.send(b"in time"))
        assert await asyncio.get_running_loop().sock_recv(heard, 100) == b"in time"
        patience.pause(has_token=True)
        assert not patience.has_run_out
        patience.resume()
        await ended.wait()
        assert patience.has_run_out
        patience.stop()
        heard.close()
        said.close()

    play(new_loop, story())


def test_a_wait_that_was_stopped_is_judged_no_more() -> None:
    async def story() -> None:
        ended = list[bool]()
        patience = Patience(Timeouts(first_token=LIMIT_SECONDS), lambda: ended.append(True))
        stands_still(in_a_step, lambda: asyncio.get_running_loop().call_soon(patience.stop))
        await asyncio.sleep(2 * STALL_SECONDS)
        assert not ended

    play(asyncio.new_event_loop, story())
