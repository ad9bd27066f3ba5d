from __future__ import annotations

import itertools
import math
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.domain.ask import FinishReason
from atp_grpc.domain.endpoint import Quirk
from atp_grpc.domain.outcome import Usage
from atp_grpc.providers.contract import (
    Certainty,
    Event,
    FaultKind,
    Finished,
    ProviderFault,
    TextDelta,
    ToolCallDelta,
    Used,
)
from atp_grpc.providers.http.sse import EventStream
from atp_grpc.providers.openai.answer import OpenAiAnswer
from atp_grpc.providers.openai.usage import usage

NO_QUIRKS: frozenset[Quirk] = frozenset()


def chunk(delta: dict[str, Any] | None = None, reason: str | None = None, **rest: Any) -> dict[str, Any]:
    return {"model": "m-1", "choices": [{"index": 0, "delta": delta or {}, "finish_reason": reason}], **rest}


def read(*chunks: dict[str, Any]) -> list[Event]:
    answer = OpenAiAnswer(NO_QUIRKS)
    events = [event for said in chunks for event in answer.read_event(orjson.dumps(said))]
    answer.read_event(b"[DONE]")
    assert answer.is_over
    return [*events, *answer.last_events()] if answer.is_complete else events


def fault_of(*chunks: dict[str, Any]) -> FaultKind:
    with pytest.raises(ProviderFault) as failed:
        read(*chunks)
    return failed.value.kind


def test_text_usage_and_the_end_are_read_from_a_stream() -> None:
    counted = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}

    assert read(
        chunk({"role": "assistant", "content": ""}, usage=None),
        chunk({"content": "Hel"}),
        chunk({"content": "lo"}),
        chunk(reason="stop"),
        {"model": "m-1", "choices": [], "usage": counted},
    ) == [TextDelta("Hel"), TextDelta("lo"), Used(Usage(9, None, 3, None)), Finished(FinishReason.STOP, "m-1")]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("stop", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        ("model_length", FinishReason.LENGTH),
        ("tool_calls", FinishReason.TOOL_CALLS),
        ("function_call", FinishReason.TOOL_CALLS),
        ("content_filter", FinishReason.CONTENT_FILTER),
    ],
)
def test_reasons_to_finish_are_translated(reason: str, finish: FinishReason) -> None:
    assert read(chunk(reason=reason)) == [Finished(finish, "m-1")]


def test_an_answer_without_a_reason_to_finish_is_never_complete() -> None:
    assert read(chunk({"content": "half"})) == [TextDelta("half")]


@pytest.mark.parametrize(
    ("reason", "before", "after"),
    [
        ("error", FaultKind.UNAVAILABLE, FaultKind.CUT),
        ("insufficient_system_resource", FaultKind.UNAVAILABLE, FaultKind.CUT),
        ("abort", FaultKind.UNAVAILABLE, FaultKind.CUT),
        ("who knows", FaultKind.MALFORMED, FaultKind.MALFORMED),
    ],
)
def test_a_reason_that_is_no_end_is_a_fault(reason: str, before: FaultKind, after: FaultKind) -> None:
    assert fault_of(chunk(reason=reason)) is before
    assert fault_of(chunk({"content": "half"}), chunk(reason=reason)) is after


def test_an_error_inside_a_stream_is_a_fault() -> None:
    failed = {"error": {"code": 502, "message": "upstream said: sk-secret"}}
    limited = {"error": {"code": "rate_limit_exceeded", "message": "slow down"}}

    assert fault_of(failed) is FaultKind.UNAVAILABLE
    assert fault_of(chunk({"content": "half"}), failed) is FaultKind.CUT
    assert fault_of(chunk({"content": "half"}), limited) is FaultKind.RATE_LIMITED
    assert fault_of({"error": "boom"}) is FaultKind.UNAVAILABLE


def test_a_refusal_is_shown_and_finishes_as_one() -> None:
    assert read(chunk({"refusal": "I will not"}), chunk(reason="stop")) == [
        TextDelta("I will not"),
        Finished(FinishReason.CONTENT_FILTER, "m-1"),
    ]


def test_thoughts_are_steps_and_no_text() -> None:
    answer = OpenAiAnswer(NO_QUIRKS)
    for said in ({"reasoning_content": "hm"}, {"reasoning": "hm"}, {"content": [{"type": "thinking", "thinking": []}]}):
        assert answer.read_event(orjson.dumps(chunk(said))) == []
    text = {"content": [{"type": "thinking", "thinking": []}, {"type": "text", "text": "yes"}]}

    assert (answer.steps, answer.has_begun) == (2, False)
    assert answer.read_event(orjson.dumps(chunk(text))) == [TextDelta("yes")]


def test_token_probabilities_become_certainty() -> None:
    said = chunk({"content": "ab"})
    said["choices"][0]["logprobs"] = {"content": [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": -1}]}
    text, certainty, _ = read(said, chunk(reason="stop"))

    assert text == TextDelta("ab")
    assert isinstance(certainty, Certainty)
    assert (math.isclose(certainty.log_probability, -1.5), certainty.tokens) == (True, 2)


def test_a_token_is_never_more_than_certain() -> None:
    tokens = [{"token": "a", "logprob": 1000.0}, {"token": "b", "logprob": -0.5}]
    said = chunk({"content": "ab"}, logprobs={"content": tokens})
    said["choices"][0]["logprobs"] = said.pop("logprobs")

    assert read(said, chunk(reason="stop"))[1] == Certainty(-0.5, 2)


@pytest.mark.parametrize(
    "data", [b"{", b"[]", b"null", b'{"choices":[1]}', b'{"choices":[{"delta":{"content":1}}]}', b"\xff"]
)
def test_what_is_not_the_dialect_is_malformed(data: bytes) -> None:
    with pytest.raises(ProviderFault) as failed:
        OpenAiAnswer(NO_QUIRKS).read_event(data)
    assert failed.value.kind is FaultKind.MALFORMED


def test_a_whole_answer_is_read_like_a_stream() -> None:
    message = {"content": "hi", "tool_calls": [{"id": "c", "function": {"name": "go", "arguments": "{}"}}]}
    body = {
        "model": "m-1",
        "choices": [{"message": message, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
    }
    answer = OpenAiAnswer(NO_QUIRKS)

    assert [*answer.read_whole(orjson.dumps(body)), *answer.last_events()] == [
        TextDelta("hi"),
        ToolCallDelta(0, "c", "go", "{}"),
        Used(Usage(1, None, 2, None)),
        Finished(FinishReason.TOOL_CALLS, "m-1"),
    ]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"choices":[]}', b'{"choices":[{"message":{"content":"half"}}]}'])
def test_a_whole_answer_without_an_end_is_malformed(body: bytes) -> None:
    with pytest.raises(ProviderFault) as failed:
        OpenAiAnswer(NO_QUIRKS).read_whole(body)
    assert failed.value.kind is FaultKind.MALFORMED


@pytest.mark.parametrize(
    ("said", "quirks", "expected"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5}, (), (10, None, 5, None)),
        ({"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 4}}, (), (6, 4, None, None)),
        (
            {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 4}},
            (Quirk.CACHED_OUTSIDE_INPUT,),
            (10, 4, None, None),
        ),
        ({"prompt_tokens": 10, "prompt_cache_hit_tokens": 4}, (), (6, 4, None, None)),
        ({"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}, (), (0, 3, None, None)),
        ({"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 7}}, (), (None, None, 2, 7)),
        ({"completion_tokens": 2, "completion_tokens_details": {"reasoning_tokens": 7}}, (), (None, None, 2, 7)),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 9,
                "total_tokens": 26,
                "completion_tokens_details": {"reasoning_tokens": 7},
            },
            (),
            (10, None, 9, 7),
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 9,
                "total_tokens": 19,
                "completion_tokens_details": {"reasoning_tokens": 7},
            },
            (),
            (10, None, 2, 7),
        ),
        ({"prompt_tokens": -1, "completion_tokens": "5", "prompt_tokens_details": None}, (), (None, None, None, None)),
        ({"prompt_tokens": True, "completion_tokens": 1.5}, (), (None, None, None, None)),
    ],
)
def test_classes_of_tokens_are_disjoint(
    said: dict[str, Any], quirks: tuple[Quirk, ...], expected: tuple[int | None, ...]
) -> None:
    assert usage(said, frozenset(quirks)) == (*expected, None)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10_000), st.data())
def test_every_token_is_counted_once(prompt: int, completion: int, data: st.DataObject) -> None:
    cached, reasoning = data.draw(st.integers(0, prompt)), data.draw(st.integers(0, completion))
    classes = usage(
        {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        },
        NO_QUIRKS,
    )

    assert sum(count or 0 for count in classes) == prompt + completion


STREAM = (
    b"".join(
        b"data: " + orjson.dumps(said) + b"\n\n"
        for said in (
            chunk({"role": "assistant", "content": ""}),
            chunk({"content": "a 😀 \u2028 b"}),
            chunk({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "go", "arguments": '{"é":1}'}}]}),
            chunk(reason="stop"),
            {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}},
        )
    )
    + b"data: [DONE]\n\n"
)


def from_bytes(*pieces: bytes) -> list[Event]:
    answer, stream = OpenAiAnswer(NO_QUIRKS), EventStream()
    events = [event for piece in pieces for data in stream.feed(piece) for event in answer.read_event(data)]
    return [*events, *answer.last_events()]


@settings(deadline=None)
@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_any_split_of_a_streams_bytes_gives_the_same_events(places: list[int]) -> None:
    edges = [0, *sorted(places), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in itertools.pairwise(edges)]

    assert from_bytes(*pieces) == from_bytes(STREAM)
