"""Anthropic's messages as the stand-in writes them: answers, streams, errors, rates.

`server` enters here. Source: the API reference of Anthropic (messages, streaming, errors, rate limits).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

from atp_grpc.mock_provider.answer import THOUGHT, Answer, Question, Tokens
from atp_grpc.mock_provider.anthropic_request import read_question
from atp_grpc.mock_provider.dialect import Frame, Rates, Reason, Refusal, Request, compact, grouped
from atp_grpc.mock_provider.script import Fault

_ENDINGS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "filtered": "refusal"}
_REFUSALS: dict[Fault, tuple[int, str, str]] = {
    Fault.RATE_LIMITED: (429, "rate_limit_error", "Too many requests."),
    Fault.QUOTA_SPENT: (402, "billing_error", "The credit of this account is spent."),
    Fault.OVERLOADED: (529, "overloaded_error", "Overloaded"),
    Fault.SERVER_ERROR: (500, "api_error", "Internal server error"),
    Fault.REFUSE_KEY: (401, "authentication_error", "invalid x-api-key"),
    Fault.INVALID: (400, "invalid_request_error", "The request is not valid."),
    Fault.CONTEXT_LENGTH: (400, "invalid_request_error", "prompt is too long: 300000 tokens > 200000 maximum"),
    Fault.CONTENT_REFUSED: (400, "invalid_request_error", "Output blocked by content filtering policy"),
    Fault.REQUEST_TOO_LARGE: (413, "request_too_large", "Request exceeds the maximum size"),
    Fault.MODEL_UNKNOWN: (404, "not_found_error", "There is no such model."),
}
_SIGNATURE = "bW9jaw=="


class Anthropic:
    """Messages."""

    name = "anthropic"

    def question(self, request: Request) -> Question:
        """What a request asks. Raises `Refused` where it is not as published."""
        return read_question(request.body, request.headers)

    def whole(self, answer: Answer) -> bytes:
        """The answer in one piece."""
        content: list[dict[str, Any]] = []
        if answer.thoughts:
            thinking = " ".join([THOUGHT] * answer.thoughts)
            content.append({"type": "thinking", "thinking": thinking, "signature": _SIGNATURE})
        text = "".join(answer.pieces)
        if text:
            content.append({"type": "text", "text": text})
        content.extend(
            {"type": "tool_use", "id": f"toolu_{made.call_id}", "name": made.name}
            | {"input": json.loads("".join(made.arguments))}
            for made in answer.tool_calls
        )
        document = _head(answer) | {"content": content} | _end(answer)
        if answer.tokens is not None:
            document["usage"] = _input_usage(answer) | _output_usage(answer.tokens)
        return compact(document)

    def opening(self, answer: Answer) -> bytes:
        """The head of the message, a ping, and the thinking."""
        message = _head(answer) | {"content": [], "stop_reason": None, "stop_sequence": None}
        if answer.tokens is not None:
            message["usage"] = _input_usage(answer) | {"output_tokens": min(1, answer.tokens.output)}
        events = [_event("message_start", message=message), self.ping()]
        if answer.thoughts:
            block = {"type": "thinking", "thinking": "", "signature": ""}
            events.append(_event("content_block_start", index=0, content_block=block))
            for number in range(answer.thoughts):
                thought = THOUGHT if number == 0 else f" {THOUGHT}"
                events.append(_delta(0, "thinking_delta", thinking=thought))
            events.append(_delta(0, "signature_delta", signature=_SIGNATURE))
            events.append(_event("content_block_stop", index=0))
        return b"".join(events)

    def events(self, answer: Answer, size: int, edge: int) -> Iterator[Frame]:
        """The blocks of the text and of tool calls."""
        index = 1 if answer.thoughts else 0
        count = 0
        if not answer.tool_calls:
            start = _event("content_block_start", index=index, content_block={"type": "text", "text": ""})
            for group in grouped(iter(answer.pieces), size, count, edge):
                count += len(group)
                yield Frame(start + _delta(index, "text_delta", text="".join(group)), count)
                start = b""
            yield Frame(start + _event("content_block_stop", index=index), count)
        for index_of_call, made in enumerate(answer.tool_calls, start=index):
            block = {"type": "tool_use", "id": f"toolu_{made.call_id}", "name": made.name, "input": {}}
            start = _event("content_block_start", index=index_of_call, content_block=block)
            yield Frame(start + _delta(index_of_call, "input_json_delta", partial_json=""), count)
            for group in grouped(iter(made.arguments), size, count, edge):
                count += len(group)
                yield Frame(_delta(index_of_call, "input_json_delta", partial_json="".join(group)), count)
            yield Frame(_event("content_block_stop", index=index_of_call), count)

    def closing(self, answer: Answer) -> bytes:
        """Why it ended, with the usage in all, and the end of the message."""
        told: dict[str, Any] = {"delta": _end(answer)}
        if answer.tokens is not None:
            usage = _input_usage(answer)
            del usage["cache_creation"], usage["service_tier"]
            told["usage"] = usage | _output_usage(answer.tokens)
        return _event("message_delta", **told) + _event("message_stop")

    def refusal(self, reason: Reason) -> Refusal:
        """The published error."""
        status, kind, sentence = _REFUSALS[reason.fault]
        if reason.fault is Fault.SERVER_ERROR:
            status = reason.status
        error = {"type": kind, "message": reason.message or sentence}
        return Refusal(status, compact({"type": "error", "error": error, "request_id": f"req_{reason.name}"}))

    def error_event(self) -> bytes:
        """An error in the middle of a stream."""
        _, kind, sentence = _REFUSALS[Fault.OVERLOADED]
        return _event("error", error={"type": kind, "message": sentence})

    def huge(self, answer: Answer, size: int) -> bytes:
        """A delta with a very long text."""
        return _delta(1 if answer.thoughts else 0, "text_delta", text="x" * size)

    def ping(self) -> bytes:
        """The event of that name."""
        return _event("ping")

    def headers(self, rates: Rates) -> dict[str, str]:
        """The call's name, and what is left of the rates."""
        reset = dt.datetime.fromtimestamp(rates.now + rates.reset_seconds, dt.UTC)
        full = reset.strftime("%Y-%m-%dT%H:%M:%SZ")
        headers = {"request-id": f"req_{rates.name}"}
        for what, limit, left in (
            ("requests", 10_000, rates.requests_left),
            ("tokens", 2_000_000, rates.tokens_left),
            ("input-tokens", 1_600_000, rates.tokens_left),
            ("output-tokens", 400_000, rates.tokens_left),
        ):
            headers[f"anthropic-ratelimit-{what}-limit"] = str(limit)
            headers[f"anthropic-ratelimit-{what}-remaining"] = str(min(limit, left))
            headers[f"anthropic-ratelimit-{what}-reset"] = full
        return headers

    def models(self, names: list[str]) -> bytes:
        """The list of models."""
        made = [
            {"type": "model", "id": name, "display_name": name, "created_at": "2025-10-09T00:00:00Z"} for name in names
        ]
        ends = {"first_id": names[0] if names else None, "last_id": names[-1] if names else None}
        return compact({"data": made, "has_more": False} | ends)


def _event(kind: str, **content: Any) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + compact({"type": kind} | content) + b"\n\n"


def _delta(index: int, kind: str, **content: Any) -> bytes:
    return _event("content_block_delta", index=index, delta={"type": kind} | content)


def _head(answer: Answer) -> dict[str, Any]:
    return {"id": f"msg_{answer.name}", "type": "message", "role": "assistant", "model": answer.revision}


def _end(answer: Answer) -> dict[str, Any]:
    if answer.stopped_by:
        return {"stop_reason": "stop_sequence", "stop_sequence": answer.stopped_by}
    return {"stop_reason": _ENDINGS[answer.ending], "stop_sequence": None}


def _output_usage(tokens: Tokens) -> dict[str, Any]:
    """Output tokens, thinking among them."""
    return {"output_tokens": tokens.output, "output_tokens_details": {"thinking_tokens": tokens.reasoning}}


def _input_usage(answer: Answer) -> dict[str, Any]:
    """Input tokens by class, which Anthropic tells disjoint."""
    tokens = answer.tokens
    if tokens is None:
        return {}
    return {
        "input_tokens": tokens.input - tokens.cached - tokens.written,
        "cache_creation_input_tokens": tokens.written,
        "cache_read_input_tokens": tokens.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": tokens.written, "ephemeral_1h_input_tokens": 0},
        "service_tier": "standard",
    }
