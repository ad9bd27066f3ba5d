"""The listeners as the settings ask for them, and the certificate that one of them serves.

The door enters here before it listens. What is said to operators about listeners is said here; how one is bound is not
known here.
"""

from __future__ import annotations

from atp_grpc.app.rooms import Rooms
from atp_grpc.config import Settings, is_loopback
from atp_grpc.domain.clock import NANOS_PER_SECOND, Clock, moment_text
from atp_grpc.domain.health import Finding, State
from atp_grpc.telemetry.checkup import Check
from atp_grpc.transport.certificate import LiveCertificate
from atp_grpc.transport.grpcio.options import ListenerSettings
from atp_grpc.transport.reflection import Access, reflection_access
from atp_grpc.transport.tls import PairFiles

OLD_SHARE = 0.1
"""Part of a certificate's life that is left when it should long have been replaced; fits a year and an hour."""


def listener_settings(settings: Settings) -> ListenerSettings:
    """What the transport is told."""
    server = settings.server
    return ListenerSettings(
        host=server.host,
        port=server.port,
        loopback_port=server.loopback_port,
        unix_socket=server.unix_socket,
        unix_socket_mode=int(server.unix_socket_mode, 8),
        max_concurrent_streams=server.max_concurrent_streams,
        max_metadata_bytes=server.max_metadata_bytes,
        absolute_max_metadata_bytes=server.absolute_max_metadata_bytes,
        max_deadline_seconds=server.max_deadline_seconds,
        max_stream_seconds=server.max_stream_seconds,
        keepalive_seconds=server.keepalive_seconds,
        keepalive_timeout_seconds=server.keepalive_timeout_seconds,
        min_ping_interval_seconds=server.min_ping_interval_seconds,
        max_ping_strikes=server.max_ping_strikes,
        max_connection_age_seconds=server.max_connection_age_seconds,
        connection_grace_seconds=server.connection_grace_seconds,
        max_connection_idle_seconds=server.max_connection_idle_seconds,
        is_compression_open=server.compression == "on",
    )


def contract_access(settings: Settings) -> Access:
    """Who may ask the server for the contract. A server without a port is bound to loopback."""
    server = settings.server
    return reflection_access(
        server.reflection,
        profile=settings.profile,
        host=server.host if server.port >= 0 else "localhost",
        behind_proxy=server.behind_proxy,
    )


def notices_of(settings: Settings) -> tuple[str, ...]:
    """What whoever starts the server should hear about its listeners."""
    server = settings.server
    if server.port < 0 or is_loopback(server.host) or settings.tls.certificate:
        return ()
    where = f"{server.host} is reached from other machines and there is no TLS"
    return (f"keys travel in clear text: {where}; set tls.certificate and tls.key, or let nobody but a proxy in",)


async def open_certificate(rooms: Rooms) -> LiveCertificate | None:
    """The certificate of the TLS listener; None without TLS.

    Raises:
        UnusablePairError: its files cannot be served.
    """
    tls, instruments = rooms.settings.tls, rooms.instruments
    if not tls.certificate:
        return None
    certificate = await LiveCertificate.open(
        PairFiles(tls.certificate, tls.key),
        rooms.clock,
        on_change=lambda pair: instruments.certificate_changed(pair.subject, pair.expires_nanos),
        on_failure=instruments.certificate_failed,
    )
    instruments.metrics.watch_certificate(lambda: certificate.status.expires_nanos / NANOS_PER_SECOND)
    return certificate


def certificate_check(certificate: LiveCertificate, clock: Clock) -> Check:
    """Looks at the certificate in force."""

    async def look() -> Finding:
        return look_at_certificate(certificate, clock.now_nanos())

    return Check("certificate", look)


def look_at_certificate(certificate: LiveCertificate, now_nanos: int) -> Finding:
    """Whether callers will go on to trust the server."""
    status, pair = certificate.status, certificate.pair
    expiry = moment_text(status.expires_nanos)
    if now_nanos >= status.expires_nanos:
        return Finding(State.UNHEALTHY, f"expired at {expiry}")
    if status.failure:
        return Finding(State.DEGRADED, f"the files are refused: {status.failure}; the certificate before stays")
    if status.expires_nanos - now_nanos < OLD_SHARE * (status.expires_nanos - pair.begins_nanos):
        return Finding(State.DEGRADED, f"expires at {expiry} and has not been replaced")
    return Finding(State.HEALTHY, f"expires at {expiry}")
