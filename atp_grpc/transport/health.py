"""grpc.health.v1 on the asyncio server: one status per service and `""` for the whole, without a credential.

Balancers and clients ask here; the composition root turns it to SERVING last, the drain turns it off first. It never
looks at a dependency: what is not needed to answer a Route must not take the server out of service.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from atp_grpc.domain.errors import ResourceNotFoundError
from atp_grpc.services.status import rpc_status, trailers

SERVICE_NAME: str = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
_Response = health_pb2.HealthCheckResponse


class Health:
    """The health service. Starts with NOT_SERVING; all services of the process share one status."""

    def __init__(self, services: Iterable[str]) -> None:
        self._services = frozenset({"", *services})
        self._is_serving = False
        self._has_left = False
        self._is_closed = False
        self._changed = asyncio.Event()

    @property
    def is_serving(self) -> bool:
        """What a check of a known service is told."""
        return self._is_serving

    def enter_service(self) -> None:
        """SERVING, unless the process is on its way out already."""
        if not self._has_left:
            self._tell(is_serving=True)

    def leave_service(self) -> None:
        """NOT_SERVING, for ever. Calls are still answered; callers that look stop coming."""
        self._has_left = True
        self._tell(is_serving=False)

    def close_watches(self) -> None:
        """Ends the open watches, so that none of them holds up the end of the server."""
        self._is_closed = True
        self._notify()

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name on the wire
        """The status of one service; NOT_FOUND for one that does not exist."""
        if request.service not in self._services:
            error = ResourceNotFoundError("service", request.service)
            status = rpc_status(error)
            await context.abort(grpc.StatusCode.NOT_FOUND, status.message, trailers(error, status))
        return _Response(status=self._status())

    async def List(self, _request: Any, _context: Any) -> Any:  # noqa: N802 - the name on the wire
        """The status of every service."""
        return health_pb2.HealthListResponse(
            statuses={name: _Response(status=self._status()) for name in self._services}
        )

    async def Watch(self, request: Any, context: Any) -> None:  # noqa: N802 - the name on the wire
        """The status at once and after every change; SERVICE_UNKNOWN for one that does not exist (gRFC A17)."""
        is_known = request.service in self._services
        told = None
        while not self._is_closed:
            changed = self._changed
            status = self._status() if is_known else _Response.SERVICE_UNKNOWN
            if status != told:
                await context.write(_Response(status=status))
                told = status
            await changed.wait()

    def _status(self) -> int:
        return int(_Response.SERVING if self._is_serving else _Response.NOT_SERVING)

    def _tell(self, *, is_serving: bool) -> None:
        self._is_serving = is_serving
        self._notify()

    def _notify(self) -> None:
        """Wakes every watch: each waits on the event that was current when it last looked."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def add_health(health: Health, server: grpc.aio.Server) -> None:
    """Serves the health service."""
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
