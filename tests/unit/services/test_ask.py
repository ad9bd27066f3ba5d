"""Requests of Ask from the wire and answers back to it: what is read, what is refused, what is written."""

from __future__ import annotations

import enum
from typing import Any

import pytest
from google.protobuf.descriptor import EnumDescriptor

from atp_grpc.domain.ask import AskEvent, CacheOutcome, CacheUse, Delta, FinishReason, OnCut, Switch
from atp_grpc.domain.conversation import (
    ImagePart,
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
from atp_grpc.domain.errors import InvalidFieldError, MessageTooLargeError
from atp_grpc.domain.outcome import AttemptError
from atp_grpc.domain.request import NO_CONSTRAINTS, NamedObjective
from atp_grpc.pb.atp.v1 import ask_service_pb2 as pb
from atp_grpc.pb.atp.v1 import generation_pb2, route_service_pb2, routing_pb2
from atp_grpc.services.convert import answers, asks, conversations
from atp_grpc.services.convert.answers import UnfinishedAnswerError, WholeAnswer, replayed_events, stream_event
from atp_grpc.services.convert.asks import MAX_TEXT_BYTES, ask_request
from atp_grpc.services.convert.requests import route_request
from atp_grpc.services.validation import Validation
from tests.unit.services.ask_stories import DECIDED, DEEP, FINAL, PLAIN, SWIFT, text

USER: dict[str, Any] = {"role": "ROLE_USER", "parts": [{"text": "hello"}]}
CALL: dict[str, Any] = {"call_id": "c-1", "name": "look_up", "arguments_json": '{"q": 1}'}
CALLS: dict[str, Any] = {"role": "ROLE_ASSISTANT", "parts": [{"tool_call": CALL}]}
RESULT: dict[str, Any] = {"role": "ROLE_TOOL", "parts": [{"tool_result": {"call_id": "c-1", "text": "found"}}]}
PICTURE: dict[str, Any] = {"image": {"uri": "https://example.org/a.png"}}
TOOL: dict[str, Any] = {"name": "look_up", "description": "finds", "parameters_json": '{"type": "object"}'}
SCHEMA: dict[str, Any] = {"kind": "RESPONSE_KIND_JSON_SCHEMA", "name": "out", "schema_json": "{}"}


def talk(*turns: dict[str, Any], **more: Any) -> pb.AskRequest:
    message = pb.AskRequest(conversation={"messages": list(turns)}, **more)
    Validation().validate(message)
    return message


def violations(message: pb.AskRequest) -> list[str]:
    with pytest.raises(InvalidFieldError) as refused:
        ask_request(message, is_streamed=False)
    return [violation.field for violation in refused.value.violations]


def test_a_prompt_is_one_turn_of_the_user() -> None:
    request = ask_request(pb.AskRequest(prompt="hello", request_id="r-1", max_output_tokens=7), is_streamed=True)

    assert request.prompt.turns == (Turn(Role.USER, (TextPart("hello"),)),)
    assert (request.routing.text, request.routing.request_id, request.request_id) == ("hello", "", "r-1")
    assert request.prompt.max_output_tokens == request.routing.max_output_tokens == 7
    assert (request.on_cut, request.cache, request.is_streamed) == (OnCut.UNSAID, CacheUse.OFF, True)
    assert request.routing.constraints is NO_CONSTRAINTS


def test_a_whole_request_is_read() -> None:
    message = talk(
        {"role": "ROLE_SYSTEM", "parts": [{"text": "be brief"}]},
        {"role": "ROLE_USER", "parts": [{"text": "look"}, PICTURE]},
        CALLS,
        RESULT,
        tools=[TOOL],
        tool_choice={"mode": "TOOL_MODE_REQUIRED", "name": "look_up"},
        response_format=SCHEMA,
        sampling={"temperature": 0, "stop": ["END"], "seed": 3},
        on_cut="ON_CUT_RESUME",
        cache="CACHE_USE_IF_UNAVAILABLE",
        constraints={"required_capabilities": ["long"], "max_cost_nano_usd": 5},
        objective={"named": "NAMED_OBJECTIVE_LOWEST_COST"},
        policy="p",
        task_type="t",
        session_id="s",
        labels={"a": "b"},
        min_revision=4,
    )

    request = ask_request(message, is_streamed=False)

    assert [turn.role for turn in request.prompt.turns] == [Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.TOOL]
    assert request.prompt.turns[1].parts == (TextPart("look"), ImagePart("https://example.org/a.png"))
    assert request.prompt.turns[2].parts == (ToolCallPart("c-1", "look_up", '{"q": 1}'),)
    assert request.prompt.turns[3].parts == (ToolResultPart("c-1", "found"),)
    assert request.prompt.tools == (Tool("look_up", "finds", '{"type": "object"}'),)
    assert request.prompt.tool_choice == ToolChoice(ToolMode.REQUIRED, "look_up")
    assert request.prompt.response_format == ResponseFormat(ResponseKind.JSON_SCHEMA, "out", "{}")
    assert request.prompt.sampling == Sampling(temperature=0.0, stop=("END",), seed=3)
    routing = request.routing
    assert routing.text == 'be brief\nlook\n{"q": 1}\nfound'
    assert routing.constraints.required_capabilities == {"long", "tools", "vision", "json"}
    assert (routing.constraints.max_cost_nano_usd, routing.objective) == (5, NamedObjective.LOWEST_COST)
    assert (routing.policy, routing.task_type, routing.session_id, routing.min_revision) == ("p", "t", "s", 4)
    assert (request.on_cut, request.cache) == (OnCut.RESUME, CacheUse.IF_UNAVAILABLE)


def test_ask_and_route_decide_from_the_same_text() -> None:
    message = talk(USER, CALLS, RESULT, {"role": "ROLE_USER", "parts": [PICTURE, {"text": "and now?"}]})

    routed = route_request(route_service_pb2.RouteRequest(conversation=message.conversation))

    assert routed.text == ask_request(message, is_streamed=False).routing.text == 'hello\n{"q": 1}\nfound\nand now?'


def test_equal_needs_are_the_same_object_so_that_filters_are_remembered() -> None:
    first, second = (ask_request(talk(USER, tools=[TOOL]), is_streamed=False).routing for _ in range(2))
    assert first.constraints is second.constraints


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        (talk(RESULT), ["conversation.messages[0].parts[0].tool_result.call_id"]),
        (talk(RESULT, CALLS, USER), ["conversation.messages[0].parts[0].tool_result.call_id"]),
        (talk(USER, {"role": "ROLE_TOOL", "parts": [{"text": "x"}]}), ["conversation.messages[1]"]),
        (talk({"role": "ROLE_USER", "parts": CALLS["parts"]}), ["conversation.messages[0].parts[0]"]),
        (talk(CALLS, {"role": "ROLE_USER", "parts": RESULT["parts"]}), ["conversation.messages[1].parts[0]"]),
        (talk({"role": "ROLE_SYSTEM", "parts": [PICTURE]}), ["conversation.messages[0].parts[0]"]),
        (talk(USER, {"role": "ROLE_USER", "parts": [{"text": ""}]}), ["conversation.messages[1]"]),
        (
            talk({"role": "ROLE_ASSISTANT", "parts": [{"tool_call": {**CALL, "arguments_json": "[]"}}]}),
            ["conversation.messages[0].parts[0].tool_call.arguments_json"],
        ),
        (talk(USER, tools=[TOOL, TOOL]), ["tools[1].name"]),
        (talk(USER, tools=[{**TOOL, "parameters_json": "{"}]), ["tools[0].parameters_json"]),
        (talk(USER, tools=[{**TOOL, "parameters_json": '{"a": NaN}'}]), ["tools[0].parameters_json"]),
        (talk(USER, tools=[{**TOOL, "parameters_json": "[" * 60_000}]), ["tools[0].parameters_json"]),
        (talk(USER, tools=[TOOL], tool_choice={"name": "other"}), ["tool_choice.name"]),
        (talk(USER, tool_choice={"name": "look_up"}), ["tool_choice.name"]),
        (talk(USER, tool_choice={"mode": "TOOL_MODE_REQUIRED"}), ["tool_choice.mode"]),
        (pb.AskRequest(prompt="a", tool_choice={"mode": "TOOL_MODE_REQUIRED"}), ["tool_choice.mode"]),
        (talk(USER, tools=[TOOL], tool_choice={"name": "look_up", "mode": "TOOL_MODE_NONE"}), ["tool_choice"]),
        (talk(USER, response_format={"kind": "RESPONSE_KIND_JSON_SCHEMA"}), ["response_format.schema_json"]),
        (talk(USER, response_format={**SCHEMA, "schema_json": "no"}), ["response_format.schema_json"]),
        (talk(USER, response_format={"schema_json": "{}"}), ["response_format.schema_json"]),
        (
            talk(RESULT, tool_choice={"name": "x"}),
            ["conversation.messages[0].parts[0].tool_result.call_id", "tool_choice.name"],
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused_with_its_place(message: pb.AskRequest, fields: list[str]) -> None:
    assert violations(message) == fields


@pytest.mark.parametrize(
    "message",
    [
        pb.AskRequest(prompt="\N{EURO SIGN}" * (MAX_TEXT_BYTES // 3 + 1)),
        pb.AskRequest(prompt="x" * (MAX_TEXT_BYTES + 1)),
        talk(USER, tools=[{"name": f"t{number}", "parameters_json": "[" * 65_536} for number in range(17)]),
        talk(CALLS, {"role": "ROLE_TOOL", "parts": [{"tool_result": {"call_id": "c-1", "text": "x" * 262_144}}] * 4}),
    ],
)  # fmt: skip
def test_more_than_a_mebibyte_of_text_is_refused_whatever_it_is_in(message: pb.AskRequest) -> None:
    with pytest.raises(MessageTooLargeError) as refused:
        ask_request(message, is_streamed=False)
    assert refused.value.metadata["limit_bytes"] == str(MAX_TEXT_BYTES)


def test_a_mebibyte_of_text_and_a_large_picture_are_taken() -> None:
    picture = {"image": {"uri": "data:image/png;base64," + "A" * 4_000_000}}
    message = talk({"role": "ROLE_USER", "parts": [{"text": "x" * MAX_TEXT_BYTES}, picture]})

    assert ask_request(message, is_streamed=False).routing.text_bytes == MAX_TEXT_BYTES


@pytest.mark.parametrize(
    ("words", "contract", "numbers", "unsaid"),
    [
        (Role, routing_pb2.Role.DESCRIPTOR, conversations.ROLES, None),
        (OnCut, pb.OnCut.DESCRIPTOR, asks.ON_CUTS, OnCut.UNSAID),
        (CacheUse, pb.CacheUse.DESCRIPTOR, asks.CACHE_USES, CacheUse.OFF),
        (ToolMode, generation_pb2.ToolMode.DESCRIPTOR, asks.TOOL_MODES, ToolMode.AUTO),
        (ResponseKind, generation_pb2.ResponseKind.DESCRIPTOR, asks.RESPONSE_KINDS, ResponseKind.TEXT),
        (FinishReason, generation_pb2.FinishReason.DESCRIPTOR, {n: w for w, n in answers.FINISH_REASONS.items()}, None),
        (
            CacheOutcome,
            pb.CacheOutcome.DESCRIPTOR,
            {n: w for w, n in answers.CACHE_OUTCOMES.items()},
            CacheOutcome.UNUSED,
        ),
    ],
)
def test_words_and_numbers_are_one_to_one(
    words: type[enum.StrEnum], contract: EnumDescriptor, numbers: dict[int, enum.StrEnum], unsaid: enum.StrEnum | None
) -> None:
    assert set(words) == set(numbers.values())
    assert {value.number for value in contract.values if value.number} <= set(numbers)
    assert numbers.get(0) is unsaid
    for value in contract.values:
        if value.number:
            assert value.name.endswith(f"_{numbers[value.number].name}")


def told(*events: AskEvent) -> list[pb.AskStreamResponse]:
    return [pb.AskStreamResponse.FromString(stream_event(number, one)) for number, one in enumerate(events, start=1)]


def test_events_are_written_in_order_and_the_decision_as_it_came() -> None:
    written = told(*PLAIN)

    assert [event.WhichOneof("event") for event in written] == ["decision", "delta", "delta", "usage", "final"]
    assert [event.sequence for event in written] == [1, 2, 3, 4, 5]
    assert written[0].decision.SerializeToString() == DECIDED.response
    assert [(event.delta.text, event.delta.total_characters) for event in written[1:3]] == [("Hel", 3), ("lo", 5)]
    final = written[4].final
    assert final.target.model == "swift"
    assert final.finish_reason == generation_pb2.FINISH_REASON_STOP
    assert (final.total_cost_nano_usd, final.estimated_cost_nano_usd) == (70, 50)
    assert (final.total_usage.input_tokens, final.total_usage.HasField("cached_input_tokens")) == (10, False)
    assert final.latency.first_token.ToMilliseconds() == 125
    assert [one.cost_nano_usd for one in final.attempts] == [70]
    assert (final.confidence, final.model_revision) == (0.5, "swift-2026-01")


def test_a_switch_and_pieces_of_tool_calls_are_written() -> None:
    switch, piece = told(
        Switch(SWIFT, DEEP, AttemptError.CUT.value, restarts=True),
        Delta(call_index=1, call_id="c", name="n", arguments="{", total_characters=4),
    )

    assert (switch.switch.left.model, switch.switch.entered.model, switch.switch.restarts) == ("swift", "deep", True)
    assert switch.switch.error == 6
    assert (piece.delta.tool_call.index, piece.delta.tool_call.arguments_json) == (1, "{")


def whole_of(*events: AskEvent) -> pb.AskResponse:
    whole = WholeAnswer()
    for event in events:
        whole.add(event)
    return pb.AskResponse.FromString(whole.response())


def test_a_whole_answer_is_all_of_its_deltas() -> None:
    answer = whole_of(
        DECIDED,
        text("Hel", 3),
        Delta(call_index=1, call_id="c-2", name="b", arguments=""),
        Delta(call_index=0, call_id="c-1", name="a", arguments='{"x"'),
        text("lo", 5),
        Delta(call_index=0, arguments=": 1}"),
        FINAL,
    )

    assert (answer.decision.decision_id, answer.text) == ("d-1", "Hello")
    assert [(one.call_id, one.name, one.arguments_json) for one in answer.tool_calls] == [
        ("c-1", "a", '{"x": 1}'),
        ("c-2", "b", ""),
    ]


def test_a_restart_drops_what_came_before_it_and_a_resume_keeps_it() -> None:
    restart = Switch(SWIFT, DEEP, "cut", restarts=True)
    before = (DECIDED, text("Hel", 3), Delta(call_index=0, call_id="c", name="n"))

    assert whole_of(*before, restart, text("Bye", 3), FINAL).text == "Bye"
    assert not whole_of(*before, restart, FINAL).tool_calls
    assert whole_of(*before, restart._replace(restarts=False), text("lo", 5), FINAL).text == "Hello"


def test_an_answer_without_its_end_is_no_answer() -> None:
    whole = WholeAnswer()
    for event in PLAIN[:-1]:
        whole.add(event)
    with pytest.raises(UnfinishedAnswerError):
        whole.response()


def test_an_answer_from_the_cache_has_no_decision() -> None:
    assert not whole_of(text("kept", 4), FINAL._replace(cache=CacheOutcome.HIT)).HasField("decision")


def test_a_replayed_stream_says_what_the_first_one_said() -> None:
    events = (*PLAIN[:3], Delta(call_index=0, call_id="c", name="n", arguments="{}", total_characters=5), FINAL)
    answer = whole_of(*events)

    replayed = [pb.AskStreamResponse.FromString(event) for event in replayed_events(answer.SerializeToString())]

    assert [event.sequence for event in replayed] == [1, 2, 3, 4]
    assert replayed[0].decision == answer.decision
    assert (replayed[1].delta.text, replayed[1].delta.total_characters) == ("Hello", 5)
    assert replayed[2].delta.tool_call.arguments_json == "{}"
    assert replayed[3].final == answer.final
