"""OpenAI's own SDK takes the stand-in for OpenAI."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import openai
import pytest
from openai.types.chat import ChatCompletionToolParam

from atp_grpc.mock_provider import Ended, Fault, MockProvider, Script, count_tokens, open_mock_provider

QUESTION = "Hello, world!"
TOOL: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture
async def mock() -> AsyncIterator[MockProvider]:
    async with open_mock_provider(keys=["k"]) as mock:
        yield mock


@pytest.fixture
async def client(mock: MockProvider) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=mock.base_url, api_key="k", max_retries=0) as client:
        yield client


async def test_an_answer_in_one_piece(mock: MockProvider, client: openai.AsyncOpenAI) -> None:
    mock.script("m", Script(tokens=6, cached_tokens=2, reasoning_tokens=3, revision="m-2026-01-01"))
    answer = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": QUESTION}])

    usage = answer.usage
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert usage.completion_tokens_details is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (4, 9, 13)
    assert usage.prompt_tokens_details.cached_tokens == 2
    assert usage.completion_tokens_details.reasoning_tokens == 3
    assert count_tokens(answer.choices[0].message.content or "") == 6
    assert (answer.choices[0].finish_reason, answer.model) == ("stop", "m-2026-01-01")
    assert mock.calls[-1].key == "k"


async def test_a_streamed_answer_with_usage_and_probabilities(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="m",
        messages=[{"role": "user", "content": QUESTION}],
        stream=True,
        stream_options={"include_usage": True},
        logprobs=True,
        max_completion_tokens=5,
    )
    chunks = [chunk async for chunk in stream]

    choices = [choice for chunk in chunks for choice in chunk.choices]
    sure = [token for choice in choices if choice.logprobs for token in choice.logprobs.content or ()]
    assert "".join(choice.delta.content or "" for choice in choices) == "".join(token.token for token in sure)
    assert [token.logprob for token in sure] == [-0.25] * 5
    assert choices[-1].finish_reason == "length"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 5


@pytest.mark.parametrize("count", [1, 2])
async def test_tool_calls_whole_and_streamed_are_the_same(
    mock: MockProvider, client: openai.AsyncOpenAI, count: int
) -> None:
    mock.script("m", Script(tool_calls=count))
    answer = await client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": QUESTION}], tools=[TOOL], tool_choice="required"
    )
    async with client.chat.completions.stream(
        model="m", messages=[{"role": "user", "content": QUESTION}], tools=[TOOL], tool_choice="required"
    ) as stream:
        streamed = await stream.get_final_completion()

    whole_calls, streamed_calls = answer.choices[0].message.tool_calls, streamed.choices[0].message.tool_calls
    assert whole_calls is not None
    assert streamed_calls is not None
    made = [(call.id, call.function.name, call.function.arguments) for call in whole_calls if call.type == "function"]
    assert made == [(call.id, call.function.name, call.function.arguments) for call in streamed_calls]
    assert len(made) == count
    assert all(json.loads(arguments).keys() == {"city"} for _, _, arguments in made)


async def test_a_tool_result_is_answered_with_text(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(
        model="m",
        messages=[
            {"role": "user", "content": "get_weather please"},
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"x"}'}}
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        ],
        tools=[TOOL],
    )

    assert answer.choices[0].message.content


async def test_json_in_the_shape_of_a_schema(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(
        model="m",
        messages=[{"role": "user", "content": QUESTION}],
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object", "properties": {"n": {"type": "integer"}}}},
        },
    )

    assert isinstance(json.loads(answer.choices[0].message.content or "")["n"], int)


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        (Fault.RATE_LIMITED, openai.RateLimitError, "rate_limit_exceeded"),
        (Fault.QUOTA_SPENT, openai.RateLimitError, "insufficient_quota"),
        (Fault.REFUSE_KEY, openai.AuthenticationError, "invalid_api_key"),
        (Fault.INVALID, openai.BadRequestError, None),
        (Fault.CONTEXT_LENGTH, openai.BadRequestError, "context_length_exceeded"),
        (Fault.MODEL_UNKNOWN, openai.NotFoundError, "model_not_found"),
        (Fault.OVERLOADED, openai.InternalServerError, None),
        (Fault.SERVER_ERROR, openai.InternalServerError, None),
    ],
)
async def test_refusals_become_the_exceptions_of_the_sdk(
    mock: MockProvider, client: openai.AsyncOpenAI, fault: Fault, error: type[openai.APIStatusError], code: str | None
) -> None:
    mock.script("m", Script(fault=fault))
    with pytest.raises(error) as raised:
        await client.chat.completions.create(model="m", messages=[{"role": "user", "content": QUESTION}])

    assert raised.value.code == code
    assert raised.value.request_id


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.CUT, openai.APIConnectionError),
        (Fault.ERROR_EVENT, openai.APIError),
        (Fault.MALFORMED, json.JSONDecodeError),
        (Fault.MISFRAMED, json.JSONDecodeError),
    ],
)
async def test_a_stream_that_breaks_raises_after_what_came(
    mock: MockProvider, client: openai.AsyncOpenAI, fault: Fault, error: type[Exception]
) -> None:
    mock.script("m", Script(fault=fault, after_tokens=5))
    stream = await client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": QUESTION}], stream=True
    )
    came: list[str] = []

    async def read_on() -> None:
        async for chunk in stream:
            came.extend(choice.delta.content for choice in chunk.choices if choice.delta.content)

    with pytest.raises(error):
        await read_on()
    assert len(came) == 5


async def test_a_reset_is_a_connection_error(mock: MockProvider, client: openai.AsyncOpenAI) -> None:
    mock.script("m", Script(fault=Fault.RESET))
    with pytest.raises(openai.APIConnectionError):
        await client.chat.completions.create(model="m", messages=[{"role": "user", "content": QUESTION}])


async def test_a_stream_that_is_closed_is_noticed(mock: MockProvider, client: openai.AsyncOpenAI) -> None:
    mock.script("m", Script(fault=Fault.STALL, after_tokens=2))
    stream = await client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": QUESTION}], stream=True
    )
    await mock.until(lambda: mock.calls[-1].sent_tokens == 2)
    await stream.close()
    await mock.idle()

    assert mock.counts == {Ended.CANCELLED: 1}


async def test_models_are_listed(mock: MockProvider, client: openai.AsyncOpenAI) -> None:
    mock.script("m", Script())
    assert [model.id async for model in client.models.list()] == ["m"]
