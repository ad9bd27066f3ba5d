"""The stand-in knows what it was asked and how each call ended, at once."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest

from atp_grpc.mock_provider import Ended, Fault, MockProvider, Script, open_mock_provider
from tests.unit.mock_provider.asking import ANTHROPIC, DIALECTS, OPENAI, ask, begin


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", [Fault.STALL, Fault.SILENT, Fault.ENDLESS])
async def test_a_client_that_goes_away_is_noticed(mock: MockProvider, dialect: str, stream: bool, fault: Fault) -> None:
    mock.script("m", Script(fault=fault, after_tokens=5))
    async with aiohttp.ClientSession() as session:
        asked = asyncio.create_task(_read_on(session, mock, dialect, stream))
        sent = 5 if stream and fault is not Fault.SILENT else 0
        await mock.until(lambda: bool(mock.calls) and mock.calls[-1].sent_tokens >= sent)
        left = time.monotonic()
        asked.cancel()
        await mock.idle()

    call = mock.calls[-1]
    assert call.ended is Ended.CANCELLED
    assert call.ended_at is not None
    assert call.ended_at >= left


async def _read_on(session: aiohttp.ClientSession, mock: MockProvider, dialect: str, stream: bool) -> None:
    async with begin(session, mock, dialect, stream=stream) as response:
        async for _ in response.content.iter_any():
            pass


async def test_what_was_asked_by_whom_is_kept(mock: MockProvider) -> None:
    await ask(mock, ANTHROPIC, "claude", key="k1", prompt="What is asked?")

    call = mock.calls[-1]
    assert (call.number, call.dialect, call.model, call.key, call.is_streamed) == (
        1,
        "anthropic",
        "claude",
        "k1",
        False,
    )
    assert call.body["messages"] == [{"role": "user", "content": "What is asked?"}]
    assert call.headers["anthropic-version"] == "2023-06-01"
    assert (call.ended, call.status) == (Ended.ANSWERED, 200)


async def test_calls_are_counted_until_they_are_forgotten(mock: MockProvider) -> None:
    mock.script("m", Script(fault=Fault.OVERLOADED, calls=1))
    await ask(mock, OPENAI)
    await ask(mock, OPENAI)
    assert mock.counts == {Ended.REFUSED: 1, Ended.ANSWERED: 1}

    mock.reset_calls()

    assert (len(mock.calls), mock.counts) == (0, {})


async def test_a_call_that_goes_on_is_ended_when_the_stand_in_is() -> None:
    async with aiohttp.ClientSession() as session:
        async with open_mock_provider() as mock:
            mock.script("m", Script(fault=Fault.STALL))
            response = await begin(session, mock, OPENAI, stream=True)
        with pytest.raises(aiohttp.ClientError):
            await response.read()

    assert [call.ended for call in mock.calls] == [Ended.STOPPED]


async def test_waits_are_what_the_script_says_and_no_longer() -> None:
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    async with open_mock_provider(pause=pause) as mock:
        mock.script("m", Script(tokens=4, first_token_seconds=3, token_seconds=0.5, tokens_per_chunk=2))
        await ask(mock, OPENAI, stream=True)
        await ask(mock, OPENAI)

    assert waited == [3, 1.0, 1.0, 3, 2.0]


async def test_a_stalled_stream_can_go_on_showing_that_it_lives(mock: MockProvider) -> None:
    mock.script("m", Script(fault=Fault.STALL, after_tokens=1, ping_seconds=0.001))
    async with aiohttp.ClientSession() as session, begin(session, mock, OPENAI, stream=True) as response:
        for _ in range(2):
            await response.content.readuntil(b": still here\n\n")
        response.close()
    await mock.idle()

    assert (mock.calls[-1].ended, mock.calls[-1].sent_tokens) == (Ended.CANCELLED, 1)


async def test_whoever_waits_and_gives_up_holds_nobody_else(mock: MockProvider) -> None:
    never = asyncio.create_task(mock.until(lambda: False))
    answered = asyncio.create_task(mock.until(lambda: mock.counts[Ended.ANSWERED] == 1))
    await asyncio.sleep(0)
    never.cancel()

    await ask(mock, OPENAI)
    await answered
