"""A11: connections end when they are old, again and again under load, and neither calls nor streams suffer."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import grpc
import pytest

from atp_grpc.app.serving import OK
from atp_grpc.pb.atp.v1.route_service_pb2_grpc import RouteServiceStub
from atp_grpc.pb.atp.v1.stream_pb2 import STREAM_END_REASON_AGE
from tests.faults.battery import report
from tests.faults.lifecycle.backend import Backend, free_ports, running, write_config
from tests.faults.lifecycle.callers import Callers, calling
from tests.faults.lifecycle.conversations import OWN_CONNECTION, Conversation
from tests.rpc.serving import ACME, GLOBEX, key_for

STREAM_AGES = 1.5
"""Life of a stream in ages of its connection: every stream ends in the grace of its connection."""
STREAMS_EACH, CALLERS_EACH = 10, 4
STRICT_BAR, ALWAYS_FORGIVEN = 2e-4, 2
"""A caller that never sends anything twice may lose what was on its way when the connection said goodbye."""


async def converse_until(is_over: asyncio.Event, target: str, credential: str, held: list[Conversation]) -> None:
    """Streams of one tenant, each opened anew when the server has ended it."""
    metadata = (("authorization", f"Bearer {credential}"),)
    async with grpc.aio.insecure_channel(target, options=OWN_CONNECTION) as channel:
        stub = RouteServiceStub(channel)

        async def again_and_again() -> None:
            while not is_over.is_set():
                held.append(Conversation(is_busy=False))
                await held[-1].hold(stub.RouteStream(metadata=metadata))

        await asyncio.gather(*(again_and_again() for _ in range(STREAMS_EACH)))


def judge(profile: str, calls: Callers, share: float, forgiven: int = 0) -> None:
    """Reports how many calls failed, which must not be more than a share and a few."""
    passed = sum(calls.failed.values()) <= share * calls.total + forgiven
    report("A11", n=calls.total, figure={profile: calls.failed}, bar={profile: share}, passed=passed)
    assert passed, calls.faults


async def live_through_ages(tmp_path: Path, ages: int, age_seconds: float) -> None:
    credentials, keys = zip(*(key_for(tmp_path / "data", tenant) for tenant in (ACME, GLOBEX)), strict=True)
    port, ops_port = free_ports(2)
    config = write_config(
        tmp_path / "atp.toml",
        *keys,
        max_connection_age_seconds=age_seconds,
        max_stream_seconds=STREAM_AGES * age_seconds,
    )
    server = Backend(tmp_path / "data", config, port, ops_port)
    target, is_over = f"127.0.0.1:{port}", asyncio.Event()
    held: list[Conversation] = []
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(running(server))
        profiles = {
            profile: await stack.enter_async_context(calling(profile, target, *credentials, callers=CALLERS_EACH))
            for profile in ("kit", "plain", "strict")
        }
        conversing = [asyncio.create_task(converse_until(is_over, target, one, held)) for one in credentials]
        # Connections have to age for real: this is the one thing here that only time can do.
        await asyncio.sleep(ages * age_seconds)
        is_over.set()
        await asyncio.gather(*conversing)
        for calls in profiles.values():
            await calls.finish()
        code, _ = await server.stop()
    bad = [one for one in held if not (one.answers and one.ended_well(STREAM_END_REASON_AGE))]
    report("A11", n=len(held), figure={"streams_badly_ended": len(bad)}, bar=0, passed=not bad)
    judge("kit", profiles["kit"], 0.0)
    judge("plain", profiles["plain"], 0.0)
    judge("strict", profiles["strict"], STRICT_BAR, ALWAYS_FORGIVEN)
    assert bad == []
    assert len(held) >= ages / STREAM_AGES * STREAMS_EACH
    assert code == OK


@pytest.mark.timeout(120)
async def test_four_ages_of_connections_fail_no_call_and_cut_no_stream(tmp_path: Path) -> None:
    await live_through_ages(tmp_path, 4, 1.0)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_sixty_ages_of_connections_fail_no_call_and_cut_no_stream(tmp_path: Path) -> None:
    await live_through_ages(tmp_path, 60, 2.0)
