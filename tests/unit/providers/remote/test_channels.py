"""Channels beyond the machine: TLS to the very address that was judged, and a new look-up when it is lost."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Collection

import grpc
import pytest

from atp_grpc.domain.endpoint import Dialect, Endpoint
from atp_grpc.providers.contract import FaultKind, ProviderFault
from atp_grpc.providers.http.egress import EgressRule
from atp_grpc.providers.http.target import Origin
from atp_grpc.providers.remote.channels import Channels
from tests.authority import Authority

NAME = "localhost"


class Everywhere(EgressRule):
    """Takes this machine for the public internet, and notes what it is asked to judge."""

    def __init__(self) -> None:
        super().__init__()
        self.judged: list[list[str]] = []

    def refusal_of(self, origin: Origin) -> str | None:
        return None

    def judges(self, origin: Origin, addresses: Collection[str]) -> bool:
        self.judged.append(list(addresses))
        return True


@pytest.fixture
async def authority() -> Authority:
    return Authority()


@pytest.fixture
async def port(authority: Authority) -> AsyncIterator[int]:
    """A server that has no method at all."""
    issued = authority.issue()
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(issued.key, issued.certificate)]))
    await server.start()
    yield port
    await server.stop(0)


def look_up(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Makes every name lead to these addresses; the names that were looked up."""
    asked: list[str] = []

    async def found(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
    return asked


async def code_of(channel: grpc.aio.Channel) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await channel.unary_unary("/any/Method")(b"")
    return ended.value.code()


async def test_a_public_name_is_reached_over_tls_at_the_judged_address(
    authority: Authority, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = Everywhere()
    asked = look_up(monkeypatch, "127.0.0.1")
    channels = Channels(rule, root_certificates=authority.root)
    endpoint = Endpoint(Dialect.REMOTE, f"{NAME}:{port}", "bee")

    first = await channels.channel(endpoint)

    # The server answers: TLS was agreed on under the name, at the address.
    assert await code_of(first) is grpc.StatusCode.UNIMPLEMENTED
    assert await channels.channel(endpoint) is first
    assert (asked, rule.judged) == ([NAME], [["127.0.0.1"]])
    await channels.close()


async def test_the_certificate_has_to_bear_the_name_that_was_asked_for(
    authority: Authority, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up(monkeypatch, "127.0.0.1")
    channels = Channels(Everywhere(), root_certificates=authority.root)

    channel = await channels.channel(Endpoint(Dialect.REMOTE, f"adapter.example.com:{port}", "bee"))

    assert await code_of(channel) is grpc.StatusCode.UNAVAILABLE
    await channels.close()


async def test_a_lost_channel_is_looked_up_anew(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = look_up(monkeypatch, "127.0.0.1")
    channels = Channels(Everywhere(), root_certificates=authority.root)
    endpoint = Endpoint(Dialect.REMOTE, f"{NAME}:1", "bee")
    first = await channels.channel(endpoint)

    channels.forget(endpoint, first)
    second = await channels.channel(endpoint)
    channels.forget(endpoint, first)

    assert second is not first
    assert await channels.channel(endpoint) is second
    assert asked == [NAME, NAME]
    await channels.close()


async def test_a_named_target_keeps_its_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    channels = Channels(EgressRule(["127.0.0.1:1"]))
    endpoint = Endpoint(Dialect.REMOTE, "127.0.0.1:1", "bee")
    channel = await channels.channel(endpoint)

    channels.forget(endpoint, channel)

    assert await channels.channel(endpoint) is channel
    await channels.close()


async def test_a_name_that_does_not_resolve_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lost(*_: object, **__: object) -> list[tuple[object, ...]]:
        raise socket.gaierror

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lost)
    channels = Channels(Everywhere())

    with pytest.raises(ProviderFault) as away:
        await channels.channel(Endpoint(Dialect.REMOTE, "adapter.example.com:443", "bee"))

    assert away.value.kind is FaultKind.UNAVAILABLE
    await channels.close()
