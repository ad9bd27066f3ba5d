"""What a server makes of whole connections: pings that come too often, age, idleness, and the limits it announces."""

from __future__ import annotations

import asyncio
from pathlib import Path

from atp_grpc.config import ServerSettings
from tests.rpc.frames import GOAWAY, PING, SETTINGS, RawCaller, raw_caller
from tests.rpc.provoking import prompt
from tests.rpc.serving import serving

ENHANCE_YOUR_CALM = 11
MAX_CONCURRENT_STREAMS, MAX_HEADER_LIST_SIZE = 3, 6


def server(**fields: object) -> ServerSettings:
    given: dict[str, object] = {"port": 0, "drain_delay_seconds": 0.0, "shutdown_seconds": 5.0}
    return ServerSettings(**{**given, **fields})  # type: ignore[arg-type]


async def goaway(caller: RawCaller) -> tuple[int, bytes]:
    """The error code of the server's farewell, and what it says of it."""
    payload = await asyncio.wait_for(caller.expect(GOAWAY), 10)
    return int.from_bytes(payload[4:8], "big"), payload[8:]


async def test_a_caller_that_pings_too_often_is_sent_away_and_told_why(tmp_path: Path) -> None:
    async with serving(tmp_path, server=server()) as opened, raw_caller(opened.app.door.grpc_port) as caller:
        farewell = asyncio.create_task(goaway(caller))
        while not farewell.done():
            # One at a time: what comes after the farewell would make the server's machine reset the connection.
            caller.ping()
            await asyncio.wait({farewell}, timeout=0.1)
        code, why = await farewell

        assert (code, why) == (ENHANCE_YOUR_CALM, b"too_many_pings")
        assert (await opened.globex.route(prompt())).decision_id


async def test_pings_within_the_interval_that_was_set_are_answered(tmp_path: Path) -> None:
    settings = server(min_ping_interval_seconds=0.01)
    async with serving(tmp_path, server=settings) as opened, raw_caller(opened.app.door.grpc_port) as caller:
        for number in range(8):
            caller.ping(number.to_bytes(8, "big"))
            assert await asyncio.wait_for(caller.expect(PING), 5) == number.to_bytes(8, "big")
            # The interval between two pings is what is tested.
            await asyncio.sleep(0.02)


async def test_a_connection_ends_at_its_age_and_its_caller_goes_on_with_another(tmp_path: Path) -> None:
    async with serving(tmp_path, server=server(max_connection_age_seconds=1.0)) as opened:
        async with raw_caller(opened.app.door.grpc_port) as caller:
            code, why = await goaway(caller)

        assert (code, why) == (0, b"max_age")
        for client in (opened.acme, opened.globex):
            assert (await client.route(prompt())).decision_id


async def test_a_connection_without_calls_ends(tmp_path: Path) -> None:
    settings = server(max_connection_idle_seconds=1.0)
    async with serving(tmp_path, server=settings) as opened, raw_caller(opened.app.door.grpc_port) as caller:
        _, why = await goaway(caller)

        assert why == b"connection idle"


async def test_the_limits_are_announced_to_every_caller(tmp_path: Path) -> None:
    settings = server(max_concurrent_streams=17, max_metadata_bytes=10_000, absolute_max_metadata_bytes=20_000)
    async with serving(tmp_path, server=settings) as opened, raw_caller(opened.app.door.grpc_port) as caller:
        payload = await asyncio.wait_for(caller.expect(SETTINGS), 5)

    entries = [payload[place : place + 6] for place in range(0, len(payload), 6)]
    announced = {int.from_bytes(entry[:2], "big"): int.from_bytes(entry[2:], "big") for entry in entries}
    assert announced[MAX_CONCURRENT_STREAMS] == 17
    assert announced[MAX_HEADER_LIST_SIZE] in {10_000, 20_000}
