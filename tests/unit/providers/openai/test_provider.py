"""Whole calls over a socket: how each way of ending is told, and what becomes of the connection."""

from __future__ import annotations

import asyncio
from typing import Self

import orjson
import pytest

from atp_grpc.domain.ask import FinishReason
from atp_grpc.domain.clock import SystemClock
from atp_grpc.domain.endpoint import Timeouts
from atp_grpc.domain.outcome import Usage
from atp_grpc.providers.contract import (
    Allowance,
    Blame,
    FaultKind,
    Finished,
    ProviderFault,
    TextDelta,
    Used,
    Where,
)
from atp_grpc.providers.http.calling import MAX_ERROR_BYTES
from atp_grpc.providers.http.client import HttpClient
from atp_grpc.providers.http.egress import EgressRule
from atp_grpc.providers.openai.provider import OpenAiProvider
from tests.unit.providers.http.asking import generation, heard
from tests.unit.providers.http.raw_server import (
    LAST_CHUNK,
    STREAM_HEAD,
    RawServer,
    Script,
    Then,
    chunk,
    event,
    raw_server,
    whole,
)

HALF = event(b'{"model":"m-1","choices":[{"delta":{"content":"half"}}]}')
ROLE = event(b'{"model":"m-1","choices":[{"delta":{"role":"assistant","content":""}}]}')
STOP = event(b'{"choices":[{"delta":{},"finish_reason":"stop"}]}')
USAGE = event(b'{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}')
DONE = event(b"[DONE]")
ANSWER = [TextDelta("half"), Used(Usage(1, None, 2, None)), Finished(FinishReason.STOP, "m-1")]
SHORT = Timeouts(connect=5.0, first_token=0.03, between_chunks=0.03, total=5.0)


class Provided(OpenAiProvider):
    """A provider that may speak to one server, and closes itself."""

    def __init__(self, server: RawServer) -> None:
        clock = SystemClock()
        super().__init__(client=HttpClient(egress=EgressRule({server.target}), clock=clock), clock=clock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()


async def test_an_answer_comes_as_it_is_said() -> None:
    async with (
        raw_server([STREAM_HEAD, ROLE, HALF, STOP, USAGE, DONE + LAST_CHUNK]) as server,
        Provided(server) as provider,
    ):
        for _ in range(3):
            assert await heard(provider, generation(server.base_url)) == (ANSWER, None)

    assert server.connections == 1
    assert server.requests[0].line == "POST /v1/chat/completions HTTP/1.1"
    assert "authorization: Bearer key-1" in server.requests[0].head
    assert orjson.loads(server.requests[0].body)["stream"] is True


async def test_bytes_that_come_one_by_one_are_the_same_answer() -> None:
    said = STREAM_HEAD + ROLE + HALF + STOP + USAGE + DONE + LAST_CHUNK
    async with raw_server([bytes([byte]) for byte in said]) as server, Provided(server) as provider:
        assert await heard(provider, generation(server.base_url)) == (ANSWER, None)


async def test_a_whole_answer_is_asked_for_and_read_at_once() -> None:
    body = {
        "model": "m-1",
        "choices": [{"message": {"content": "half"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
    }
    left = "x-ratelimit-remaining-requests: 5\r\n"
    async with raw_server([whole(orjson.dumps(body), headers=left)]) as server, Provided(server) as provider:
        for is_streamed in (False, True):
            events, fault = await heard(provider, generation(server.base_url, is_streamed=is_streamed))
            assert (events, fault) == ([Allowance(5), *ANSWER], None)


@pytest.mark.parametrize(
    "script",
    [
        [STREAM_HEAD + HALF + STOP, LAST_CHUNK],
        [STREAM_HEAD + HALF + STOP, Then.CLOSE],
        [STREAM_HEAD + HALF + STOP, Then.RESET],
        [STREAM_HEAD + HALF + STOP, Then.HOLD],
    ],
    ids=["no done", "closed", "reset", "silence"],
)
async def test_an_answer_is_complete_once_the_model_says_why_it_stopped(script: Script) -> None:
    async with raw_server(script) as server, Provided(server) as provider:
        events, fault = await heard(provider, generation(server.base_url, timeouts=SHORT))

    assert (events, fault) == ([TextDelta("half"), Finished(FinishReason.STOP, "m-1")], None)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ([STREAM_HEAD + HALF, Then.CLOSE], FaultKind.CUT),
        ([STREAM_HEAD + HALF, Then.RESET], FaultKind.CUT),
        ([STREAM_HEAD + HALF, LAST_CHUNK], FaultKind.CUT),
        ([STREAM_HEAD + HALF + DONE + LAST_CHUNK], FaultKind.CUT),
        ([STREAM_HEAD + HALF + USAGE + DONE + LAST_CHUNK], FaultKind.CUT),
        ([STREAM_HEAD + HALF + event(b'{"error":{"message":"boom"}}')], FaultKind.CUT),
        ([STREAM_HEAD + HALF, Then.HOLD], FaultKind.STALLED),
        ([STREAM_HEAD + HALF, chunk(b": ping\n\n"), Then.HOLD], FaultKind.STALLED),
        ([STREAM_HEAD + HALF + event(b'{"choices":[{"del')], FaultKind.MALFORMED),
        ([STREAM_HEAD + HALF + b"zz\r\n"], FaultKind.MALFORMED),
        ([STREAM_HEAD + HALF, *[chunk(b"x" * 65_536)] * 17], FaultKind.MALFORMED),
        ([STREAM_HEAD + HALF, *[event(b'"%s"' % (b"x" * 65_536))]], FaultKind.MALFORMED),
    ],
)
async def test_a_cut_stream_never_looks_complete(script: Script, kind: FaultKind) -> None:
    async with raw_server(script) as server, Provided(server) as provider:
        events, fault = await heard(provider, generation(server.base_url, timeouts=SHORT))

    assert fault is not None
    assert fault.kind is kind
    assert fault.blame is Blame.PROVIDER
    assert events[0] == TextDelta("half")
    assert not any(isinstance(said, Finished) for said in events)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ([Then.CLOSE], FaultKind.UNAVAILABLE),
        ([Then.RESET], FaultKind.UNAVAILABLE),
        ([STREAM_HEAD + ROLE, Then.RESET], FaultKind.UNAVAILABLE),
        ([Then.HOLD], FaultKind.TIMEOUT),
        ([STREAM_HEAD, Then.HOLD], FaultKind.TIMEOUT),
        ([STREAM_HEAD + ROLE, Then.HOLD], FaultKind.TIMEOUT),
        ([STREAM_HEAD + event(b'{"error":{"message":"boom"}}')], FaultKind.UNAVAILABLE),
        ([STREAM_HEAD + LAST_CHUNK], FaultKind.CUT),
        ([whole(b'{"error":{"code":"rate_limit_exceeded"}}')], FaultKind.RATE_LIMITED),
        ([whole(b"<html>", kind="text/html")], FaultKind.CUT),
        ([b"SSH-2.0\r\n"], FaultKind.MALFORMED),
        ([whole(b"", status="301 Moved", headers="location: https://evil.example.com/\r\n")], FaultKind.MALFORMED),
        ([whole(b"{}", status="500 X")], FaultKind.UNAVAILABLE),
        ([whole(b"x" * (MAX_ERROR_BYTES + 1), status="500 X")], FaultKind.UNAVAILABLE),
        ([whole(b"{}", status="503 X")[:-1], Then.HOLD], FaultKind.OVERLOADED),
        ([b"HTTP/1.1 401 X\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nxx"], FaultKind.KEY_REFUSED),
    ],
)
async def test_a_call_that_shows_nothing_says_why(
    script: Script, kind: FaultKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atp_grpc.providers.http.calling.ERROR_BODY_SECONDS", 0.03)
    async with raw_server(script) as server, Provided(server) as provider:
        events, fault = await heard(provider, generation(server.base_url, timeouts=SHORT))

    assert events == []
    assert fault is not None
    assert fault.kind is kind


async def test_a_refusal_says_how_long_to_wait_and_what_is_left() -> None:
    headers = "retry-after: 3\r\nx-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 3s\r\n"
    script = [whole(b'{"error":{"code":"rate_limit_exceeded"}}', status="429 Too Many Requests", headers=headers)]
    async with raw_server(script) as server, Provided(server) as provider:
        for _ in range(2):
            events, fault = await heard(provider, generation(server.base_url))
            assert events == [Allowance(0, None, 3.0)]
            assert fault is not None
            assert (fault.kind, fault.status, fault.retry_after_seconds) == (FaultKind.RATE_LIMITED, 429, 3.0)

    assert server.connections == 1


async def test_what_came_before_a_fault_in_the_same_piece_is_given() -> None:
    async with raw_server([STREAM_HEAD + HALF + event(b"{")]) as server, Provided(server) as provider:
        events, fault = await heard(provider, generation(server.base_url))

    assert events == [TextDelta("half")]
    assert fault is not None


@pytest.mark.parametrize(
    ("begun", "kind"), [(ROLE, FaultKind.TIMEOUT), (HALF, FaultKind.STALLED)], ids=["before", "after"]
)
async def test_signs_of_life_put_off_no_time_limit(begun: bytes, kind: FaultKind) -> None:
    script = [STREAM_HEAD, begun, *[chunk(b": still here\n\n"), ROLE] * 10_000]
    async with raw_server(script) as server, Provided(server) as provider:
        _, fault = await heard(provider, generation(server.base_url, timeouts=SHORT))

    assert fault is not None
    assert fault.kind is kind
    assert server.written_bytes < sum(map(len, script)), "the limit passed long before the last sign"


async def test_whoever_stops_reading_ends_the_call_upstream() -> None:
    async with raw_server([STREAM_HEAD + HALF, Then.HOLD]) as server, Provided(server) as provider:
        events = provider.generate(generation(server.base_url))
        assert await anext(events) == TextDelta("half")
        await events.aclose()
        async with asyncio.timeout(0.1):
            await server.client_left.wait()


async def test_a_cancelled_call_ends_upstream_and_is_no_fault() -> None:
    async with raw_server([STREAM_HEAD + HALF, Then.HOLD]) as server, Provided(server) as provider:
        call = asyncio.create_task(heard(provider, generation(server.base_url)))
        await server.has_spoken.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        async with asyncio.timeout(0.1):
            await server.client_left.wait()


async def test_a_connection_that_did_not_end_well_is_not_used_again() -> None:
    scripts: list[Script] = [
        [STREAM_HEAD + HALF, Then.HOLD],
        [STREAM_HEAD + HALF + b"zz\r\n"],
        [STREAM_HEAD + HALF + STOP + DONE + LAST_CHUNK],
    ]
    async with raw_server(*scripts) as server, Provided(server) as provider:
        for _ in range(3):
            await heard(provider, generation(server.base_url, timeouts=SHORT))

    assert server.connections == 3


async def test_closing_the_provider_ends_what_is_open() -> None:
    async with raw_server([STREAM_HEAD + HALF, Then.HOLD]) as server, Provided(server) as provider:
        call = asyncio.create_task(heard(provider, generation(server.base_url)))
        await server.has_spoken.wait()
        await provider.close()
        _, fault = await call
        await server.client_left.wait()
        _, later = await heard(provider, generation(server.base_url))

    assert fault is not None
    assert fault.kind in {FaultKind.UNAVAILABLE, FaultKind.CUT}
    assert later is not None
    assert later.kind is FaultKind.UNAVAILABLE


async def test_a_forbidden_address_is_a_fault_of_its_own() -> None:
    async with raw_server([whole(b"{}")]) as server, Provided(server) as provider:
        for address in ("https://169.254.169.254/latest", "http://example.com", "https://localhost/v1", "junk"):
            events, fault = await heard(provider, generation(address))
            assert events == []
            assert fault is not None
            assert (fault.kind, fault.where) == (FaultKind.EGRESS_REFUSED, Where.ELSEWHERE)

    assert server.connections == 0


async def test_a_probe_costs_nothing_and_says_what_is_wrong() -> None:
    scripts: list[Script] = [[whole(b'{"data":[]}')], [whole(b"{}", status="401 X")], [Then.CLOSE]]
    async with raw_server(*scripts) as server, Provided(server) as provider:
        endpoint = generation(server.base_url).endpoint
        await provider.probe(endpoint, "key-1")
        for kind in (FaultKind.KEY_REFUSED, FaultKind.UNAVAILABLE):
            with pytest.raises(ProviderFault) as failed:
                await provider.probe(endpoint, "key-1")
            assert failed.value.kind is kind

    assert {request.line for request in server.requests} == {"GET /v1/models HTTP/1.1"}


async def test_a_key_that_no_header_can_hold_is_never_sent() -> None:
    async with raw_server([whole(b"{}")]) as server, Provided(server) as provider:
        _, fault = await heard(provider, generation(server.base_url, key="a\r\nx-injected: 1"))

    assert fault is not None
    assert server.connections == 0
