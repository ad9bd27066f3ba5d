"""Streams behind the shipped proxies: megabytes and quiet do not cut them, and a drain ends them in good order."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from atp_grpc.client.messages import RouteRequest
from atp_grpc.pb.atp.v1.route_service_pb2 import RouteStreamRequest
from atp_grpc.pb.atp.v1.route_service_pb2_grpc import RouteServiceStub
from atp_grpc.pb.atp.v1.stream_pb2 import STREAM_END_REASON_DRAINING
from tests.faults.lifecycle.fleet import Fleet, fleet
from tests.faults.lifecycle.proxies import haproxy, nginx

LONG = RouteStreamRequest(correlation_id="c", request=RouteRequest(prompt="word " * 10_000))
MESSAGES = 50
"""2.5 megabytes, on one stream: more than nginx takes as a request by default."""


@contextlib.asynccontextmanager
async def front(proxy: str, folder: Path, servers: Fleet) -> AsyncIterator[str]:
    """The address of a proxy."""
    if proxy == "haproxy":
        async with haproxy(folder, servers) as target:
            yield target
    else:
        async with nginx(folder, servers) as running:
            yield running.target


@pytest.mark.parametrize("proxy", ["haproxy", "nginx"])
async def test_long_streams_of_both_tenants_pass_whole_and_end_well_at_a_stop(tmp_path: Path, proxy: str) -> None:
    async with (
        fleet(tmp_path, drain_delay_seconds=0.5, max_connection_age_seconds=0) as servers,
        front(proxy, tmp_path, servers) as target,
        grpc.aio.insecure_channel(target) as channel,
    ):
        stub = RouteServiceStub(channel)
        streams = [stub.RouteStream(metadata=(("authorization", f"Bearer {one}"),)) for one in servers.credentials]
        for stream in streams:
            for number in range(1, MESSAGES + 1):
                await stream.write(LONG)
                answer = await stream.read()
                assert answer.result.sequence == number
                assert answer.result.HasField("response")
        for backend in servers.backends:
            backend.signal()
        for stream in streams:
            last = await stream.read()
            assert last.end.reason == STREAM_END_REASON_DRAINING
            assert last.end.last_sequence == MESSAGES
            await stream.done_writing()
            assert await stream.read() is grpc.aio.EOF
            assert await stream.code() is grpc.StatusCode.OK
        for backend in servers.backends:
            await backend.end()
