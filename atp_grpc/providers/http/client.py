"""Sends one request and gives the exchange: the only door to the network for providers that speak HTTP.

Dialects enter here, through `calling`. One try on one connection: a request is never sent twice, whatever becomes of
the first. Redirects are answers like others.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

from atp_grpc.domain.clock import Clock
from atp_grpc.providers.http.egress import EgressRule
from atp_grpc.providers.http.errors import TargetRefused
from atp_grpc.providers.http.exchange import Exchange
from atp_grpc.providers.http.pool import ConnectionPool, Resolve, resolve
from atp_grpc.providers.http.target import Target, target_of

# RFC 9110, 5.5: a value that holds one of these would be read as more than one.
_NOT_IN_A_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]")


class Request(NamedTuple):
    """What to send. A body makes it a POST of JSON, none a GET."""

    base_url: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes | None = None


class HttpClient:
    """Exchanges requests for answers over kept connections."""

    def __init__(
        self, *, egress: EgressRule, clock: Clock, tls: ssl.SSLContext | None = None, resolve: Resolve = resolve
    ) -> None:
        """Takes where one may connect; `tls` is, unless given, what the machine trusts."""
        # Reading what the machine trusts takes 20 ms, and many servers never speak TLS to anybody.
        spoken: Callable[[], ssl.SSLContext] = cache(ssl.create_default_context) if tls is None else lambda: tls
        self._pool = ConnectionPool(egress=egress, tls=spoken, clock=clock, resolve=resolve)

    async def send(self, request: Request, *, connect_seconds: float, total_seconds: float) -> Exchange:
        """Sends a request; whoever gets the exchange closes it.

        Raises:
            ExchangeError: nothing was sent.
        """
        try:
            target = target_of(request.base_url, request.path, request.query)
        except ValueError:
            raise TargetRefused("the address is no plain one") from None
        written = written_out(request, target)
        connection = self._pool.idle(target.origin)
        if connection is None:
            loop = asyncio.get_running_loop()
            began = loop.time()
            connection = await self._pool.connect(target.origin, min(connect_seconds, total_seconds))
            total_seconds -= loop.time() - began
        exchange = Exchange(connection, total_seconds=total_seconds, keep=self._pool.keep)
        exchange.send(written)
        return exchange

    async def close(self) -> None:
        """Ends every exchange and every connection. Calling it again is fine."""
        self._pool.close()


def written_out(request: Request, target: Target) -> bytes:
    """The bytes of a request.

    Raises:
        TargetRefused: a header would be read as more than one.
    """
    body = request.body
    lines = [f"{'GET' if body is None else 'POST'} {target.path} HTTP/1.1", f"host: {target.authority}"]
    lines.append("accept-encoding: identity")
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    if body is None:
        lines += ("", "")
        return _head(lines)
    lines += ("content-type: application/json", f"content-length: {len(body)}", "", "")
    return _head(lines) + body


def _head(lines: list[str]) -> bytes:
    if _NOT_IN_A_HEADER.search("".join(lines)):
        raise TargetRefused("a header holds what no header may")
    return "\r\n".join(lines).encode("latin-1")
