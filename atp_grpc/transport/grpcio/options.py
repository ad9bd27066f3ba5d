"""Settings of the HTTP/2 listener, each with its reason.

The server passes them to grpcio's core, which knows far more of them; what is not named here keeps the core's default.
Nothing here listens.
"""

from __future__ import annotations

from dataclasses import dataclass

CORE_MESSAGE_BYTES = 16 * 1_048_576
"""The core's own limit, answered without details; each method's smaller one is answered by the door with them."""
LOOKAHEAD_BYTES = 262_144
PENDING_CALLS = 65_536
GRACE_BEYOND_LONGEST_SECONDS = 5.0
HANDSHAKE_SECONDS = 20.0
"""The core waits two minutes by default for a peer that has connected and says nothing."""
SETTINGS_SECONDS = 10.0
UNCOMPRESSED, ANY_COMPRESSION = 0b001, 0b111
"""Bit sets of the core's algorithms: identity, deflate, gzip."""

Options = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """What an operator may choose of the listeners. `docs/configuration.md` explains each under `[server]`.

    A port of -1 is not bound. An age, an idle time or a grace of 0 is the core's own: none, none, and the derived one.
    """

    host: str = "127.0.0.1"
    port: int = 7443
    loopback_port: int = -1
    unix_socket: str = ""
    unix_socket_mode: int = 0o600
    max_concurrent_streams: int = 256
    max_metadata_bytes: int = 16_384
    absolute_max_metadata_bytes: int = 32_768
    max_deadline_seconds: float = 60.0
    max_stream_seconds: float = 120.0
    keepalive_seconds: float = 60.0
    keepalive_timeout_seconds: float = 20.0
    min_ping_interval_seconds: float = 20.0
    max_ping_strikes: int = 2
    max_connection_age_seconds: float = 300.0
    connection_grace_seconds: float = 0.0
    max_connection_idle_seconds: float = 900.0
    is_compression_open: bool = False

    @property
    def grace_seconds(self) -> float:
        """What calls on an aged connection still get.

        Enough for a call or stream that began at its last moment: what the core cuts reaches the caller as INTERNAL.
        """
        longest = max(self.max_deadline_seconds, self.max_stream_seconds)
        return self.connection_grace_seconds or longest + GRACE_BEYOND_LONGEST_SECONDS


def channel_options(settings: ListenerSettings) -> Options:
    """The arguments of grpcio's core."""
    return (
        # Two servers on one port would share its callers without a word.
        ("grpc.so_reuseport", 0),
        # Unlimited by default; a peer that opens and resets streams then costs twice the CPU and never ends.
        ("grpc.max_concurrent_streams", settings.max_concurrent_streams),
        # From 1,000 calls on that it has not handed over yet, the core would cancel some by chance, without a word and
        # as CANCELLED, which no client tries again (seen: 1,458 of 4,000 that came at once). The door says why.
        ("grpc.server.max_pending_requests", PENDING_CALLS),
        ("grpc.server.max_pending_requests_hard_limit", 2 * PENDING_CALLS),
        ("grpc.max_receive_message_length", CORE_MESSAGE_BYTES),
        # Between the two limits requests are refused by chance; 8 and 16 KiB by default, too little for a fat token.
        ("grpc.max_metadata_size", settings.max_metadata_bytes),
        ("grpc.absolute_max_metadata_size", settings.absolute_max_metadata_bytes),
        # A few KiB of gzip unpack to 16 MiB before anybody has shown a credential.
        (
            "grpc.compression_enabled_algorithms_bitset",
            ANY_COMPRESSION if settings.is_compression_open else UNCOMPRESSED,
        ),
        ("grpc.server_handshake_timeout_ms", _ms(HANDSHAKE_SECONDS)),
        # Until a peer acknowledges the limits above the core takes 16 MiB of metadata, and gives it a minute for it.
        ("grpc.http2.settings_timeout", _ms(SETTINGS_SECONDS)),
        # What the core takes of a stream ahead of its reader. By itself it measures the line, and on a fast one takes
        # 5 MiB from every caller that sends and does not read. A larger message is still taken whole.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", LOOKAHEAD_BYTES),
        # Dead peers and forgetful address translators are found within a minute, not two hours.
        ("grpc.keepalive_time_ms", _ms(settings.keepalive_seconds)),
        ("grpc.keepalive_timeout_ms", _ms(settings.keepalive_timeout_seconds)),
        # The probe is a ping, and the core gives every ping a minute, whatever the line above says (seen with SIGSTOP).
        ("grpc.http2.ping_timeout_ms", _ms(settings.keepalive_timeout_seconds)),
        ("grpc.keepalive_permit_without_calls", 1),
        # Polite clients that ping every half minute would be sent away with ENHANCE_YOUR_CALM.
        ("grpc.http2.min_ping_interval_without_data_ms", _ms(settings.min_ping_interval_seconds)),
        ("grpc.http2.max_ping_strikes", settings.max_ping_strikes),
        # Callers behind a name or an L4 balancer find new servers when their connections end.
        *_unless_never("grpc.max_connection_age_ms", settings.max_connection_age_seconds),
        ("grpc.max_connection_age_grace_ms", _ms(settings.grace_seconds)),
        *_unless_never("grpc.max_connection_idle_ms", settings.max_connection_idle_seconds),
    )


def _unless_never(name: str, seconds: float) -> Options:
    return ((name, _ms(seconds)),) if seconds else ()


def _ms(seconds: float) -> int:
    return round(seconds * 1_000)
