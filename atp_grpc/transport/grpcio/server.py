"""The listener: binds, serves wrapped methods with health and reflection beside them, and ends without losing a call.

The composition root starts it after everything else and drains it before everything else. It never stops while
callers still come and a moment is left: a call that the core has taken and not yet handed over is lost when the core
stops (grpc issue 41785).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import grpc

from atp_grpc.transport.edge import Edge
from atp_grpc.transport.grpcio.handlers import MethodHandlers, UnknownHandlers
from atp_grpc.transport.grpcio.options import ListenerSettings, channel_options
from atp_grpc.transport.health import SERVICE_NAME as HEALTH_SERVICE
from atp_grpc.transport.health import Health, add_health
from atp_grpc.transport.listening import ListenError
from atp_grpc.transport.method import Method
from atp_grpc.transport.reflection import add_reflection
from atp_grpc.transport.traffic import Traffic

QUIET_SHARE = 0.2
"""Callers count as gone when none came for this share of the delay that their balancers get to look."""
LEAST_GRACE_SECONDS = 0.1
CLEAN_UP_SECONDS = 1.0


class GrpcioServer:
    """A listener on the running loop."""

    def __init__(
        self,
        methods: Sequence[Method],
        *,
        edge: Edge,
        traffic: Traffic,
        settings: ListenerSettings,
        has_reflection: bool,
    ) -> None:
        """Args: `traffic` is the one that `edge` counts in."""
        services = sorted({method.service for method in methods})
        self._settings = settings
        self._traffic = traffic
        self.health = Health(services)
        """NOT_SERVING until somebody says otherwise."""
        self._server = grpc.aio.server(options=channel_options(settings))
        self._server.add_generic_rpc_handlers((MethodHandlers({one.path: edge.wrap(one) for one in methods}),))
        add_health(self.health, self._server)
        if has_reflection:
            add_reflection((*services, HEALTH_SERVICE), self._server)
        self._server.add_generic_rpc_handlers((UnknownHandlers(edge.refuse_unknown),))

    async def start(self) -> int:
        """Starts to listen; returns the port, which matters where the settings say 0.

        Raises:
            ListenError: the address is taken or not of this machine.
        """
        host, port = self._settings.host, self._settings.port
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            bound = self._server.add_insecure_port(address)
        except RuntimeError as fault:
            raise ListenError("gRPC", host, port) from fault
        await self._server.start()
        return int(bound)

    async def drain(self, *, delay_seconds: float, grace_seconds: float) -> bool:
        """Ends the serving in steps; tells whether every call was answered.

        First NOT_SERVING while calls are still served, until callers have left or the delay has passed. Then new calls
        are refused with DRAINING, which clients try elsewhere, until those inside are answered or the grace has passed.
        Last the watches and the listener end.
        """
        loop = asyncio.get_running_loop()
        self.health.leave_service()
        await self._traffic.wait_until_quiet(QUIET_SHARE * delay_seconds, delay_seconds)
        self._traffic.is_refusing = True
        end = loop.time() + grace_seconds
        is_empty = await self._traffic.wait_until_quiet(0.0, grace_seconds)
        self.health.close_watches()
        await self._server.stop(max(LEAST_GRACE_SECONDS, end - loop.time()))
        # The core has cancelled what was left; its handlers still have to run their last lines.
        await self._traffic.wait_until_quiet(0.0, CLEAN_UP_SECONDS)
        return is_empty
