"""A5: open streams and health watches do not hold up the end of a process, and every one of them ends in good order."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from atp_grpc.app.serving import OK
from atp_grpc.pb.atp.v1.route_service_pb2_grpc import RouteServiceStub
from atp_grpc.pb.atp.v1.stream_pb2 import STREAM_END_REASON_DRAINING
from tests.faults.battery import report
from tests.faults.lifecycle.backend import Backend, free_ports, running, write_config
from tests.faults.lifecycle.conversations import OWN_CONNECTION, Conversation
from tests.rpc.serving import ACME, GLOBEX, key_for
from tests.rpc.waiting import eventually

STREAMS_EACH, WATCHES = 100, 50
DRAIN_DELAY_SECONDS = 1.0
BAR_SECONDS = DRAIN_DELAY_SECONDS + 2.0


@dataclass
class Watching:
    """One health watch."""

    told: int = health_pb2.HealthCheckResponse.UNKNOWN
    status: grpc.StatusCode | None = None

    async def hold(self, watch: Any) -> None:
        while (message := await watch.read()) is not grpc.aio.EOF:
            self.told = message.status
        self.status = await watch.code()


async def test_two_hundred_streams_and_fifty_watches_end_well_and_in_time(tmp_path: Path) -> None:
    credentials, keys = zip(*(key_for(tmp_path / "data", tenant) for tenant in (ACME, GLOBEX)), strict=True)
    port, ops_port = free_ports(2)
    config = write_config(tmp_path / "atp.toml", *keys, drain_delay_seconds=DRAIN_DELAY_SECONDS)
    server = Backend(tmp_path / "data", config, port, ops_port)
    conversations: list[Conversation] = []
    watches = [Watching() for _ in range(WATCHES)]
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(running(server))

        async def connect() -> grpc.aio.Channel:
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=OWN_CONNECTION)
            return await stack.enter_async_context(channel)

        holding: list[asyncio.Task[None]] = []
        for credential in credentials:
            stub, metadata = RouteServiceStub(await connect()), (("authorization", f"Bearer {credential}"),)
            for number in range(STREAMS_EACH):
                conversation = Conversation(is_busy=number < STREAMS_EACH // 10)
                conversations.append(conversation)
                holding.append(asyncio.create_task(conversation.hold(stub.RouteStream(metadata=metadata))))
        health = health_pb2_grpc.HealthStub(await connect())
        everything = health_pb2.HealthCheckRequest()
        holding.extend(asyncio.create_task(watch.hold(health.Watch(everything))) for watch in watches)

        async def answered() -> bool:
            serving = health_pb2.HealthCheckResponse.SERVING
            return all(one.answers for one in conversations) and all(one.told == serving for one in watches)

        await eventually(answered, is_it=bool)
        began = time.monotonic()
        server.signal()
        await asyncio.gather(*holding)
        code, _ = await server.end()
        seconds = time.monotonic() - began
    bad = [one for one in conversations if not (one.answers and one.ended_well(STREAM_END_REASON_DRAINING))]
    not_serving = health_pb2.HealthCheckResponse.NOT_SERVING
    bad_watches = [one for one in watches if one.told != not_serving or one.status is not grpc.StatusCode.OK]
    figure = {"exit_seconds": round(seconds, 2), "streams_badly_ended": len(bad), "watches": len(bad_watches)}
    bar = {"exit_seconds": BAR_SECONDS, "streams_badly_ended": 0, "watches": 0}
    passed = not bad and not bad_watches and seconds <= BAR_SECONDS
    report("A5", n=len(conversations) + len(watches), figure=figure, bar=bar, passed=passed)
    assert bad == []
    assert bad_watches == []
    assert code == OK
    assert seconds <= BAR_SECONDS
