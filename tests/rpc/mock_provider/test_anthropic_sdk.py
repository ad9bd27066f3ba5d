"""Anthropic's own SDK takes the stand-in for Anthropic."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import anthropic
import httpx2
import pytest
from anthropic.types import ToolParam

from atp_grpc.mock_provider import Ended, Fault, MockProvider, Script, count_tokens, open_mock_provider

QUESTION = "Hello, world!"
TOOL: ToolParam = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture
async def mock() -> AsyncIterator[MockProvider]:
    async with open_mock_provider(keys=["k"]) as mock:
        yield mock


@pytest.fixture
async def client(mock: MockProvider) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=mock.address, api_key="k", max_retries=0) as client:
        yield client


async def test_an_answer_in_one_piece(mock: MockProvider, client: anthropic.AsyncAnthropic) -> None:
    mock.script("m", Script(tokens=6, cached_tokens=2, cache_written_tokens=1, revision="m-20260101"))
    answer = await client.messages.create(
        model="m",
        max_tokens=100,
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        messages=[{"role": "user", "content": QUESTION}],
    )

    usage = answer.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (4, 2, 1)
    assert usage.output_tokens == 6
    assert answer.content[0].type == "text"
    assert count_tokens(answer.content[0].text) == 6
    assert (answer.stop_reason, answer.model) == ("end_turn", "m-20260101")
    assert mock.calls[-1].key == "k"


async def test_a_streamed_answer_with_thinking(mock: MockProvider, client: anthropic.AsyncAnthropic) -> None:
    mock.script("m", Script(tokens=4, reasoning_tokens=3))
    async with client.messages.stream(
        model="m", max_tokens=100, messages=[{"role": "user", "content": QUESTION}]
    ) as stream:
        texts = [text async for text in stream.text_stream]
        answer = await stream.get_final_message()

    assert [block.type for block in answer.content] == ["thinking", "text"]
    assert len(texts) == 4
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.stop_reason) == (4, 7, "end_turn")


@pytest.mark.parametrize("count", [1, 2])
async def test_tool_calls_whole_and_streamed_are_the_same(
    mock: MockProvider, client: anthropic.AsyncAnthropic, count: int
) -> None:
    mock.script("m", Script(tool_calls=count))
    answer = await client.messages.create(
        model="m",
        max_tokens=100,
        messages=[{"role": "user", "content": QUESTION}],
        tools=[TOOL],
        tool_choice={"type": "tool", "name": "get_weather"},
    )
    async with client.messages.stream(
        model="m",
        max_tokens=100,
        messages=[{"role": "user", "content": QUESTION}],
        tools=[TOOL],
        tool_choice={"type": "any"},
    ) as stream:
        streamed = await stream.get_final_message()

    made = [(block.id, block.name, block.input) for block in answer.content if block.type == "tool_use"]
    assert made == [(block.id, block.name, block.input) for block in streamed.content if block.type == "tool_use"]
    assert len(made) == count
    assert all(arguments.keys() == {"city"} for _, _, arguments in made)
    assert answer.stop_reason == streamed.stop_reason == "tool_use"


async def test_a_tool_result_is_answered_with_text(client: anthropic.AsyncAnthropic) -> None:
    answer = await client.messages.create(
        model="m",
        max_tokens=100,
        messages=[
            {"role": "user", "content": "the weather please"},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "t1", "name": "get_weather", "input": {"city": "x"}}],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "sunny"}]},
        ],
        tools=[TOOL],
    )

    assert answer.content[0].type == "text"


async def test_json_in_the_shape_of_a_schema(client: anthropic.AsyncAnthropic) -> None:
    answer = await client.messages.create(
        model="m",
        max_tokens=100,
        messages=[{"role": "user", "content": QUESTION}],
        output_config={
            "format": {
                "type": "json_schema",
                "schema": {"type": "object", "properties": {"n": {"type": "integer"}}},
            }
        },
    )

    assert answer.content[0].type == "text"
    assert isinstance(json.loads(answer.content[0].text)["n"], int)


@pytest.mark.parametrize(
    ("fault", "error", "status"),
    [
        (Fault.RATE_LIMITED, anthropic.RateLimitError, 429),
        (Fault.QUOTA_SPENT, anthropic.APIStatusError, 402),
        (Fault.REFUSE_KEY, anthropic.AuthenticationError, 401),
        (Fault.INVALID, anthropic.BadRequestError, 400),
        (Fault.CONTEXT_LENGTH, anthropic.BadRequestError, 400),
        (Fault.MODEL_UNKNOWN, anthropic.NotFoundError, 404),
        (Fault.OVERLOADED, anthropic.InternalServerError, 529),
        (Fault.SERVER_ERROR, anthropic.InternalServerError, 500),
    ],
)
async def test_refusals_become_the_exceptions_of_the_sdk(
    mock: MockProvider,
    client: anthropic.AsyncAnthropic,
    fault: Fault,
    error: type[anthropic.APIStatusError],
    status: int,
) -> None:
    mock.script("m", Script(fault=fault))
    with pytest.raises(error) as raised:
        await client.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": QUESTION}])

    assert raised.value.status_code == status
    assert raised.value.request_id


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.CUT, httpx2.RemoteProtocolError),
        (Fault.ERROR_EVENT, anthropic.APIStatusError),
        (Fault.MALFORMED, json.JSONDecodeError),
        (Fault.MISFRAMED, json.JSONDecodeError),
    ],
)
async def test_a_stream_that_breaks_raises_after_what_came(
    mock: MockProvider, client: anthropic.AsyncAnthropic, fault: Fault, error: type[Exception]
) -> None:
    mock.script("m", Script(fault=fault, after_tokens=5))
    came: list[str] = []

    async def read_on() -> None:
        async with client.messages.stream(
            model="m", max_tokens=100, messages=[{"role": "user", "content": QUESTION}]
        ) as stream:
            async for event in stream:
                came.extend([event.text] if event.type == "text" else [])

    with pytest.raises(error):
        await read_on()
    assert len(came) == 5


async def test_a_reset_is_a_connection_error(mock: MockProvider, client: anthropic.AsyncAnthropic) -> None:
    mock.script("m", Script(fault=Fault.RESET))
    with pytest.raises(anthropic.APIConnectionError):
        await client.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": QUESTION}])


async def test_a_stream_that_is_closed_is_noticed(mock: MockProvider, client: anthropic.AsyncAnthropic) -> None:
    mock.script("m", Script(fault=Fault.STALL, after_tokens=2))
    async with client.messages.stream(
        model="m", max_tokens=100, messages=[{"role": "user", "content": QUESTION}]
    ) as stream:
        await anext(stream.text_stream)
    await mock.idle()

    assert mock.counts == {Ended.CANCELLED: 1}


async def test_models_are_listed(mock: MockProvider, client: anthropic.AsyncAnthropic) -> None:
    mock.script("m", Script())
    assert [model.id async for model in client.models.list()] == ["m"]
