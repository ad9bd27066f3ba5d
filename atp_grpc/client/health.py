"""Health for Python callers: asked once, listed, or watched, without a credential.

Part of `AtpClient`. It uses a connection of its own that does not watch health itself: the answer "not serving" must
still arrive.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from atp_grpc.client import messages
from atp_grpc.client.calling import CallingClient
from atp_grpc.client.errors import call_error
from atp_grpc.client.tracing import trace_metadata


class HealthClient(CallingClient):
    """The calls of gRPC's health service."""

    _open_health_channel: Callable[[], grpc.aio.Channel]

    async def health(self, service: str = "", *, deadline_seconds: float | None = None) -> messages.HealthCheckResponse:
        """Asks after the health of a service (`atp.v1.RouteService`), or of the whole server. Sends no credential."""
        async with self._open_health_channel() as channel:
            check = health_pb2_grpc.HealthStub(channel).Check
            request = health_pb2.HealthCheckRequest(service=service)
            return await self._call(check, request, deadline_seconds, metadata=trace_metadata())

    async def list_health(self, *, deadline_seconds: float | None = None) -> messages.HealthListResponse:
        """Asks after the health of every service at once; `""` stands for the whole. As `health` otherwise."""
        async with self._open_health_channel() as channel:
            lists = health_pb2_grpc.HealthStub(channel).List
            return await self._call(lists, health_pb2.HealthListRequest(), deadline_seconds, metadata=trace_metadata())

    async def watch_health(self, service: str = "") -> AsyncIterator[messages.HealthCheckResponse]:
        """Tells the health of a service, or of the whole server, at once and after every change.

        It has no deadline, sends no credential, and ends when the server ends the watch, for example to shut down.
        """
        async with self._open_health_channel() as channel:
            watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=service))
            try:
                async for response in watch:
                    yield response
            except grpc.aio.AioRpcError as error:
                raise call_error(error) from None
            finally:
                watch.cancel()
