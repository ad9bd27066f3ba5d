"""What a burst of an answer becomes, and what a call leaves behind in memory."""

from __future__ import annotations

import gc

from atp_grpc.domain.ask import FinishReason
from atp_grpc.domain.clock import SystemClock
from atp_grpc.domain.outcome import Usage
from atp_grpc.providers.contract import Event, FaultKind, Finished, TextDelta, ToolCallDelta, Used
from atp_grpc.providers.http.client import HttpClient
from atp_grpc.providers.openai.provider import OpenAiProvider
from tests.unit.providers.http.asking import Heard, generation, heard
from tests.unit.providers.http.raw_server import LAST_CHUNK, STREAM_HEAD, RawServer, Script, event, raw_server
from tests.unit.providers.http.sending import answer_of, client_for

ONE, TWO, THREE = (event(b'{"choices":[{"delta":{"content":"%s"}}]}' % word) for word in (b"one ", b"two ", b"three"))
CALL = event(b'{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":""}}]}}]}')
END = event(b'{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"completion_tokens":3}}')
DONE = event(b"[DONE]")
BROKEN = event(b"no JSON")
LAST: list[Event] = [Used(Usage(None, None, 3, None)), Finished(FinishReason.STOP)]


async def heard_of(*script: bytes) -> Heard:
    async with raw_server([STREAM_HEAD, *script]) as server:
        provider = OpenAiProvider(client=client_for(server), clock=SystemClock())
        try:
            return await heard(provider, generation(server.base_url))
        finally:
            await provider.close()


async def test_texts_that_came_in_one_piece_are_one_delta() -> None:
    told = await heard_of(ONE + TWO + THREE + END + DONE + LAST_CHUNK)
    assert told == Heard([TextDelta("one two three"), *LAST], None)


async def test_a_burst_keeps_the_order_of_texts_and_tool_calls() -> None:
    told = await heard_of(ONE + TWO + CALL + THREE + END + DONE + LAST_CHUNK)
    called = ToolCallDelta(0, "c1", "f", "")
    assert told.events[:3] == [TextDelta("one two "), called, TextDelta("three")]


async def test_what_came_before_a_broken_event_of_its_burst_is_given() -> None:
    told = await heard_of(ONE + TWO + BROKEN)
    assert told.events == [TextDelta("one two ")]
    assert told.fault is not None
    assert told.fault.kind is FaultKind.MALFORMED


async def test_an_exchange_that_ended_is_gone_without_the_collector() -> None:
    answer: Script = [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]"]
    async with raw_server(answer, answer) as server:
        client = client_for(server)
        await answer_of(client, server)
        left = await _garbage_of(client, server)
        await client.close()
    assert "Exchange" not in left


async def _garbage_of(client: HttpClient, server: RawServer) -> set[str]:
    """The kinds of things that only the collector would drop after a call."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        await answer_of(client, server)
        gc.collect()
        return {type(thing).__name__ for thing in gc.garbage}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
