"""The channel every call of the kit goes through: service config, keepalive, sizes, TLS or loopback.

`AtpClient` enters here; whoever uses the generated stubs directly can open the same channel. It never sends a call and
never opens without TLS to another machine unless told to.
"""

from __future__ import annotations

from pathlib import Path

import grpc

from atp_grpc.client.targets import InsecureTargetError, is_loopback

_MEBIBYTE = 1024 * 1024
MAX_MESSAGE_BYTES = 16 * _MEBIBYTE
"""What the server takes at most; a batch of 256 stays far below."""
RETRY_BUFFER_BYTES = 4 * _MEBIBYTE
"""gRPC forgets how to retry a call whose request outgrows this; its own 256 KiB would exclude most batches."""
KEEPALIVE_MILLISECONDS = 60_000
KEEPALIVE_TIMEOUT_MILLISECONDS = 20_000
FIRST_RECONNECT_MILLISECONDS = 200
LAST_RECONNECT_MILLISECONDS = 5_000
"""A server that was restarted is found again within this time; gRPC's own two minutes suit fleets, not callers."""


def service_config() -> str:
    """The service config that is shipped with the stubs, as JSON text: retries, retry budget, health watching."""
    return Path(__file__).with_name("service_config.json").read_text(encoding="utf-8")


def channel_options(*, is_insecure: bool, watches_health: bool) -> list[tuple[str, int | str]]:
    """The channel arguments behind `open_channel`."""
    return [
        ("grpc.service_config", service_config()),
        ("grpc.inhibit_health_checking", int(not watches_health)),
        ("grpc.per_rpc_retry_buffer_size", RETRY_BUFFER_BYTES),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.keepalive_time_ms", KEEPALIVE_MILLISECONDS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MILLISECONDS),
        ("grpc.initial_reconnect_backoff_ms", FIRST_RECONNECT_MILLISECONDS),
        ("grpc.max_reconnect_backoff_ms", LAST_RECONNECT_MILLISECONDS),
        # A proxy named by the environment must not read a key that travels in clear text.
        ("grpc.enable_http_proxy", int(not is_insecure)),
        ("grpc.primary_user_agent", "atp-python"),
    ]


def open_channel(
    target: str,
    *,
    secure: bool = False,
    root_certificates: bytes | None = None,
    allow_insecure: bool = False,
    watches_health: bool = True,
) -> grpc.aio.Channel:
    """Opens a channel; the connection itself is made by the first call.

    Args:
        target: A gRPC target, for example `127.0.0.1:7443` or `dns:///atp.internal:7443`.
        secure: Whether to use TLS.
        root_certificates: PEM certificates to trust in place of the machine's own.
        allow_insecure: Permits a channel without TLS to another machine.
        watches_health: Whether calls avoid servers that say they are not serving, as `grpc.health.v1` reports it.

    Raises:
        InsecureTargetError: `secure` is false and the target is not on this machine.
    """
    options = channel_options(is_insecure=not secure, watches_health=watches_health)
    if secure:
        return grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(root_certificates), options=options)
    if not allow_insecure and not is_loopback(target):
        raise InsecureTargetError(target)
    return grpc.aio.insecure_channel(target, options=options)
