"""The settings of everything that listens: the gRPC server, its TLS, and the ops port.

`settings` puts them into the tree; they stand apart because there are many. Nothing here reads a file or the
environment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from atp_grpc.config.fields import setting

_DAY = 86_400.0
_LARGEST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The gRPC listener."""

    host: str = setting("Address the gRPC server binds to.", "127.0.0.1", pattern=r"\S+")
    port: int = setting(
        "Port of the gRPC server; 0 takes a free one, -1 turns it off.", 7443, minimum=-1, maximum=_LARGEST_PORT
    )
    loopback_port: int = setting(
        "Port of a second listener on 127.0.0.1 that never uses TLS; 0 takes a free one, -1 turns it off.",
        -1,
        minimum=-1,
        maximum=_LARGEST_PORT,
    )
    unix_socket: str = setting("Path of a Unix socket to listen on; empty: none.", "", pattern=r"[^\0]{0,107}")
    unix_socket_mode: Literal["0600", "0660"] = setting(
        "Who may connect to the Unix socket: its owner, or its group too.", "0600"
    )
    behind_proxy: bool = setting("Whether a proxy makes a loopback listener reachable from elsewhere.", default=False)
    default_deadline_seconds: float = setting(
        "Deadline of a call that comes without one.", 30.0, minimum=0.001, maximum=3600
    )
    max_deadline_seconds: float = setting("Longest deadline; a longer one is cut.", 60.0, minimum=0.001, maximum=3600)
    max_concurrent_streams: int = setting("Most calls in flight on one connection.", 256, minimum=1, maximum=1_000_000)
    max_streams: int = setting("Most streams open at once in the process.", 10_000, minimum=1, maximum=1_000_000)
    max_stream_seconds: float = setting(
        "Longest life of a stream; the server ends it in good order before.", 120.0, minimum=0.1, maximum=86_400
    )
    slow_reader_seconds: float = setting(
        "Time a caller may leave a message of its stream unread before the stream is ended.",
        30.0,
        minimum=0.1,
        maximum=3600,
    )
    max_metadata_bytes: int = setting(
        "Bytes of metadata that every call may bring.", 16_384, minimum=1024, maximum=1_048_576
    )
    absolute_max_metadata_bytes: int = setting(
        "Bytes of metadata that no call may bring; between the two limits chance decides.",
        32_768,
        minimum=1024,
        maximum=2_097_152,
    )
    compression: Literal["off", "on"] = setting(
        "Whether callers may compress their messages; limits then count what comes out.", "off"
    )
    keepalive_seconds: float = setting("Idle time before a connection is probed.", 60.0, minimum=1, maximum=_DAY)
    keepalive_timeout_seconds: float = setting(
        "Time a probed connection has to answer before it is closed.", 20.0, minimum=1, maximum=3600
    )
    min_ping_interval_seconds: float = setting(
        "Time that has to lie between two pings of a caller on a quiet connection.", 20.0, minimum=0.01, maximum=_DAY
    )
    max_ping_strikes: int = setting(
        "Pings sooner than that which are forgiven before the connection is closed; 0 forgives all.",
        2,
        minimum=0,
        maximum=1_000_000,
    )
    max_connection_age_seconds: float = setting(
        "Age at which a connection takes no more calls, give or take a tenth, so that callers spread; 0: none.",
        300.0,
        maximum=_DAY,
        least_above_zero=1,
    )
    connection_grace_seconds: float = setting(
        "Time that calls on such a connection still have; 0: 5 seconds more than the longest call or stream.",
        0.0,
        maximum=2 * _DAY,
        least_above_zero=1,
    )
    max_connection_idle_seconds: float = setting(
        "Time without a call after which a connection is closed; 0: none.", 900.0, maximum=_DAY, least_above_zero=1
    )
    shutdown_seconds: float = setting("Most time from the first signal to the end.", 30.0, minimum=0.1, maximum=3600)
    drain_delay_seconds: float = setting(
        "Time to go on serving after health turned NOT_SERVING, so that balancers notice.",
        0.5,
        minimum=0,
        maximum=600,
        profile_defaults={"prod": 5.0},
    )
    reflection: Literal["auto", "on", "operators", "off"] = setting(
        "Who may ask for the contract: on: everybody; operators; off: nobody; auto: everybody in the dev profile and "
        "on a loopback listener without a proxy, operators elsewhere.",
        "auto",
    )
    admin_services: bool = setting(
        "Whether operators may ask grpcio about its connections and calls (channelz, CSDS).", default=True
    )


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """TLS of the gRPC server. Both files or none; they are read again while the server runs."""

    certificate: str = setting("PEM file of the certificate, with its chain after it; empty: no TLS.", "")
    key: str = setting("PEM file of the certificate's private key, without a passphrase.", "")
    reload_interval_seconds: float = setting("Time between two looks at the files.", 5.0, minimum=0.01, maximum=3600)


@dataclass(frozen=True, slots=True)
class OpsSettings:
    """The HTTP listener of `/metrics`, `/livez`, `/readyz`, `/startupz` and `/healthz`."""

    host: str = setting("Address the ops server binds to.", "127.0.0.1", pattern=r"\S+")
    port: int = setting(
        "Port of the ops server; 0 takes a free one, -1 turns it off.", 7444, minimum=-1, maximum=_LARGEST_PORT
    )
