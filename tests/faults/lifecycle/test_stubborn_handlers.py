"""A12: a handler that will not end cannot hold its process beyond its time, and the log says who it was."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from atp_grpc.app.serving import FAILED, FORCED
from atp_grpc.client import AtpCallError, AtpClient
from atp_grpc.client.messages import PlanRequest, RouteRequest
from tests.faults.battery import report
from tests.faults.lifecycle.backend import Backend, free_ports, running, write_config
from tests.faults.lifecycle.stubborn_server import INSIDE
from tests.rpc.serving import ACME, GLOBEX, key_for

SHUTDOWN_SECONDS = 2.0
BAR_SECONDS = SHUTDOWN_SECONDS + 1.0
PLAN = "atp.v1.RouteService/Plan"


@contextlib.asynccontextmanager
async def stubborn(tmp_path: Path, way: str) -> AsyncIterator[tuple[Backend, AtpClient, AtpClient]]:
    """A server whose Plan does not end, with a client of two tenants."""
    data_dir = tmp_path / "data"
    acme, acme_key = key_for(data_dir, ACME)
    globex, globex_key = key_for(data_dir, GLOBEX)
    config = write_config(
        tmp_path / "atp.toml", acme_key, globex_key, shutdown_seconds=SHUTDOWN_SECONDS, drain_delay_seconds=0.2
    )
    port, ops_port = free_ports(2)
    server = Backend(data_dir, config, port, ops_port, program=("tests.faults.lifecycle.stubborn_server", way))
    async with (
        running(server),
        AtpClient.open(f"127.0.0.1:{port}", credential=acme) as one,
        AtpClient.open(f"127.0.0.1:{port}", credential=globex) as other,
    ):
        yield server, one, other


async def plan(client: AtpClient) -> str:
    """Calls the bad method; gives the code it ended with."""
    with contextlib.suppress(AtpCallError):
        await client.plan(PlanRequest(request=RouteRequest(prompt="hello")), deadline_seconds=60)
    return "ended"


async def end_of(server: Backend, test: str) -> float:
    """Waits for the end, which must come in time and be a failure."""
    code, seconds = await server.end()
    report(test, n=1, figure=round(seconds, 2), bar=BAR_SECONDS, passed=seconds <= BAR_SECONDS and code == FAILED)
    assert code == FAILED
    assert seconds <= BAR_SECONDS
    return seconds


async def test_a_handler_that_ignores_its_cancellation_ends_with_the_process_and_is_named(tmp_path: Path) -> None:
    async with stubborn(tmp_path, "ignore_cancellation") as (server, acme, globex):
        await globex.route(RouteRequest(prompt="hello"))
        stuck = asyncio.create_task(plan(acme))
        await server.says(INSIDE)
        server.signal()
        await end_of(server, "A12")
        await stuck
    for event in ("calls cut", "calls ignore their cancellation"):
        (line,) = server.lines(event)
        assert line["calls"] == [f"{PLAN}: 1"]
    # It held nobody else up: what had to be written was written, and nobody waited for the last moment.
    assert server.lines("drained")
    assert server.lines("shutdown time is over") == []


@pytest.mark.parametrize("way", ["sleep_on_the_loop", "spin_on_the_loop"])
async def test_a_handler_that_blocks_the_loop_ends_with_the_process_and_is_named(tmp_path: Path, way: str) -> None:
    async with stubborn(tmp_path, way) as (server, acme, globex):
        await globex.route(RouteRequest(prompt="hello"))
        stuck = asyncio.create_task(plan(acme))
        await server.says(INSIDE)
        server.signal()
        assert await end_of(server, "A12") >= SHUTDOWN_SECONDS - 0.5
        await stuck
    (line,) = server.lines("shutdown time is over")
    assert line["calls"] == [f"{PLAN}: 1"]
    assert way in line["loop"][-1]


async def test_a_second_signal_ends_a_process_whose_loop_is_blocked_at_once(tmp_path: Path) -> None:
    async with stubborn(tmp_path, "spin_on_the_loop") as (server, acme, _):
        stuck = asyncio.create_task(plan(acme))
        await server.says(INSIDE)
        server.signal(signal.SIGINT)
        server.signal(signal.SIGTERM)
        code, seconds = await server.end()
        await stuck
    assert code == FORCED
    assert seconds < SHUTDOWN_SECONDS - 0.5
    assert "a second signal" in server.log.read_text()


async def test_native_code_that_never_gives_way_ends_with_a_process_that_was_told_before(tmp_path: Path) -> None:
    async with stubborn(tmp_path, "never_give_way") as (server, acme, _):
        stuck = asyncio.create_task(plan(acme))
        await server.says(INSIDE)
        began = time.monotonic()
        server.signal()
        code, _ = await server.end()
        assert code == FAILED
        # The timer of the interpreter goes off after the guard's, and writes down where every thread stands.
        assert time.monotonic() - began <= BAR_SECONDS + 1.0
        await stuck
    assert "never_give_way" in server.log.read_text()
