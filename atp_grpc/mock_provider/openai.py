"""OpenAI's chat completions as the stand-in writes them: answers, streams, errors, rates.

`server` enters here. Source: the API reference of OpenAI (chat completions, models, errors, rate limits).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from atp_grpc.mock_provider.answer import Answer, Question
from atp_grpc.mock_provider.dialect import Frame, Rates, Reason, Refusal, Request, compact, grouped
from atp_grpc.mock_provider.openai_request import read_question
from atp_grpc.mock_provider.script import Fault

CREATED = 1_760_000_000
"""When every answer claims to have been made: answers are the same for ever, their dates too."""
_ENDINGS = {"stop": "stop", "length": "length", "tool_calls": "tool_calls", "filtered": "content_filter"}
_REFUSALS: dict[Fault, tuple[int, str, str | None, str]] = {
    Fault.RATE_LIMITED: (429, "requests", "rate_limit_exceeded", "Too many requests."),
    Fault.QUOTA_SPENT: (429, "insufficient_quota", "insufficient_quota", "The quota of this account is spent."),
    Fault.OVERLOADED: (503, "server_error", None, "The engine is overloaded."),
    Fault.SERVER_ERROR: (500, "server_error", None, "The server had an error."),
    Fault.REFUSE_KEY: (401, "invalid_request_error", "invalid_api_key", "The API key is not valid."),
    Fault.INVALID: (400, "invalid_request_error", None, "The request is not valid."),
    Fault.CONTEXT_LENGTH: (400, "invalid_request_error", "context_length_exceeded", "The context is too short."),
    Fault.CONTENT_REFUSED: (400, "invalid_request_error", "content_policy_violation", "The prompt is not allowed."),
    Fault.REQUEST_TOO_LARGE: (
        429,
        "tokens",
        "rate_limit_exceeded",
        "Request too large for this model on tokens per min (TPM): Limit 30000, Requested 31538.",
    ),
    Fault.MODEL_UNKNOWN: (404, "invalid_request_error", "model_not_found", "There is no such model."),
}
_DONE = b"data: [DONE]\n\n"


class OpenAi:
    """Chat completions."""

    name = "openai"

    def question(self, request: Request) -> Question:
        """What a request asks. Raises `Refused` where it is not as published."""
        return read_question(request.body)

    def whole(self, answer: Answer) -> bytes:
        """The answer in one piece."""
        pieces = tuple(answer.pieces)
        message: dict[str, Any] = {"role": "assistant", "content": "".join(pieces), "refusal": None, "annotations": []}
        if answer.tool_calls:
            message["content"] = None
            message["tool_calls"] = [
                {"id": f"call_{made.call_id}", "type": "function"}
                | {"function": {"name": made.name, "arguments": "".join(made.arguments)}}
                for made in answer.tool_calls
            ]
        choice = {
            "index": 0,
            "message": message,
            "logprobs": _certainty(answer, pieces),
            "finish_reason": _ENDINGS[answer.ending],
        }
        document = _head(answer, "chat.completion") | {"choices": [choice]}
        if answer.tokens is not None:
            document["usage"] = _usage(answer)
        return compact(document)

    def opening(self, answer: Answer) -> bytes:
        """The role; thinking is not shown."""
        content = None if answer.tool_calls else ""
        return _event(answer, {"role": "assistant", "content": content, "refusal": None})

    def events(self, answer: Answer, size: int, edge: int) -> Iterator[Frame]:
        """The tokens of the text and of tool calls."""
        count = 0
        for group in grouped(iter(answer.pieces), size, count, edge):
            count += len(group)
            certainty = _certainty(answer, group)
            yield Frame(_event(answer, {"content": "".join(group)}, certainty), count)
        for index, made in enumerate(answer.tool_calls):
            call = {"index": index, "id": f"call_{made.call_id}", "type": "function"}
            call["function"] = {"name": made.name, "arguments": ""}
            yield Frame(_event(answer, {"tool_calls": [call]}), count)
            for group in grouped(iter(made.arguments), size, count, edge):
                count += len(group)
                part = {"index": index, "function": {"arguments": "".join(group)}}
                yield Frame(_event(answer, {"tool_calls": [part]}), count)

    def closing(self, answer: Answer) -> bytes:
        """Why it ended, the usage if it was asked for, and the mark of the end."""
        end = _event(answer, {}, finish_reason=_ENDINGS[answer.ending])
        if not answer.wants_usage or answer.tokens is None:
            return end + _DONE
        usage = _head(answer, "chat.completion.chunk") | {"choices": [], "usage": _usage(answer)}
        return end + b"data: " + compact(usage) + b"\n\n" + _DONE

    def refusal(self, reason: Reason) -> Refusal:
        """The published error."""
        status, kind, code, sentence = _REFUSALS[reason.fault]
        if reason.fault is Fault.SERVER_ERROR:
            status = reason.status
        error = {"message": reason.message or sentence, "type": kind, "param": reason.parameter or None, "code": code}
        return Refusal(status, compact({"error": error}))

    def error_event(self) -> bytes:
        """An error in the middle of a stream."""
        _, kind, code, sentence = _REFUSALS[Fault.SERVER_ERROR]
        return (
            b"data: " + compact({"error": {"message": sentence, "type": kind, "param": None, "code": code}}) + b"\n\n"
        )

    def huge(self, answer: Answer, size: int) -> bytes:
        """A chunk with a very long text."""
        return _event(answer, {"content": "x" * size})

    def ping(self) -> bytes:
        """A comment, as gateways send them."""
        return b": still here\n\n"

    def headers(self, rates: Rates) -> dict[str, str]:
        """The call's name, and what is left of the rates."""
        return {
            "x-request-id": f"req_{rates.name}",
            "openai-version": "2020-10-01",
            "openai-processing-ms": "1",
            "x-ratelimit-limit-requests": "10000",
            "x-ratelimit-remaining-requests": str(rates.requests_left),
            "x-ratelimit-reset-requests": _span(rates.reset_seconds),
            "x-ratelimit-limit-tokens": "2000000",
            "x-ratelimit-remaining-tokens": str(rates.tokens_left),
            "x-ratelimit-reset-tokens": _span(rates.reset_seconds),
        }

    def models(self, names: list[str]) -> bytes:
        """The list of models."""
        made = [{"id": name, "object": "model", "created": CREATED, "owned_by": "mock"} for name in names]
        return compact({"object": "list", "data": made})


def _head(answer: Answer, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{answer.name}",
        "object": kind,
        "created": CREATED,
        "model": answer.revision,
        "service_tier": "default",
        "system_fingerprint": "fp_mock",
    }


def _event(
    answer: Answer,
    delta: Mapping[str, Any],
    certainty: Mapping[str, Any] | None = None,
    finish_reason: str | None = None,
) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": certainty, "finish_reason": finish_reason}
    document = _head(answer, "chat.completion.chunk") | {"choices": [choice]}
    if answer.wants_usage:
        document["usage"] = None
    return b"data: " + compact(document) + b"\n\n"


def _certainty(answer: Answer, pieces: Iterable[str]) -> dict[str, Any] | None:
    if answer.log_probability is None:
        return None
    content = [
        {"token": piece, "logprob": answer.log_probability, "bytes": list(piece.encode()), "top_logprobs": []}
        for piece in pieces
    ]
    return {"content": content, "refusal": None}


def _usage(answer: Answer) -> dict[str, Any]:
    tokens = answer.tokens
    if tokens is None:
        return {}
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": tokens.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _span(seconds: float) -> str:
    """A span as OpenAI's headers write it: `20ms`, `1s`, `6m0s`."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f}m{rest:g}s" if minutes else f"{rest:g}s"
