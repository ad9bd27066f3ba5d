from __future__ import annotations

from typing import Any

import orjson
import pytest

from atp_grpc.domain.conversation import (
    ImagePart,
    Prompt,
    ResponseFormat,
    ResponseKind,
    Role,
    Sampling,
    TextPart,
    Tool,
    ToolCallPart,
    ToolChoice,
    ToolMode,
    ToolResultPart,
    Turn,
)
from atp_grpc.domain.endpoint import Dialect, Endpoint, Quirk
from atp_grpc.providers.contract import FaultKind, ProviderFault
from atp_grpc.providers.openai import prompts
from tests.unit.providers.http.asking import HELLO, generation


def said(prompt: Prompt = HELLO, *quirks: Quirk, **rest: Any) -> dict[str, Any]:
    body = prompts.request(generation(prompt=prompt, quirks=frozenset(quirks), **rest)).body
    parsed: dict[str, Any] = orjson.loads(body or b"")
    return parsed


def asking(**fields: Any) -> Prompt:
    return Prompt(HELLO.turns, **fields)


def test_a_streamed_question_asks_for_its_usage_and_caps_its_answer() -> None:
    assert said() == {
        "model": "model-1",
        "messages": [{"role": "user", "content": "hello"}],
        "max_completion_tokens": 100,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_whole_answer_is_asked_for_without_a_stream() -> None:
    assert not {"stream", "stream_options"} & said(is_streamed=False).keys()


def test_quirks_leave_out_and_rename() -> None:
    sampling = Sampling(temperature=0.5, top_p=0.9, stop=("x",), seed=7)
    plain = said(asking(sampling=sampling), session="s", wants_certainty=True)
    quirky = said(
        asking(sampling=sampling),
        Quirk.MAX_TOKENS_OLD_NAME,
        Quirk.NO_STREAM_USAGE,
        Quirk.NO_SEED,
        Quirk.NO_LOGPROBS,
        Quirk.NO_SAMPLING,
        Quirk.NO_CACHE_KEY,
        session="s",
        wants_certainty=True,
    )

    extra = {"temperature": 0.5, "top_p": 0.9, "seed": 7, "logprobs": True, "prompt_cache_key": "s"}
    assert plain == plain | extra | {"stop": ["x"]}
    assert quirky == {
        "model": "model-1",
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 100,
        "stream": True,
        "stop": ["x"],
    }


def test_a_conversation_with_pictures_and_tools_keeps_its_order() -> None:
    turns = (
        Turn(Role.SYSTEM, (TextPart("be brief"),)),
        Turn(Role.USER, (TextPart("what is this?"), ImagePart("data:image/png;base64,AA"), TextPart("and where?"))),
        Turn(
            Role.ASSISTANT,
            (TextPart("let me look"), ToolCallPart("c1", "find", '{"q":1}'), ToolCallPart("c2", "go", "")),
        ),
        Turn(Role.TOOL, (ToolResultPart("c1", "a cat"), ToolResultPart("c2", "gone", is_error=True))),
        Turn(Role.ASSISTANT, (ToolCallPart("c3", "find", "{}"),)),
    )

    assert said(Prompt(turns), Quirk.SYSTEM_AS_DEVELOPER)["messages"] == [
        {"role": "developer", "content": "be brief"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "what is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
                {"type": "text", "text": "and where?"},
            ],
        },
        {
            "role": "assistant",
            "content": "let me look",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q":1}'}},
                {"id": "c2", "type": "function", "function": {"name": "go", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
        {"role": "tool", "tool_call_id": "c2", "content": "gone"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c3", "type": "function", "function": {"name": "find", "arguments": "{}"}}],
        },
    ]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice(), None),
        (ToolChoice(ToolMode.NONE), "none"),
        (ToolChoice(ToolMode.REQUIRED), "required"),
        (ToolChoice(name="find"), {"type": "function", "function": {"name": "find"}}),
    ],
)
def test_tools_are_offered_as_freely_as_asked(choice: ToolChoice, expected: object) -> None:
    tools = (Tool("find", "finds", '{"type":"object"}'), Tool("go"))
    body = said(asking(tools=tools, tool_choice=choice))

    assert body.get("tool_choice") == expected
    assert body["tools"] == [
        {"type": "function", "function": {"name": "find", "description": "finds", "parameters": {"type": "object"}}},
        {"type": "function", "function": {"name": "go"}},
    ]


def test_the_shape_of_an_answer_is_asked_for() -> None:
    closed = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    schema = ResponseFormat(ResponseKind.JSON_SCHEMA, "point", orjson.dumps(closed).decode())
    strict = {"name": "point", "schema": closed, "strict": True}

    assert said(asking(response_format=ResponseFormat(ResponseKind.JSON)))["response_format"] == {"type": "json_object"}
    assert said(asking(response_format=schema))["response_format"] == {"type": "json_schema", "json_schema": strict}
    assert said(asking(response_format=schema), Quirk.NO_JSON_SCHEMA)["response_format"] == {"type": "json_object"}


def test_a_shape_that_openai_would_refuse_to_enforce_is_only_shown() -> None:
    schema = ResponseFormat(ResponseKind.JSON_SCHEMA, "point", '{"type":"object"}')

    shown = {"name": "point", "schema": {"type": "object"}, "strict": False}
    assert said(asking(response_format=schema))["response_format"] == {"type": "json_schema", "json_schema": shown}


@pytest.mark.parametrize("text", ['{}, "max_completion_tokens": 9', "[]", "{", "NaN", "1"])
def test_a_text_of_json_can_add_nothing_to_a_request(text: str) -> None:
    for prompt in (
        asking(tools=(Tool("find", parameters=text),)),
        asking(response_format=ResponseFormat(ResponseKind.JSON_SCHEMA, schema=text)),
    ):
        with pytest.raises(ProviderFault) as refused:
            said(prompt)
        assert refused.value.kind is FaultKind.INVALID_REQUEST


def test_the_key_goes_where_the_endpoint_takes_it() -> None:
    plain = prompts.request(generation(call_id="call-1"))
    azure = prompts.request(generation(quirks=frozenset({Quirk.API_KEY_HEADER})))
    local = prompts.request(generation(key=""))

    assert plain.headers == {"authorization": "Bearer key-1", "x-client-request-id": "call-1"}
    assert azure.headers == {"api-key": "key-1"}
    assert local.headers == {}


def test_azures_list_of_models_stands_above_its_deployments() -> None:
    base = "https://x.openai.azure.com/openai"
    endpoint = Endpoint(Dialect.OPENAI, f"{base}/deployments/four", query={"api-version": "1"}, headers={"x-a": "b"})
    request = prompts.probe(endpoint, "key")

    assert (request.base_url, request.path, request.body) == (base, "/models", None)
    assert (request.query, request.headers["x-a"]) == ({"api-version": "1"}, "b")


def test_what_is_nested_too_deeply_to_be_written_is_the_callers_fault() -> None:
    deep = '{"a":' * 260 + "1" + "}" * 260
    for prompt in (
        asking(tools=(Tool("find", parameters=deep),)),
        asking(response_format=ResponseFormat(ResponseKind.JSON_SCHEMA, schema=deep)),
    ):
        with pytest.raises(ProviderFault) as refused:
            said(prompt)
        assert refused.value.kind is FaultKind.INVALID_REQUEST


def test_a_shape_that_no_field_can_carry_is_asked_for_in_words() -> None:
    schema = asking(response_format=ResponseFormat(ResponseKind.JSON_SCHEMA, "point", '{"type":"object"}'))
    in_words = said(schema, Quirk.NO_JSON_SCHEMA, Quirk.SYSTEM_AS_DEVELOPER)["messages"]
    plain = said(asking(response_format=ResponseFormat(ResponseKind.JSON)))["messages"]

    assert said(schema)["messages"] == said()["messages"]
    assert in_words[0]["role"] == "developer"
    assert '{"type":"object"}' in in_words[0]["content"]
    # OpenAI refuses to write JSON when no message speaks of it.
    assert plain[0]["role"] == "system"
    assert "JSON" in plain[0]["content"]
    assert in_words[1:] == plain[1:] == said()["messages"]
