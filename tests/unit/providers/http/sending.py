"""How tests of the client send a request, and read its answer to the end."""

from __future__ import annotations

from atp_grpc.domain.clock import ManualClock, SystemClock
from atp_grpc.providers.http.client import HttpClient, Request
from atp_grpc.providers.http.egress import EgressRule
from atp_grpc.providers.http.exchange import Exchange
from tests.unit.providers.http.raw_server import RawServer

LIMIT = 1_000_000


def client_for(server: RawServer, clock: ManualClock | None = None) -> HttpClient:
    return HttpClient(egress=EgressRule({server.target}), clock=clock or SystemClock())


async def send(client: HttpClient, server: RawServer, *, total_seconds: float = 10.0) -> Exchange:
    request = Request(server.base_url, "/x", {}, {"x-a": "b"}, b"{}")
    return await client.send(request, connect_seconds=5.0, total_seconds=total_seconds)


async def answer_of(client: HttpClient, server: RawServer) -> bytes:
    exchange = await send(client, server)
    try:
        await exchange.head()
        return await exchange.read_all(LIMIT)
    finally:
        exchange.close()
