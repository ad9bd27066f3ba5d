"""The same question has the same answer for ever, and its tokens are what they are said to be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from atp_grpc.mock_provider import IMAGE_TOKENS, MockProvider, Script, count_tokens
from tests.unit.mock_provider.asking import ANTHROPIC, DIALECTS, OPENAI, Came, ask, is_complete, text_of

WEATHER: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["C", "F"]}},
}


def usage_of(came: Came, dialect: str) -> tuple[int, int, int, int]:
    """Input, cached input, output, reasoning, by the words of the dialect."""
    if dialect == OPENAI:
        usage = (came.events[-2] if came.text.startswith("data") else came.document)["usage"]
        cached = usage["prompt_tokens_details"]["cached_tokens"]
        reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
        return usage["prompt_tokens"], cached, usage["completion_tokens"], reasoning
    usage = (came.events[-2] if came.text.startswith("event") else came.document)["usage"]
    thinking = usage["output_tokens_details"]["thinking_tokens"]
    return usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"], thinking


def streaming(dialect: str) -> dict[str, Any]:
    return {"stream": True} | ({"stream_options": {"include_usage": True}} if dialect == OPENAI else {})


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_whole_and_streamed_answers_are_the_same_and_count_the_same(mock: MockProvider, dialect: str) -> None:
    whole = await ask(mock, dialect)
    streamed = await ask(mock, dialect, **streaming(dialect))

    assert is_complete(streamed, dialect)
    assert text_of(streamed, dialect) == text_of(whole, dialect)
    assert count_tokens(text_of(whole, dialect)) == 20
    assert usage_of(whole, dialect) == usage_of(streamed, dialect) == (4, 0, 20, 0)
    assert [call.sent_tokens for call in mock.calls] == [20, 20]


async def test_both_dialects_answer_a_conversation_the_same(mock: MockProvider) -> None:
    assert text_of(await ask(mock, OPENAI), OPENAI) == text_of(await ask(mock, ANTHROPIC), ANTHROPIC)


async def test_prompt_model_and_seed_each_change_the_answer(mock: MockProvider) -> None:
    asked: list[dict[str, Any]] = [{}, {"prompt": "Hello, moon!"}, {"model": "other"}, {"seed": 1}, {"seed": 2}]
    answers = [text_of(await ask(mock, OPENAI, **question), OPENAI) for question in asked]

    assert len(set(answers)) == len(asked)
    assert [text_of(await ask(mock, OPENAI, **question), OPENAI) for question in asked] == answers


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_cap_ends_the_answer_and_says_so(mock: MockProvider, dialect: str) -> None:
    came = await ask(mock, dialect, max_tokens=3)

    assert count_tokens(text_of(came, dialect)) == 3
    assert usage_of(came, dialect)[2] == 3
    assert ('"finish_reason":"length"' if dialect == OPENAI else '"stop_reason":"max_tokens"') in came.text


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_stop_text_ends_the_answer_before_it(mock: MockProvider, dialect: str) -> None:
    whole = text_of(await ask(mock, dialect), dialect)
    stop = whole.split()[5]

    wanted: dict[str, Any] = {"stop" if dialect == OPENAI else "stop_sequences": [stop]}
    came = await ask(mock, dialect, **wanted)

    assert text_of(came, dialect) == whole[: whole.index(stop)]
    if dialect == ANTHROPIC:
        assert (came.document["stop_reason"], came.document["stop_sequence"]) == ("stop_sequence", stop)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
async def test_classes_of_tokens_are_told_as_the_dialect_tells_them(
    mock: MockProvider, dialect: str, stream: bool
) -> None:
    mock.script("m", Script(tokens=5, cached_tokens=3, cache_written_tokens=1, reasoning_tokens=7))
    came = await ask(mock, dialect, **(streaming(dialect) if stream else {}))

    told = usage_of(came, dialect)
    # OpenAI counts cached tokens among the input, Anthropic beside it; both count thinking among the output.
    assert told == ((4, 3, 12, 7) if dialect == OPENAI else (0, 3, 12, 7))
    assert count_tokens(text_of(came, dialect)) == 5


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_picture_counts_the_same_whatever_it_shows(mock: MockProvider, dialect: str) -> None:
    picture: dict[str, Any] = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    if dialect == ANTHROPIC:
        picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    content = [{"type": "text", "text": "Hello, world!"}, picture]

    came = await ask(mock, dialect, messages=[{"role": "user", "content": content}])

    assert usage_of(came, dialect)[0] == 4 + IMAGE_TOKENS


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_answer_of_its_own_is_gone_on_with(mock: MockProvider, dialect: str) -> None:
    whole = text_of(await ask(mock, dialect), dialect)
    begun = whole[:40]

    turns = [{"role": "user", "content": "Hello, world!"}, {"role": "assistant", "content": begun}]
    rest = text_of(await ask(mock, dialect, messages=turns), dialect)

    assert begun + rest == whole


async def test_an_answer_that_is_not_its_own_beginning_is_not_gone_on_with(mock: MockProvider) -> None:
    turns = [{"role": "user", "content": "Hello, world!"}, {"role": "assistant", "content": "Never said"}]

    assert count_tokens(text_of(await ask(mock, OPENAI, messages=turns), OPENAI)) == 20


def tools_of(dialect: str) -> list[dict[str, Any]]:
    if dialect == OPENAI:
        return [{"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}]
    return [{"name": "get_weather", "input_schema": WEATHER}]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_tool_is_called_when_the_last_turn_names_it(mock: MockProvider, dialect: str) -> None:
    mock.script("m", Script(tool_calls=2))
    came = await ask(mock, dialect, tools=tools_of(dialect), prompt="Please get_weather now")

    if dialect == OPENAI:
        calls = came.document["choices"][0]["message"]["tool_calls"]
        arguments = [json.loads(call["function"]["arguments"]) for call in calls]
        assert came.document["choices"][0]["finish_reason"] == "tool_calls"
    else:
        calls = came.document["content"]
        arguments = [call["input"] for call in calls]
        assert came.document["stop_reason"] == "tool_use"
    assert len({call["id"] for call in calls}) == 2
    assert all(made.keys() == {"city", "days", "unit"} and made["unit"] in "CF" for made in arguments)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_no_tool_is_called_without_being_named_nor_where_none_may_be(mock: MockProvider, dialect: str) -> None:
    forbidden: Any = "none" if dialect == OPENAI else {"type": "none"}

    unnamed = await ask(mock, dialect, tools=tools_of(dialect))
    refused = await ask(mock, dialect, tools=tools_of(dialect), prompt="get_weather", tool_choice=forbidden)

    assert text_of(unnamed, dialect)
    assert text_of(refused, dialect)


async def test_json_is_answered_where_json_is_asked_for(mock: MockProvider) -> None:
    anything = await ask(mock, OPENAI, response_format={"type": "json_object"})
    shape = {"type": "json_schema", "json_schema": {"name": "w", "schema": WEATHER}}
    shaped = await ask(mock, OPENAI, response_format=shape)

    assert json.loads(text_of(anything, OPENAI)).keys() == {"answer"}
    assert json.loads(text_of(shaped, OPENAI)).keys() == {"city", "days", "unit"}


async def test_token_probabilities_come_with_every_token_that_is_asked_about(mock: MockProvider) -> None:
    mock.script("m", Script(log_probability=-0.5))
    came = await ask(mock, OPENAI, logprobs=True)

    content = came.document["choices"][0]["logprobs"]["content"]
    assert "".join(token["token"] for token in content) == text_of(came, OPENAI)
    assert {token["logprob"] for token in content} == {-0.5}


@pytest.mark.parametrize(
    ("dialect", "wrong"),
    [
        (OPENAI, {"max_tokenz": 1}),
        (OPENAI, {"messages": []}),
        (OPENAI, {"messages": [{"role": "robot", "content": "x"}]}),
        (OPENAI, {"messages": [{"role": "tool", "content": "x"}]}),
        (OPENAI, {"messages": ["x"]}),
        (OPENAI, {"n": 2}),
        (OPENAI, {"tool_choice": "maybe"}),
        (OPENAI, {"tools": [{"type": "function"}]}),
        (OPENAI, {"response_format": {"type": "yaml"}}),
        (OPENAI, {"model": ""}),
        (OPENAI, {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}),
        (ANTHROPIC, {"max_tokens": 0}),
        (ANTHROPIC, {"seed": 3}),
        (ANTHROPIC, {"messages": []}),
        (ANTHROPIC, {"messages": [{"role": "system", "content": "x"}]}),
        (ANTHROPIC, {"messages": [{"role": "user", "content": ""}]}),
        (ANTHROPIC, {"tools": [{"name": "x"}]}),
        (ANTHROPIC, {"tool_choice": {"type": "maybe"}}),
        (ANTHROPIC, {"output_config": {"format": {"type": "yaml"}}}),
        (ANTHROPIC, {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "file"}}]}]}),
        (ANTHROPIC, {"messages": [{"role": "user", "content": [{"type": "smell"}]}]}),
    ],
)
async def test_a_request_that_is_not_as_published_is_refused(
    mock: MockProvider, dialect: str, wrong: dict[str, Any]
) -> None:
    came = await ask(mock, dialect, **wrong)

    assert came.status == 400
    assert came.document["error"]["type"] == "invalid_request_error"
