from __future__ import annotations

import itertools
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.domain.ask import FinishReason
from atp_grpc.domain.outcome import Usage
from atp_grpc.providers.anthropic.answer import AnthropicAnswer
from atp_grpc.providers.anthropic.usage import usage
from atp_grpc.providers.contract import Event, FaultKind, Finished, ProviderFault, TextDelta, ToolCallDelta, Used
from atp_grpc.providers.http.sse import EventStream

Said = dict[str, Any]

START: Said = {
    "type": "message_start",
    "message": {
        "model": "claude-1",
        "content": [],
        "usage": {
            "input_tokens": 10,
            "cache_read_input_tokens": 5,
            "cache_creation_input_tokens": 2,
            "output_tokens": 1,
        },
    },
}
PING: Said = {"type": "ping"}
STOP: Said = {"type": "message_stop"}


def block(kind: str, **fields: Any) -> Said:
    return {"type": "content_block_start", "index": 0, "content_block": {"type": kind, **fields}}


def delta(kind: str, **fields: Any) -> Said:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": kind, **fields}}


def end(reason: str | None = None, **counts: Any) -> Said:
    if reason is None:
        return {"type": "content_block_stop", "index": 0}
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": counts}


def read(*events: Said) -> list[Event]:
    answer = AnthropicAnswer()
    read = [event for said in events for event in answer.read_event(orjson.dumps(said))]
    return [*read, *answer.last_events()] if answer.is_complete else read


def fault_of(*events: Said) -> FaultKind:
    with pytest.raises(ProviderFault) as failed:
        read(*events)
    return failed.value.kind


TEXT = [START, PING, block("text", text=""), delta("text_delta", text="Hel"), delta("text_delta", text="lo"), end()]


def test_text_usage_and_the_end_are_read_from_a_stream() -> None:
    assert read(*TEXT, end("end_turn", output_tokens=7), STOP) == [
        Used(Usage(10, 5, 1, None, 2)),
        TextDelta("Hel"),
        TextDelta("lo"),
        Used(Usage(10, 5, 7, None, 2)),
        Finished(FinishReason.STOP, "claude-1"),
    ]


def test_counts_in_a_stream_replace_those_before() -> None:
    first = end("end_turn", input_tokens=10, output_tokens=4, cache_read_input_tokens=3)
    second = end("end_turn", output_tokens=9, output_tokens_details={"thinking_tokens": 6})

    assert read(first, second)[:-1] == [Used(Usage(10, 3, 4, None)), Used(Usage(10, 3, 3, 6))]


def test_what_was_written_to_the_cache_is_a_class_of_its_own_wherever_it_is_told() -> None:
    by_life = {"cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 3}}
    told = {"input_tokens": 10, "cache_creation_input_tokens": 7, "output_tokens": 4}

    assert usage(told) == Usage(10, None, 4, None, 7)
    assert usage(told | by_life) == Usage(10, None, 4, None, 7)
    assert usage({"input_tokens": 10} | by_life).cache_write_input_tokens == 7
    assert usage({"cache_creation": {"ephemeral_5m_input_tokens": 0}}).cache_write_input_tokens == 0
    assert usage({"input_tokens": 10, "cache_creation": None}).cache_write_input_tokens is None
    assert read(START, end("end_turn", cache_creation_input_tokens=9), STOP)[-2] == Used(Usage(10, 5, 1, None, 9))


def test_calls_of_tools_come_piece_by_piece_and_are_numbered_from_zero() -> None:
    assert read(
        block("text", text="look"),
        end(),
        block("tool_use", id="c1", name="find", input={}),
        delta("input_json_delta", partial_json=""),
        delta("input_json_delta", partial_json='{"q"'),
        delta("input_json_delta", partial_json=":1}"),
        end(),
        block("tool_use", id="c2", name="go", input={}),
        end(),
        end("tool_use"),
    ) == [
        TextDelta("look"),
        ToolCallDelta(0, "c1", "find", ""),
        ToolCallDelta(0, "", "", '{"q"'),
        ToolCallDelta(0, "", "", ":1}"),
        ToolCallDelta(1, "c2", "go", ""),
        ToolCallDelta(1, "", "", "{}"),
        Finished(FinishReason.TOOL_CALLS, ""),
    ]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", FinishReason.STOP),
        ("stop_sequence", FinishReason.STOP),
        ("max_tokens", FinishReason.LENGTH),
        ("model_context_window_exceeded", FinishReason.LENGTH),
        ("tool_use", FinishReason.TOOL_CALLS),
        ("refusal", FinishReason.CONTENT_FILTER),
    ],
)
def test_reasons_to_stop_are_translated(reason: str, finish: FinishReason) -> None:
    assert read(end(reason)) == [Finished(finish, "")]


def test_a_reason_that_nobody_knows_is_no_end() -> None:
    assert fault_of(end("pause_turn")) is FaultKind.MALFORMED


@pytest.mark.parametrize(
    ("kind", "message", "expected"),
    [
        ("overloaded_error", "Overloaded", FaultKind.OVERLOADED),
        ("api_error", "Internal", FaultKind.UNAVAILABLE),
        ("rate_limit_error", "", FaultKind.RATE_LIMITED),
        ("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum", FaultKind.CONTEXT_LENGTH),
        ("new_error", "", FaultKind.UNAVAILABLE),
    ],
)
def test_an_error_inside_a_stream_is_a_fault(kind: str, message: str, expected: FaultKind) -> None:
    said = {"type": "error", "error": {"type": kind, "message": message}}

    assert fault_of(START, PING, said) is expected


def test_an_error_of_the_providers_after_text_is_a_cut() -> None:
    said = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}

    assert fault_of(*TEXT, said) is FaultKind.CUT


def test_thoughts_signs_of_life_and_unknown_events_are_no_text() -> None:
    answer = AnthropicAnswer()
    events = [PING, {"type": "later"}, block("thinking", thinking=""), delta("thinking_delta", thinking="hm"), end()]
    for said in events:
        assert answer.read_event(orjson.dumps(said)) == ()

    assert (answer.steps, answer.has_begun, answer.is_complete) == (1, False, False)


@pytest.mark.parametrize("data", [b"{", b"[]", b"null", b"\xff"])
def test_what_is_not_the_dialect_is_malformed(data: bytes) -> None:
    with pytest.raises(ProviderFault) as failed:
        AnthropicAnswer().read_event(data)
    assert failed.value.kind is FaultKind.MALFORMED


def test_a_whole_answer_is_read_like_a_stream() -> None:
    body = {
        "type": "message",
        "model": "claude-1",
        "content": [
            {"type": "thinking", "thinking": "hm"},
            {"type": "text", "text": "hi"},
            {"type": "tool_use", "id": "c1", "name": "find", "input": {"q": 1}},
            {"type": "tool_use", "id": "c2", "name": "go", "input": {}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 3, "output_tokens": 4},
    }
    answer = AnthropicAnswer()

    assert [*answer.read_whole(orjson.dumps(body)), *answer.last_events()] == [
        TextDelta("hi"),
        ToolCallDelta(0, "c1", "find", '{"q":1}'),
        ToolCallDelta(1, "c2", "go", ""),
        ToolCallDelta(1, "", "", "{}"),
        Used(Usage(3, None, 4, None)),
        Finished(FinishReason.TOOL_CALLS, "claude-1"),
    ]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", FaultKind.MALFORMED),
        (b'{"type":"message","content":[{"type":"text","text":"half"}],"stop_reason":null}', FaultKind.MALFORMED),
        (b'{"type":"error","error":{"type":"overloaded_error"}}', FaultKind.OVERLOADED),
    ],
)
def test_a_whole_answer_without_an_end_is_a_fault(body: bytes, kind: FaultKind) -> None:
    with pytest.raises(ProviderFault) as failed:
        AnthropicAnswer().read_whole(body)
    assert failed.value.kind is kind


@settings(deadline=None)
@given(*[st.integers(0, 10_000)] * 4, st.data())
def test_every_token_is_counted_once(plain: int, read: int, written: int, output: int, data: st.DataObject) -> None:
    thinking = data.draw(st.integers(0, output))
    classes = usage(
        {
            "input_tokens": plain,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written,
            "output_tokens": output,
            "output_tokens_details": {"thinking_tokens": thinking},
        }
    )

    assert sum(count or 0 for count in classes) == plain + read + written + output


STREAM = b"".join(
    b"event: %s\r\ndata: %s\r\n\r\n" % (said["type"].encode(), orjson.dumps(said))
    for said in [*TEXT, delta("text_delta", text="é😀"), end("end_turn", output_tokens=7), STOP]
)


def from_bytes(*pieces: bytes) -> list[Event]:
    answer, stream = AnthropicAnswer(), EventStream()
    events = [event for piece in pieces for data in stream.feed(piece) for event in answer.read_event(data)]
    assert answer.is_over
    return [*events, *answer.last_events()]


@settings(deadline=None)
@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_any_split_of_a_streams_bytes_gives_the_same_events(places: list[int]) -> None:
    edges = [0, *sorted(places), len(STREAM)]
    pieces = [STREAM[start:stop] for start, stop in itertools.pairwise(edges)]

    assert from_bytes(*pieces) == from_bytes(STREAM)


def test_what_a_later_count_leaves_out_stays_as_it_was_told() -> None:
    events = read(START, end("end_turn", input_tokens=10, output_tokens=7), STOP)

    assert events[-2] == Used(Usage(10, 5, 7, None, 2))


def test_a_later_count_without_its_thoughts_counts_none_of_them_twice() -> None:
    thinking = {"output_tokens": 60, "output_tokens_details": {"thinking_tokens": 50}}
    events = read(START, end("end_turn", **thinking), end("end_turn", output_tokens=70), STOP)

    assert events[-2] == Used(Usage(10, 5, 20, 50, 2))
