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
from atp_grpc.domain.endpoint import Dialect, Quirk
from atp_grpc.providers.anthropic import prompts
from atp_grpc.providers.contract import FaultKind, ProviderFault
from tests.unit.providers.http.asking import HELLO, generation

HELLO_BLOCK = {"type": "text", "text": "hello"}
KEPT = {"cache_control": {"type": "ephemeral"}}


def said(prompt: Prompt = HELLO, *quirks: Quirk, **rest: Any) -> dict[str, Any]:
    asked = generation(dialect=Dialect.ANTHROPIC, prompt=prompt, quirks=frozenset(quirks), **rest)
    parsed: dict[str, Any] = orjson.loads(prompts.request(asked).body or b"")
    return parsed


def asking(**fields: Any) -> Prompt:
    return Prompt(HELLO.turns, **fields)


def test_a_question_is_capped_and_streamed_as_asked() -> None:
    message = {"role": "user", "content": [HELLO_BLOCK]}

    assert said() == {"model": "model-1", "max_tokens": 100, "messages": [message], "stream": True}
    assert "stream" not in said(is_streamed=False)


def test_the_key_and_the_version_go_where_they_belong() -> None:
    request = prompts.request(generation(dialect=Dialect.ANTHROPIC))
    probe = prompts.probe(request_endpoint := generation().endpoint, "key-1")

    assert (request.path, request.headers) == ("/messages", {"anthropic-version": "2023-06-01", "x-api-key": "key-1"})
    assert (probe.path, probe.body, probe.base_url) == ("/models", None, request_endpoint.base_url)
    assert "x-api-key" not in prompts.request(generation(key="")).headers


def test_a_conversation_with_pictures_and_tools_keeps_its_order() -> None:
    turns = (
        Turn(Role.SYSTEM, (TextPart("be brief"), TextPart(""))),
        Turn(Role.USER, (ImagePart("https://example.com/a.png"), ImagePart("data:image/png;base64,AA"), TextPart("?"))),
        Turn(Role.ASSISTANT, (TextPart(""), ToolCallPart("c1", "find", '{"q":1}'), ToolCallPart("c2", "go", ""))),
        Turn(Role.TOOL, (ToolResultPart("c1", "a cat"),)),
        Turn(Role.TOOL, (ToolResultPart("c2", "gone", is_error=True),)),
        Turn(Role.SYSTEM, (TextPart("be kind"),)),
        Turn(Role.USER, (TextPart("go on"),)),
    )
    body = said(Prompt(turns))

    assert body["system"] == [{"type": "text", "text": "be brief"}, {"type": "text", "text": "be kind"}]
    assert body["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}},
                {"type": "text", "text": "?"},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "c1", "name": "find", "input": {"q": 1}},
                {"type": "tool_use", "id": "c2", "name": "go", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "a cat"},
                {"type": "tool_result", "tool_use_id": "c2", "content": "gone", "is_error": True},
                {"type": "text", "text": "go on"},
            ],
        },
    ]


def test_of_temperature_and_top_p_one_is_sent_and_none_too_hot() -> None:
    hot = said(asking(sampling=Sampling(temperature=1.5, top_p=0.9, stop=("x",), seed=7)))
    top = said(asking(sampling=Sampling(top_p=0.9)))
    quirky = said(asking(sampling=Sampling(temperature=0.5, top_p=0.9)), Quirk.NO_SAMPLING)

    assert (hot["temperature"], hot["stop_sequences"]) == (1.0, ["x"])
    assert not {"top_p", "seed"} & hot.keys()
    assert top["top_p"] == 0.9
    assert not {"temperature", "top_p"} & quirky.keys()


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice(), {"type": "auto"}),
        (ToolChoice(ToolMode.NONE), {"type": "none"}),
        (ToolChoice(ToolMode.REQUIRED), {"type": "any"}),
        (ToolChoice(name="find"), {"type": "tool", "name": "find"}),
    ],
)
def test_tools_are_offered_as_freely_as_asked(choice: ToolChoice, expected: object) -> None:
    tools = (Tool("find", "finds", '{"type":"object","properties":{}}'), Tool("go"))
    body = said(asking(tools=tools, tool_choice=choice))

    assert body["tool_choice"] == expected
    assert body["tools"] == [
        {"name": "find", "description": "finds", "input_schema": {"type": "object", "properties": {}}},
        {"name": "go", "input_schema": {"type": "object"}},
    ]


def test_the_shape_of_an_answer_is_asked_for_in_a_field_or_in_words() -> None:
    schema = asking(response_format=ResponseFormat(ResponseKind.JSON_SCHEMA, "point", '{"type":"object"}'))
    by_field, in_words = said(schema), said(schema, Quirk.NO_JSON_SCHEMA)
    plain = said(asking(response_format=ResponseFormat(ResponseKind.JSON)))

    assert by_field["output_config"] == {"format": {"type": "json_schema", "schema": {"type": "object"}}}
    assert "system" not in by_field
    assert "output_config" not in in_words
    assert '{"type":"object"}' in in_words["system"][0]["text"]
    assert "JSON" in plain["system"][0]["text"]


def test_a_session_marks_what_later_calls_share() -> None:
    turns = (Turn(Role.SYSTEM, (TextPart("be brief"),)), *HELLO.turns)
    tools = (Tool("find"), Tool("go"))
    with_system = said(Prompt(turns, tools), session="s")
    without = said(asking(tools=tools), session="s")
    unmarked = said(Prompt(turns, tools))

    assert with_system["system"] == [{"type": "text", "text": "be brief"} | KEPT]
    assert with_system["messages"][-1]["content"] == [HELLO_BLOCK | KEPT]
    assert [tool.get("cache_control") for tool in with_system["tools"]] == [None, None]
    assert [tool.get("cache_control") for tool in without["tools"]] == [None, KEPT["cache_control"]]
    assert "cache_control" not in orjson.dumps(unmarked).decode()


@pytest.mark.parametrize(
    "prompt",
    [
        asking(tools=(Tool("find", parameters='{}, "max_tokens": 9'),)),
        asking(response_format=ResponseFormat(ResponseKind.JSON_SCHEMA, schema="[]")),
        Prompt((Turn(Role.ASSISTANT, (ToolCallPart("c", "go", "{"),)),)),
        Prompt((Turn(Role.USER, (ImagePart("http://example.com/a.png"),)),)),
        Prompt((Turn(Role.USER, (ImagePart("data:image/png,AA"),)),)),
        Prompt((Turn(Role.USER, (ImagePart("file:///etc/passwd"),)),)),
    ],
)
def test_what_cannot_be_said_in_this_language_is_refused(prompt: Prompt) -> None:
    with pytest.raises(ProviderFault) as refused:
        said(prompt)
    assert refused.value.kind is FaultKind.INVALID_REQUEST


def test_what_is_nested_too_deeply_to_be_written_is_the_callers_fault() -> None:
    deep = '{"a":' * 260 + "1" + "}" * 260
    for prompt in (
        asking(tools=(Tool("find", parameters=deep),)),
        asking(response_format=ResponseFormat(ResponseKind.JSON_SCHEMA, schema=deep)),
    ):
        with pytest.raises(ProviderFault) as refused:
            said(prompt)
        assert refused.value.kind is FaultKind.INVALID_REQUEST


def test_blank_texts_which_anthropic_refuses_are_left_out() -> None:
    turns = (Turn(Role.SYSTEM, (TextPart(" "),)), *HELLO.turns, Turn(Role.ASSISTANT, (TextPart("\n"),)), *HELLO.turns)
    body = said(Prompt(turns))

    assert "system" not in body
    assert body["messages"] == [{"role": "user", "content": [HELLO_BLOCK, HELLO_BLOCK]}]


@pytest.mark.parametrize(("begun", "sent"), [("Once upon \n\n", "Once upon"), ("  Once", "  Once")])
def test_an_answer_that_is_gone_on_with_ends_in_no_space_which_anthropic_refuses(begun: str, sent: str) -> None:
    body = said(Prompt((*HELLO.turns, Turn(Role.ASSISTANT, (TextPart(begun),)))))

    assert body["messages"][-1] == {"role": "assistant", "content": [{"type": "text", "text": sent}]}
