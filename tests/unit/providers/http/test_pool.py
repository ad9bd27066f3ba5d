from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
import uvloop

from atp_grpc.domain.clock import SystemClock
from atp_grpc.providers.http.client import HttpClient, Request
from atp_grpc.providers.http.egress import EgressRule
from atp_grpc.providers.http.errors import ExchangeError, TargetRefused, TimedOut, Unreachable
from tests.authority import Authority
from tests.unit.providers.http.raw_server import STREAM_HEAD, Then, chunk, raw_server, whole


async def answer_of(client: HttpClient, base_url: str, connect_seconds: float = 5.0) -> bytes:
    request = Request(base_url, "/x", {}, {})
    exchange = await client.send(request, connect_seconds=connect_seconds, total_seconds=10.0)
    try:
        await exchange.head()
        return await exchange.read_all(1000)
    finally:
        exchange.close()


def names(*answers: Sequence[str]) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    """A resolver that says one thing after the other."""
    left = list(answers)

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return left.pop(0)

    return resolve


def tls_of(folder: Path, authority: Authority) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """How the server speaks TLS, and how a client does that trusts the authority."""
    authority.issue().write(folder / "tls.crt", folder / "tls.key")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    return server, ssl.create_default_context(cadata=authority.root.decode())


async def test_a_trusted_certificate_of_that_name_is_let(tmp_path: Path) -> None:
    theirs, ours = tls_of(tmp_path, Authority())
    async with raw_server([whole(b"[]")], tls=theirs) as server:
        client = HttpClient(egress=EgressRule({f"localhost:{server.port}"}), clock=SystemClock(), tls=ours)
        for _ in range(2):
            assert await answer_of(client, f"https://localhost:{server.port}") == b"[]"
        await client.close()

    assert server.connections == 1


async def test_a_certificate_of_another_name_or_authority_is_not_spoken_to(tmp_path: Path) -> None:
    theirs, ours = tls_of(tmp_path, Authority())
    async with raw_server([whole(b"[]")], tls=theirs) as server:
        rule = EgressRule({f"api.example.com:{server.port}", f"localhost:{server.port}"})
        here = names(["127.0.0.1"])
        other_name = HttpClient(egress=rule, clock=SystemClock(), tls=ours, resolve=here)
        with pytest.raises(Unreachable):
            await answer_of(other_name, f"https://api.example.com:{server.port}")
        stranger = HttpClient(egress=rule, clock=SystemClock())
        with pytest.raises(Unreachable):
            await answer_of(stranger, f"https://localhost:{server.port}")
        await other_name.close()
        await stranger.close()

    assert server.requests == []


@pytest.mark.parametrize(
    "resolved", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["169.254.169.254"], ["::ffff:10.0.0.1"], []]
)
async def test_a_name_that_leads_to_a_private_address_is_refused(resolved: list[str]) -> None:
    client = HttpClient(egress=EgressRule(), clock=SystemClock(), resolve=names(resolved))

    with pytest.raises(TargetRefused):
        await answer_of(client, "https://api.example.com/v1")
    await client.close()


async def test_a_name_is_resolved_once_and_what_was_judged_is_what_is_connected_to() -> None:
    async with raw_server([whole(b"[]")]) as server:
        # A second question would be answered with an address where nobody listens.
        client = HttpClient(
            egress=EgressRule({f"llama:{server.port}"}),
            clock=SystemClock(),
            resolve=names(["127.0.0.1"], ["127.0.0.9"]),
        )
        assert await answer_of(client, f"http://llama:{server.port}") == b"[]"
        await client.close()

    assert f"host: llama:{server.port}" in server.requests[0].head


@pytest.mark.parametrize(
    "address", ["http://api.example.com/v1", "https://10.0.0.1/v1", "https://localhost/v1", "nonsense"]
)
async def test_a_forbidden_address_is_refused_without_a_look_up(address: str) -> None:
    client = HttpClient(egress=EgressRule(), clock=SystemClock(), resolve=names())

    with pytest.raises(TargetRefused):
        await answer_of(client, address)
    await client.close()


async def test_the_next_address_is_tried_where_nobody_listens() -> None:
    async with raw_server([whole(b"[]")]) as server:
        client = HttpClient(
            egress=EgressRule({f"llama:{server.port}"}), clock=SystemClock(), resolve=names(["127.0.0.9", "127.0.0.1"])
        )
        assert await answer_of(client, f"http://llama:{server.port}") == b"[]"
        await client.close()


async def test_nobody_listening_and_no_such_name_are_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    rule = EgressRule({f"127.0.0.1:{port}", "nowhere.invalid:80", f"{'a' * 70}:80"})
    client = HttpClient(egress=rule, clock=SystemClock())

    for address in (f"http://127.0.0.1:{port}", "http://nowhere.invalid", f"http://{'a' * 70}"):
        with pytest.raises(Unreachable):
            await answer_of(client, address)
    await client.close()


async def test_a_host_that_does_not_answer_costs_no_more_than_it_may() -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    client = HttpClient(egress=EgressRule({"llama:80"}), clock=SystemClock(), resolve=resolve)
    with pytest.raises(TimedOut):
        await answer_of(client, "http://llama", connect_seconds=0.01)
    await client.close()


def test_the_loop_of_the_server_keeps_the_same_promises() -> None:
    """Production runs on uvloop, whose transports are its own."""

    async def story() -> None:
        async with raw_server([whole(b"[1]")], [whole(b"[2]")], [STREAM_HEAD + chunk(b"x"), Then.HOLD]) as server:
            client = HttpClient(egress=EgressRule({server.target}), clock=SystemClock())
            assert await answer_of(client, server.base_url) == b"[1]"
            assert await answer_of(client, server.base_url) == b"[2]"
            assert server.connections == 1
            server.has_asked.clear()
            call = asyncio.ensure_future(answer_of(client, server.base_url))
            await server.has_asked.wait()
            call.cancel()
            async with asyncio.timeout(0.1):
                await server.client_left.wait()
            with pytest.raises(asyncio.CancelledError):
                await call
            await client.close()
            with pytest.raises(ExchangeError):
                await answer_of(client, server.base_url)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story())
