"""grpc.health.v1 on the asyncio server: a status for each service and `""` for the whole, without a credential.

Balancers and clients ask here; the composition root turns it to SERVING last, the drain turns it off first, and the
regular checks say which service is able to do its work. It never looks at a dependency itself, and it stands beside the
edge: no limit on calls applies to it, because an overloaded server that looks dead gets none of the help it needs.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from atp_grpc.domain.errors import AtpError, MethodUnknownError, ResourceNotFoundError
from atp_grpc.services.status import Code, rpc_status, trailers
from atp_grpc.telemetry.traces import TraceIds
from atp_grpc.transport.arrival import read_arrival

SERVICE_NAME: str = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
WHOLE = ""
"""The name that stands for the whole server."""
MOST_LISTED = 100
"""Statuses in a list (gRFC A90)."""
MOST_WATCHES = 1_024
"""About 25 KiB each, and nobody needs a credential to open one."""
_Response = health_pb2.HealthCheckResponse
_CODES = {Code.NOT_FOUND: grpc.StatusCode.NOT_FOUND, Code.UNIMPLEMENTED: grpc.StatusCode.UNIMPLEMENTED}


class Health:
    """The health service. Starts with NOT_SERVING; every service counts as able until `judge` says otherwise."""

    def __init__(self, services: Iterable[str]) -> None:
        self._is_able = dict.fromkeys((WHOLE, *services), True)
        self._is_in_service = False
        self._has_left = False
        self._is_closed = False
        self._changed = asyncio.Event()
        self._watches = 0
        self._trace_ids = TraceIds(random.Random())  # noqa: S311 - distinct, not secret
        self.max_watches = MOST_WATCHES
        """Most watches open at once."""
        self.on_poll: Callable[[], None] = lambda: None
        """Hears of everybody who asks once, as balancers do again and again; who watches is told instead."""

    @property
    def is_serving(self) -> bool:
        """What a check of the whole is told."""
        return self._is_in_service and self._is_able[WHOLE]

    @property
    def has_left(self) -> bool:
        """Whether the process is on its way out."""
        return self._has_left

    @property
    def open_watches(self) -> int:
        """Watches open now."""
        return self._watches

    def serving(self) -> Mapping[str, bool]:
        """Which services serve, and the whole."""
        return {name: self._is_in_service and is_able for name, is_able in self._is_able.items()}

    def judge(self, is_able: Mapping[str, bool]) -> None:
        """Says which services can do their work; what is not named stays as it was.

        Raises:
            KeyError: there is no such service.
        """
        if unknown := is_able.keys() - self._is_able.keys():
            raise KeyError(min(unknown))
        if any(self._is_able[name] is not able for name, able in is_able.items()):
            self._is_able.update(is_able)
            self._notify()

    def enter_service(self) -> None:
        """SERVING, unless the process is on its way out already."""
        if not self._has_left:
            self._tell(is_in_service=True)

    def leave_service(self) -> None:
        """NOT_SERVING, for ever. Calls are still answered; callers that look stop coming."""
        self._has_left = True
        self._tell(is_in_service=False)

    def close_watches(self) -> None:
        """Ends the open watches, so that none of them holds up the end of the server."""
        self._is_closed = True
        self._notify()

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name on the wire
        """The status of one service; NOT_FOUND for one that does not exist."""
        self.on_poll()
        if request.service not in self._is_able:
            await self._refuse(context, ResourceNotFoundError("service", request.service))
        return _Response(status=self._status_of(request.service))

    async def List(self, _request: Any, context: Any) -> Any:  # noqa: N802 - the name on the wire
        """The status of every service; RESOURCE_EXHAUSTED when there are more than a list may hold."""
        self.on_poll()
        if len(self._is_able) > MOST_LISTED:
            sentence = f"there are more than {MOST_LISTED} services; check them one by one"
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, sentence)
        return health_pb2.HealthListResponse(
            statuses={name: _Response(status=self._status_of(name)) for name in self._is_able}
        )

    async def Watch(self, request: Any, context: Any) -> None:  # noqa: N802 - the name on the wire
        """The status at once and after every change; SERVICE_UNKNOWN for one that does not exist (gRFC A17).

        UNIMPLEMENTED when there are too many watches: to gRPC clients that word alone means "go on without one". After
        any other they would take the server for unhealthy, and whoever opened all watches could keep everybody away.
        """
        if self._watches >= self.max_watches:
            sentence = "every watch that this server allows is open; ask with Check"
            await self._refuse(context, MethodUnknownError(f"/{SERVICE_NAME}/Watch"), sentence)
        self._watches += 1
        try:
            await self._tell_every_change(request.service, context)
        finally:
            self._watches -= 1

    async def _refuse(self, context: Any, error: AtpError, sentence: str = "") -> None:
        """Sends the status of an error; a sentence of its own replaces the error's."""
        trace_id = read_arrival(context.invocation_metadata()).trace_id or self._trace_ids.fresh()
        status = rpc_status(error, trace_id)
        status.message = sentence or status.message
        await context.abort(_CODES[Code(status.code)], status.message, trailers(error, status))

    async def _tell_every_change(self, service: str, context: Any) -> None:
        told = None
        while True:
            changed = self._changed
            status = self._status_of(service)
            if status != told:
                await context.write(_Response(status=status))
                told = status
            if self._is_closed:
                return
            await changed.wait()

    def _status_of(self, service: str) -> int:
        if service not in self._is_able:
            return int(_Response.SERVICE_UNKNOWN)
        is_serving = self._is_in_service and self._is_able[service]
        return int(_Response.SERVING if is_serving else _Response.NOT_SERVING)

    def _tell(self, *, is_in_service: bool) -> None:
        self._is_in_service = is_in_service
        self._notify()

    def _notify(self) -> None:
        """Wakes every watch: each waits on the event that was current when it last looked."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def add_health(health: Health, server: grpc.aio.Server) -> None:
    """Serves the health service."""
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
