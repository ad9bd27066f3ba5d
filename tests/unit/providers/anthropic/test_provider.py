"""Whole calls over a socket; what both dialects share is tried with the other one."""

from __future__ import annotations

import orjson
import pytest

from atp_grpc.domain.ask import FinishReason
from atp_grpc.domain.clock import SystemClock
from atp_grpc.domain.endpoint import Dialect, Timeouts
from atp_grpc.domain.outcome import Usage
from atp_grpc.providers.anthropic.provider import AnthropicProvider
from atp_grpc.providers.contract import Allowance, FaultKind, Finished, ProviderFault, TextDelta, Used
from atp_grpc.providers.http.client import HttpClient
from atp_grpc.providers.http.egress import EgressRule
from tests.unit.providers.http.asking import Heard, generation, heard
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

START = event(b'{"type":"message_start","message":{"model":"claude-1","usage":{"input_tokens":3,"output_tokens":1}}}')
HALF = event(b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"half"}}')
PING = chunk(b'event: ping\ndata: {"type": "ping"}\n\n')
END = event(b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}')
STOP = event(b'{"type":"message_stop"}')
SHORT = Timeouts(connect=5.0, first_token=0.03, between_chunks=0.03, total=5.0)


def provider_for(server: RawServer) -> AnthropicProvider:
    clock = SystemClock()
    return AnthropicProvider(client=HttpClient(egress=EgressRule({server.target}), clock=clock), clock=clock)


async def ask(server: RawServer, times: int = 1) -> list[Heard]:
    provider = provider_for(server)
    asked = generation(server.base_url, dialect=Dialect.ANTHROPIC, timeouts=SHORT)
    answers = [await heard(provider, asked) for _ in range(times)]
    await provider.close()
    return answers


async def test_an_answer_comes_as_it_is_said() -> None:
    async with raw_server([STREAM_HEAD, START, PING, HALF, END, STOP + LAST_CHUNK]) as server:
        answers = await ask(server, 2)

    events = [
        Used(Usage(3, None, 1, None)),
        TextDelta("half"),
        Used(Usage(3, None, 2, None)),
        Finished(FinishReason.STOP, "claude-1"),
    ]
    assert answers == [(events, None)] * 2
    assert server.connections == 1
    assert server.requests[0].line == "POST /v1/messages HTTP/1.1"
    assert "x-api-key: key-1" in server.requests[0].head
    assert orjson.loads(server.requests[0].body)["max_tokens"] == 100


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ([STREAM_HEAD + START + HALF, Then.CLOSE], FaultKind.CUT),
        ([STREAM_HEAD + START + HALF, LAST_CHUNK], FaultKind.CUT),
        ([STREAM_HEAD + START + HALF + STOP + LAST_CHUNK], FaultKind.CUT),
        ([STREAM_HEAD + START + HALF, PING, Then.HOLD], FaultKind.STALLED),
        ([STREAM_HEAD + START + PING, Then.HOLD], FaultKind.TIMEOUT),
        ([STREAM_HEAD + START + HALF + event(b'{"type":"content_bl')], FaultKind.MALFORMED),
        ([STREAM_HEAD + START, Then.RESET], FaultKind.UNAVAILABLE),
    ],
)
async def test_a_broken_stream_never_looks_complete(script: Script, kind: FaultKind) -> None:
    async with raw_server(script) as server:
        ((events, fault),) = await ask(server)

    assert fault is not None
    assert fault.kind is kind
    assert not any(isinstance(said, Finished) for said in events)


async def test_a_refusal_tells_what_is_left() -> None:
    script = [whole(b"{}", status="529 X", headers="anthropic-ratelimit-requests-remaining: 0\r\n")]
    async with raw_server(script) as server:
        ((events, fault),) = await ask(server)

    assert events == [Allowance(0)]
    assert fault is not None
    assert (fault.kind, fault.status) == (FaultKind.OVERLOADED, 529)


async def test_a_probe_costs_nothing_and_says_what_is_wrong() -> None:
    async with raw_server([whole(b"{}")], [whole(b"{}", status="403 X")]) as server:
        provider = provider_for(server)
        endpoint = generation(server.base_url, dialect=Dialect.ANTHROPIC).endpoint
        await provider.probe(endpoint, "key-1")
        with pytest.raises(ProviderFault) as failed:
            await provider.probe(endpoint, "key-1")
        await provider.close()

    assert failed.value.kind is FaultKind.KEY_REFUSED
    assert server.requests[0].line == "GET /v1/models HTTP/1.1"
