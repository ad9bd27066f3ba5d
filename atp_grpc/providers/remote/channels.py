"""Channels to adapters: one for each target, opened at the first call, behind the rule of where we may connect.

The provider and the watch enter here. An address is `https://HOST:PORT`, `http://HOST:PORT`, or `HOST:PORT`, which is
plain for a target that an operator has named and TLS for every other one. Others than named ones are connected to at
the very addresses that the rule has judged. Nothing is retried here: gRPC is told not to.
"""

from __future__ import annotations

import asyncio
import socket

import grpc

from atp_grpc.domain.endpoint import Endpoint
from atp_grpc.providers.contract import FaultKind, ProviderFault
from atp_grpc.providers.http.egress import EgressRule
from atp_grpc.providers.http.target import Origin, origin_of

MAX_EVENT_BYTES = 4 * 1024 * 1024
MAX_REQUEST_BYTES = 64 * 1024 * 1024
"""A prompt with pictures in it."""
KEEPALIVE_MILLISECONDS = 310_000
"""Just above the five minutes that servers of other languages allow unless told otherwise; leases notice sooner."""
KEEPALIVE_TIMEOUT_MILLISECONDS = 20_000
READ_AHEAD_BYTES = 64 * 1024
FIRST_RECONNECT_MILLISECONDS = 200
LAST_RECONNECT_MILLISECONDS = 5_000


class Channels:
    """Holds the channels. A failed look-up is not kept."""

    def __init__(self, egress: EgressRule, *, root_certificates: bytes | None = None) -> None:
        """`root_certificates` are PEM certificates to trust in place of the machine's own."""
        self._egress = egress
        self._credentials = grpc.ssl_channel_credentials(root_certificates)
        self._open: dict[str, grpc.aio.Channel] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def channel(self, endpoint: Endpoint) -> grpc.aio.Channel:
        """The channel to an endpoint.

        Raises:
            ProviderFault: `EGRESS_REFUSED` where we may not connect, `UNAVAILABLE` when the name does not resolve.
        """
        known = self._open.get(endpoint.base_url)
        if known is not None:
            return known
        origin = self._origin(endpoint.base_url)
        options = channel_options(endpoint.timeouts.connect)
        target = origin.name
        if not self._egress.is_allowed(origin):
            target = await self._judged_target(origin)
            options += [("grpc.ssl_target_name_override", origin.host), ("grpc.default_authority", origin.name)]
        if endpoint.base_url not in self._open:
            self._open[endpoint.base_url] = (
                grpc.aio.secure_channel(target, self._credentials, options=options)
                if origin.is_secure
                else grpc.aio.insecure_channel(target, options=options)
            )
        return self._open[endpoint.base_url]

    def forget(self, endpoint: Endpoint, channel: grpc.aio.Channel) -> None:
        """Has the name looked up anew for the next call, where the addresses were judged here. Open calls may end."""
        is_ours = self._open.get(endpoint.base_url) is channel
        if is_ours and not self._egress.is_allowed(self._origin(endpoint.base_url)):
            del self._open[endpoint.base_url]
            closing = asyncio.get_running_loop().create_task(channel.close(endpoint.timeouts.total))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Closes every channel; calls on them end."""
        channels = list(self._open.values())
        self._open.clear()
        for channel in channels:
            await channel.close()
        for closing in list(self._closing):
            closing.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _origin(self, base_url: str) -> Origin:
        """Where an address leads; one without a scheme is plain for targets that an operator has named."""
        try:
            if "/" in base_url.rpartition("://")[2]:
                raise ValueError("an adapter has no path")  # noqa: TRY301 - one place says what becomes of all of them.
            if "://" in base_url:
                origin = origin_of(base_url)
            else:
                origin = origin_of(f"https://{base_url}")
                origin = origin._replace(is_secure=not self._egress.is_allowed(origin))
        except ValueError:
            raise ProviderFault(FaultKind.EGRESS_REFUSED) from None
        if self._egress.refusal_of(origin) is not None:
            raise ProviderFault(FaultKind.EGRESS_REFUSED)
        return origin

    async def _judged_target(self, origin: Origin) -> str:
        """The gRPC target of the addresses that a name resolves to."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        except OSError:
            raise ProviderFault(FaultKind.UNAVAILABLE) from None
        addresses = [str(entry[4][0]) for entry in found]
        if not self._egress.judges(origin, addresses):
            raise ProviderFault(FaultKind.EGRESS_REFUSED)
        four = [address for address in addresses if ":" not in address]
        if four:
            return "ipv4:" + ",".join(f"{address}:{origin.port}" for address in four)
        return "ipv6:" + ",".join(f"[{address}]:{origin.port}" for address in addresses)


def channel_options(connect_seconds: float) -> list[tuple[str, int | str]]:
    """The channel arguments of every channel to an adapter."""
    return [
        ("grpc.enable_retries", 0),
        ("grpc.service_config_disable_resolution", 1),
        ("grpc.enable_http_proxy", 0),
        ("grpc.max_receive_message_length", MAX_EVENT_BYTES),
        ("grpc.max_send_message_length", MAX_REQUEST_BYTES),
        # A reader that stops is felt by the adapter after this much, not after what a fast network would let through.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", READ_AHEAD_BYTES),
        ("grpc.keepalive_time_ms", KEEPALIVE_MILLISECONDS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MILLISECONDS),
        # gRPC knows the limit of an attempt to connect by this name.
        ("grpc.min_reconnect_backoff_ms", max(1, round(connect_seconds * 1000))),
        ("grpc.initial_reconnect_backoff_ms", FIRST_RECONNECT_MILLISECONDS),
        ("grpc.max_reconnect_backoff_ms", LAST_RECONNECT_MILLISECONDS),
        ("grpc.primary_user_agent", "atp"),
    ]
