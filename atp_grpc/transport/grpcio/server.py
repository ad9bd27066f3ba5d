"""The listener: binds, serves wrapped methods with health and reflection beside them, and ends without losing a call.

The composition root starts it after everything else and drains it before everything else. It never stops while
callers still come and a moment is left: a call that the core has taken and not yet handed over is lost when the core
stops (grpc issue 41785).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from atp_grpc.domain.errors import DrainingError
from atp_grpc.transport.edge import Edge
from atp_grpc.transport.grpcio.accepting import AcceptingServer
from atp_grpc.transport.grpcio.backlog import Backlog
from atp_grpc.transport.grpcio.handlers import EndTrailers, MethodHandlers, UnknownHandlers
from atp_grpc.transport.grpcio.listeners import Listeners
from atp_grpc.transport.grpcio.options import ListenerSettings, channel_options
from atp_grpc.transport.health import Health, add_health
from atp_grpc.transport.method import Method
from atp_grpc.transport.streams import DRAINING_RETRY_SECONDS, OpenStreams
from atp_grpc.transport.tls import Pair
from atp_grpc.transport.traffic import LOOK_EVERY_SECONDS, Drained, Traffic

LEAST_GRACE_SECONDS = 0.1
"""What the core gets to send the last answers and to say goodbye on its connections."""
LATE_CALLS_SECONDS = 0.5
"""Most time for calls that came last and wait inside the core to be refused; it counts others too, so not for ever."""
QUIET_LOOKS = 5
"""So many looks in a row must find that none waits and none came."""
CLEAN_UP_SHARE, CLEAN_UP_SECONDS = 0.2, 1.0
"""Part of the grace, and most of it, that handlers get for their last lines once they have been cancelled."""


class GrpcioServer:
    """A listener on the running loop."""

    def __init__(
        self,
        methods: Sequence[Method],
        *,
        edge: Edge,
        traffic: Traffic,
        streams: OpenStreams,
        settings: ListenerSettings,
        services: Sequence[str],
        end_trailers: EndTrailers = tuple,
        pair: Pair | None = None,
    ) -> None:
        """Takes what it serves.

        Args:
            methods: the rows.
            edge: wraps them.
            traffic: where `edge` counts.
            streams: where `edge` opens streams.
            settings: of the listener.
            services: whose health is told.
            end_trailers: gives the trailing metadata of every call.
            pair: certificate and key; None serves without TLS.
        """
        self.listeners = Listeners(settings, pair)
        self._traffic = traffic
        self._streams = streams
        self.health = Health(services)
        """NOT_SERVING until somebody says otherwise."""
        self.health.on_poll = traffic.polled
        self._server = AcceptingServer(channel_options(settings))
        self._backlog = Backlog()
        self._is_stopping = False
        rows = {one.path: edge.row(one) for one in methods}
        self._server.register(rows)
        self._server.add_generic_rpc_handlers((MethodHandlers(rows, end_trailers),))
        add_health(self.health, self._server)
        self._server.add_generic_rpc_handlers((UnknownHandlers(edge.refuse_unknown),))

    async def start(self) -> int:
        """Starts to listen; returns the port, which matters where the settings say 0, or -1 where there is none.

        Raises:
            ListenError: the address is taken or not of this machine. SocketFileError: the Unix socket cannot be had.
        """
        try:
            self.listeners.bind(self._server)
        except BaseException:
            # Only a server that was started gives back the ports that it has bound.
            await self._server.start()
            await self._server.stop(None)
            self.listeners.close()
            raise
        await self._server.start()
        return self.listeners.port

    def waiting_calls(self) -> int:
        """Calls that have come and that the edge has not looked at yet; none once the listener is stopping."""
        if self._is_stopping:
            return 0
        seen = self._traffic.open_calls + self._traffic.open_streams + self.health.open_watches
        return max(0, self._backlog.open_calls() - seen)

    async def drain(self, *, delay_seconds: float, grace_seconds: float) -> Drained:
        """Ends the serving in steps, never later than both times together and a moment; tells what it left behind.

        First NOT_SERVING while calls are still served, until callers have left or the delay has passed. Then new calls
        are refused with DRAINING, which clients try elsewhere, streams end in good order, and those inside are answered
        until the grace has passed. Last the watches and the listener end.
        """
        loop = asyncio.get_running_loop()
        self.health.leave_service()
        have_left = await self._traffic.wait_until_callers_left(delay_seconds)
        self._traffic.is_refusing = True
        self._streams.end_all()
        end = loop.time() + grace_seconds
        clean_up = min(CLEAN_UP_SHARE * grace_seconds, CLEAN_UP_SECONDS)
        await self._traffic.wait_until_empty(grace_seconds - clean_up)
        cut = self._traffic.open_methods()
        # A stream that the core cancels would end with a status of the core's, without a reason.
        self._streams.break_off_all(DrainingError(DRAINING_RETRY_SECONDS))
        self.health.close_watches()
        await self._wait_for_late_calls(end)
        await self._stop(end)
        # The core has cancelled what was left; its handlers still have to run their last lines.
        await self._traffic.wait_until_empty(end - loop.time())
        return Drained(have_left=have_left, cut=cut, stuck=self._traffic.open_methods())

    async def _wait_for_late_calls(self, end: float) -> None:
        """Lets those that the core still holds come to the edge, which refuses them; the core would lose them."""
        loop = asyncio.get_running_loop()
        end = min(end, loop.time() + LATE_CALLS_SECONDS)
        quiet_looks, arrivals = 0, self._traffic.arrivals
        while quiet_looks < QUIET_LOOKS and loop.time() < end:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            is_quiet = self._traffic.arrivals == arrivals and not self.waiting_calls()
            quiet_looks, arrivals = (quiet_looks + 1 if is_quiet else 0), self._traffic.arrivals

    async def _stop(self, end: float) -> None:
        """Stops the listener; does not wait beyond `end` for a core that waits for a handler that never returns."""
        loop = asyncio.get_running_loop()
        self._is_stopping = True
        grace = min(LEAST_GRACE_SECONDS, max(0.0, end - loop.time()))
        stopping = asyncio.ensure_future(self._server.stop(grace))
        await asyncio.wait({stopping}, timeout=max(LEAST_GRACE_SECONDS, end - loop.time()))
