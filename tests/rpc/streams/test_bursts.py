"""A burst of streams or calls is taken or refused with a reason; none is cancelled by the core without a word."""

from __future__ import annotations

import asyncio
from collections import Counter

import grpc

from atp_grpc.client.messages import RouteRequest
from tests.rpc.serving import ACME, GLOBEX, Serving
from tests.rpc.streams.talking import ROUTE_STREAM, channel_to, talk

AT_ONCE, CONNECTIONS = 2_000, 10
ROUTE = "/atp.v1.RouteService/Route"


async def test_two_thousand_streams_that_are_opened_at_once_are_all_open(server: Serving) -> None:
    async def burst(tenant: str, count: int) -> list[grpc.StatusCode]:
        async with channel_to(server.target) as channel:
            streams = [talk(channel, ROUTE_STREAM, server.credentials[tenant]) for _ in range(count)]
            return [heard.code for heard in await asyncio.gather(*(stream.finish() for stream in streams))]

    each = AT_ONCE // CONNECTIONS
    codes = await asyncio.gather(*(burst(tenant, each) for tenant in (ACME, GLOBEX) for _ in range(CONNECTIONS // 2)))

    assert Counter(code for some in codes for code in some) == {grpc.StatusCode.OK: AT_ONCE}


async def test_two_thousand_calls_that_come_at_once_are_answered_or_told_when_to_come_back(server: Serving) -> None:
    metadata = (("authorization", f"Bearer {server.credentials[ACME]}"),)
    body = RouteRequest(prompt="x").SerializeToString()

    async def burst(count: int) -> list[grpc.StatusCode]:
        async with channel_to(server.target) as channel:
            route = channel.unary_unary(ROUTE)
            calls = [route(body, metadata=metadata, timeout=50) for _ in range(count)]
            return [await call.code() for call in calls]

    codes = await asyncio.gather(*(burst(AT_ONCE // CONNECTIONS) for _ in range(CONNECTIONS)))

    seen = Counter(code for some in codes for code in some)
    assert set(seen) <= {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
    assert seen.total() == AT_ONCE
