"""Settings of the HTTP/2 listener, each with its reason.

The server passes them to grpcio's core, which knows far more of them; what is not named here keeps the core's default.
"""

from __future__ import annotations

from dataclasses import dataclass

CORE_MESSAGE_BYTES = 16 * 1_048_576
"""The core's own limit, answered without details; each method's smaller one is answered by the door with them."""
CONNECTION_AGE_SECONDS = 300.0
"""Connections end after this (with 10 % of chance either way), so that callers spread over new servers."""
CONNECTION_IDLE_SECONDS = 900.0
MIN_PING_SECONDS = 20.0
GRACE_BEYOND_DEADLINE_SECONDS = 5.0

Options = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """What an operator may choose of the listener."""

    host: str = "127.0.0.1"
    port: int = 7443
    max_concurrent_streams: int = 256
    max_metadata_bytes: int = 16_384
    max_deadline_seconds: float = 60.0
    keepalive_seconds: float = 60.0
    keepalive_timeout_seconds: float = 20.0


def channel_options(settings: ListenerSettings) -> Options:
    """The arguments of grpcio's core."""
    return (
        # Two servers on one port would share its callers without a word.
        ("grpc.so_reuseport", 0),
        # Unlimited by default; a peer that opens and resets streams then costs twice the CPU and never ends.
        ("grpc.max_concurrent_streams", settings.max_concurrent_streams),
        ("grpc.max_receive_message_length", CORE_MESSAGE_BYTES),
        # Between the two limits requests are refused by chance; 8 and 16 KiB by default, too little for a fat token.
        ("grpc.max_metadata_size", settings.max_metadata_bytes),
        ("grpc.absolute_max_metadata_size", 2 * settings.max_metadata_bytes),
        # Dead peers and forgetful address translators are found within a minute, not two hours.
        ("grpc.keepalive_time_ms", _ms(settings.keepalive_seconds)),
        ("grpc.keepalive_timeout_ms", _ms(settings.keepalive_timeout_seconds)),
        ("grpc.keepalive_permit_without_calls", 1),
        # Polite clients that ping every half minute would be sent away with ENHANCE_YOUR_CALM.
        ("grpc.http2.min_ping_interval_without_data_ms", _ms(MIN_PING_SECONDS)),
        ("grpc.http2.max_ping_strikes", 2),
        ("grpc.max_connection_age_ms", _ms(CONNECTION_AGE_SECONDS)),
        ("grpc.max_connection_age_grace_ms", _ms(settings.max_deadline_seconds + GRACE_BEYOND_DEADLINE_SECONDS)),
        ("grpc.max_connection_idle_ms", _ms(CONNECTION_IDLE_SECONDS)),
    )


def _ms(seconds: float) -> int:
    return round(seconds * 1_000)
