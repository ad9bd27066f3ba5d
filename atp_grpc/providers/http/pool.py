"""Connections to hosts, kept between calls.

The client takes a connection here and gives it back. A name is resolved once for each new connection, every address is
judged by the rule of egress, and the judged addresses are what is connected to. It bounds what lies idle and never what
is in use: how many calls run at once is decided above.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from atp_grpc.domain.clock import Clock
from atp_grpc.providers.http.connection import Connection
from atp_grpc.providers.http.egress import EgressRule
from atp_grpc.providers.http.errors import TargetRefused, TimedOut, Unreachable
from atp_grpc.providers.http.target import Origin

MAX_IDLE_PER_ORIGIN = 100
MAX_IDLE_SECONDS = 15.0
_MAX_ADDRESSES = 4

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a name and a port to IP addresses, the best first. Raises OSError."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Asks the machine's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class ConnectionPool:
    """Opens connections and keeps those that are idle."""

    def __init__(
        self, *, egress: EgressRule, tls: Callable[[], ssl.SSLContext], clock: Clock, resolve: Resolve
    ) -> None:
        """Takes the rule, how TLS is spoken, the clock that ages idle connections, and who knows names."""
        self._egress = egress
        self._tls = tls
        self._clock = clock
        self._resolve = resolve
        self._idle: dict[Origin, deque[Connection]] = {}
        self._open: set[Connection] = set()
        self._is_closed = False

    def idle(self, origin: Origin) -> Connection | None:
        """The connection that was used last, if one is fit."""
        kept = self._idle.get(origin)
        while kept:
            connection = kept.pop()
            if self._clock.monotonic() - connection.idle_since < MAX_IDLE_SECONDS and connection.is_fit():
                return connection
            connection.abort()
        return None

    async def connect(self, origin: Origin, seconds: float) -> Connection:
        """A new connection.

        Raises:
            TargetRefused: the rule of egress forbids it.
            Unreachable: there is none to be had.
            TimedOut: not within `seconds`.
        """
        if self._is_closed:
            raise Unreachable("the pool is closed")
        if self._egress.refusal_of(origin) is not None:
            raise TargetRefused("the rule of egress forbids the address")
        try:
            async with asyncio.timeout(seconds):
                addresses = await self._resolve(origin.host, origin.port)
                if not addresses or not self._egress.judges(origin, addresses):
                    raise TargetRefused("the rule of egress forbids what the name resolves to")
                return await self._first_of(origin, addresses[:_MAX_ADDRESSES], seconds)
        except TimeoutError:
            raise TimedOut("no connection in time") from None
        except (OSError, UnicodeError):
            raise Unreachable("no connection") from None

    async def _first_of(self, origin: Origin, addresses: Sequence[str], seconds: float) -> Connection:
        """One after the other; each but the last may take half of the time, so that a dead route leaves some."""
        for address in addresses[:-1]:
            try:
                async with asyncio.timeout(seconds / 2):
                    return await self._to(origin, address)
            except OSError:
                seconds /= 2
        return await self._to(origin, addresses[-1])

    async def _to(self, origin: Origin, address: str) -> Connection:
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(origin, self._open.discard),
            address,
            origin.port,
            ssl=self._tls() if origin.is_secure else None,
            server_hostname=origin.host if origin.is_secure else None,
        )
        if self._is_closed:
            connection.abort()
            raise Unreachable("the pool is closed")
        self._open.add(connection)
        return connection

    def keep(self, connection: Connection) -> None:
        """Keeps a connection for the next call, or closes it where enough lie idle."""
        kept = self._idle.setdefault(connection.origin, deque())
        if connection.is_gone or self._is_closed or len(kept) >= MAX_IDLE_PER_ORIGIN:
            connection.abort()
            return
        connection.release()
        connection.idle_since = self._clock.monotonic()
        kept.append(connection)
        self._drop_aged(kept)

    def _drop_aged(self, kept: deque[Connection]) -> None:
        """The oldest lie on the left, because the youngest are used first."""
        while kept and (kept[0].is_gone or self._clock.monotonic() - kept[0].idle_since >= MAX_IDLE_SECONDS):
            kept.popleft().abort()

    def close(self) -> None:
        """Ends every connection, in use or not."""
        self._is_closed = True
        self._idle.clear()
        for connection in tuple(self._open):
            connection.drop()
