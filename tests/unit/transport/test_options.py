"""Each setting of the listener reaches grpcio's core, and what must not be set is not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from atp_grpc.app.listeners import listener_settings
from atp_grpc.config import ServerSettings, Settings
from atp_grpc.transport.grpcio.options import ListenerSettings, channel_options

ARGUMENTS = {
    "max_concurrent_streams": ("grpc.max_concurrent_streams", 1),
    "max_metadata_bytes": ("grpc.max_metadata_size", 1),
    "absolute_max_metadata_bytes": ("grpc.absolute_max_metadata_size", 1),
    "keepalive_seconds": ("grpc.keepalive_time_ms", 1_000),
    "keepalive_timeout_seconds": ("grpc.keepalive_timeout_ms", 1_000),
    "min_ping_interval_seconds": ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
    "max_ping_strikes": ("grpc.http2.max_ping_strikes", 1),
    "max_connection_age_seconds": ("grpc.max_connection_age_ms", 1_000),
    "connection_grace_seconds": ("grpc.max_connection_age_grace_ms", 1_000),
    "max_connection_idle_seconds": ("grpc.max_connection_idle_ms", 1_000),
}
ADDRESSES = {"host", "port", "loopback_port", "unix_socket", "unix_socket_mode"}
OTHERS = {"max_deadline_seconds", "max_stream_seconds", "is_compression_open"}


def options(**fields: object) -> dict[str, int]:
    return dict(channel_options(ListenerSettings(**fields)))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_setting_becomes_an_argument_of_the_core(name: str) -> None:
    argument, factor = ARGUMENTS[name]

    assert options(**{name: 41})[argument] == 41 * factor


def test_every_field_of_the_listener_is_accounted_for() -> None:
    names = {field.name for field in dataclasses.fields(ListenerSettings)}

    assert names == set(ARGUMENTS) | ADDRESSES | OTHERS


def test_every_setting_of_the_server_reaches_the_listener() -> None:
    defaults, given = ServerSettings(), dict[str, Any]()
    for field in dataclasses.fields(ListenerSettings):
        value = getattr(defaults, field.name, None)
        if isinstance(value, float | int) and not isinstance(value, bool):
            given[field.name] = type(value)(value + 1 if value >= 0 else 8_000)
    server = dataclasses.replace(defaults, **given, unix_socket="/run/atp.sock", unix_socket_mode="0660")
    listener = listener_settings(Settings(server=dataclasses.replace(server, compression="on", host="0.0.0.0")))

    assert {name: getattr(listener, name) for name in given} == given
    assert (listener.host, listener.unix_socket, listener.unix_socket_mode) == ("0.0.0.0", "/run/atp.sock", 0o660)
    assert listener.is_compression_open


def test_two_servers_never_share_a_port_without_a_word() -> None:
    assert options()["grpc.so_reuseport"] == 0


def test_messages_are_not_unpacked_unless_it_is_asked_for() -> None:
    assert options()["grpc.compression_enabled_algorithms_bitset"] == 0b001
    assert options(is_compression_open=True)["grpc.compression_enabled_algorithms_bitset"] == 0b111


@pytest.mark.parametrize("name", ["max_connection_age", "max_connection_idle"])
def test_a_connection_that_never_ends_is_left_to_the_core(name: str) -> None:
    assert f"grpc.{name}_ms" not in options(**{f"{name}_seconds": 0.0})


@pytest.mark.parametrize(("deadline", "stream", "grace"), [(60.0, 120.0, 125_000), (300.0, 120.0, 305_000)])
def test_whatever_begins_at_the_last_moment_ends_by_itself(deadline: float, stream: float, grace: int) -> None:
    given = options(max_deadline_seconds=deadline, max_stream_seconds=stream)

    assert given["grpc.max_connection_age_grace_ms"] == grace
