"""Answers to the wire: the events of an Ask as messages, whole answers, and the events of an answer given before.

`services.ask` and the runs it shares enter here. A decision stays the bytes that it was written as, and a text is
copied once, when the message that carries it is written. Nothing here waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from atp_grpc.domain.ask import AskEvent, Billed, CacheOutcome, Decided, Delta, Final, FinishReason, Spent, Switch
from atp_grpc.domain.clock import NANOS_PER_SECOND
from atp_grpc.domain.outcome import AttemptError
from atp_grpc.pb.atp.v1 import ask_service_pb2 as pb
from atp_grpc.pb.atp.v1 import generation_pb2, routing_pb2
from atp_grpc.services.convert.decisions import target
from atp_grpc.services.convert.outcomes import ERROR_NUMBERS, usage_message
from atp_grpc.services.convert.streams import varint

FINISH_REASONS = {
    reason: cast("generation_pb2.FinishReason", generation_pb2.FinishReason.Value(f"FINISH_REASON_{reason.name}"))
    for reason in FinishReason
}
CACHE_OUTCOMES = {CacheOutcome.UNUSED: pb.CACHE_OUTCOME_UNSPECIFIED} | {
    one: cast("pb.CacheOutcome", pb.CacheOutcome.Value(f"CACHE_OUTCOME_{one.name}"))
    for one in CacheOutcome
    if one is not CacheOutcome.UNUSED
}
_SEQUENCE, _STREAMED_DECISION, _WHOLE_DECISION = b"\x08", b"\x12", b"\x0a"
"""Tags of `AskStreamResponse.sequence` and `.decision`, and of `AskResponse.decision`."""


class UnfinishedAnswerError(Exception):
    """A story ended without its end and without an error: a fault of ours, never to be taken for an answer."""


def stream_event(sequence: int, event: AskEvent) -> bytes:
    """The bytes of an `AskStreamResponse`."""
    if type(event) is Delta:
        message = pb.AskStreamResponse(sequence=sequence, delta=_delta(event))
    elif type(event) is Decided:
        number, size = varint(sequence), varint(len(event.response))
        return b"".join((_SEQUENCE, number, _STREAMED_DECISION, size, event.response))
    elif type(event) is Spent:
        message = pb.AskStreamResponse(sequence=sequence, usage=_spent(event))
    elif type(event) is Switch:
        message = pb.AskStreamResponse(sequence=sequence, switch=_switch(event))
    elif type(event) is Final:
        message = pb.AskStreamResponse(sequence=sequence, final=_final(event))
    else:
        raise TypeError(type(event).__name__)
    return message.SerializeToString()


def replayed_events(response: bytes) -> Iterator[bytes]:
    """The events of an answer given before, out of its `AskResponse`; what came in pieces comes in one."""
    answer = pb.AskResponse.FromString(response)
    events = []
    if answer.HasField("decision"):
        events.append(pb.AskStreamResponse(decision=answer.decision))
    characters = len(answer.text)
    if answer.text:
        events.append(pb.AskStreamResponse(delta=pb.Delta(text=answer.text, total_characters=characters)))
    for index, call in enumerate(answer.tool_calls):
        piece = generation_pb2.ToolCallDelta(
            index=index, call_id=call.call_id, name=call.name, arguments_json=call.arguments_json
        )
        events.append(pb.AskStreamResponse(delta=pb.Delta(tool_call=piece, total_characters=characters)))
    events.append(pb.AskStreamResponse(final=answer.final))
    for sequence, event in enumerate(events, start=1):
        event.sequence = sequence
        yield event.SerializeToString()


class WholeAnswer:
    """Takes the events of an Ask and makes one answer of them."""

    def __init__(self) -> None:
        self.decision = b""
        """The `RouteResponse` as it was written; empty for an answer from the cache."""
        self.decision_id = ""
        """Empty for an answer from the cache."""
        self.final: Final | None = None
        """The end, once it was there."""
        self._texts: list[str] = []
        self._calls: dict[int, _Call] = {}

    def add(self, event: AskEvent) -> None:
        """One more event."""
        if type(event) is Delta:
            if event.call_index < 0:
                self._texts.append(event.text)
                return
            call = self._calls.get(event.call_index)
            if call is None:
                call = self._calls[event.call_index] = _Call()
            call.call_id += event.call_id
            call.name += event.name
            call.arguments.append(event.arguments)
        elif type(event) is Decided:
            self.decision, self.decision_id = event.response, event.decision_id
        elif type(event) is Switch and event.restarts:
            self._texts.clear()
            self._calls.clear()
        elif type(event) is Final:
            self.final = event

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._texts)

    @property
    def has_tool_calls(self) -> bool:
        """Whether tools are to be called."""
        return bool(self._calls)

    def response(self) -> bytes:
        """The bytes of the `AskResponse`.

        Raises:
            UnfinishedAnswerError: the end was not there.
        """
        if self.final is None:
            raise UnfinishedAnswerError
        answer = pb.AskResponse(
            text=self.text,
            tool_calls=[self._calls[index].message() for index in sorted(self._calls)],
            final=_final(self.final),
        ).SerializeToString()
        if not self.decision:
            return answer
        return b"".join((_WHOLE_DECISION, varint(len(self.decision)), self.decision, answer))


class _Call:
    """A tool call in pieces."""

    __slots__ = ("arguments", "call_id", "name")

    def __init__(self) -> None:
        self.call_id = ""
        self.name = ""
        self.arguments: list[str] = []

    def message(self) -> routing_pb2.ToolCall:
        return routing_pb2.ToolCall(call_id=self.call_id, name=self.name, arguments_json="".join(self.arguments))


def _delta(event: Delta) -> pb.Delta:
    if event.call_index < 0:
        return pb.Delta(text=event.text, total_characters=event.total_characters)
    piece = generation_pb2.ToolCallDelta(
        index=event.call_index, call_id=event.call_id, name=event.name, arguments_json=event.arguments
    )
    return pb.Delta(tool_call=piece, total_characters=event.total_characters)


def _switch(event: Switch) -> pb.Switch:
    return pb.Switch(
        left=target(event.left),
        entered=target(event.entered),
        error=ERROR_NUMBERS[AttemptError(event.error)],
        restarts=event.restarts,
    )


def _spent(event: Spent) -> pb.UsageSoFar:
    return pb.UsageSoFar(
        total_usage=usage_message(event.usage),
        total_cost_nano_usd=event.total_cost_nano_usd,
        is_estimated=event.is_estimated,
    )


def _final(event: Final) -> pb.Final:
    latency = event.latency
    # Told as mappings, the parts are written in place; a message that is put into another is encoded and read for it.
    return pb.Final(
        target=event.target._asdict(),
        finish_reason=FINISH_REASONS[event.finish_reason],
        total_usage=event.usage._asdict(),
        total_cost_nano_usd=event.cost_nano_usd,
        estimated_cost_nano_usd=event.estimated_cost_nano_usd,
        is_estimated=event.is_estimated,
        attempts=[_billed(one) for one in event.attempts],
        latency={
            "queue": _span(latency.queue),
            "route": _span(latency.route),
            "first_token": _span(latency.first_token),
            "total": _span(latency.total),
        },
        cache=CACHE_OUTCOMES[event.cache],
        model_revision=event.revision,
        confidence=event.confidence,
    )


def _billed(one: Billed) -> dict[str, object]:
    """An `AskAttempt`."""
    attempt = one.attempt
    return {
        "target": one.target._asdict(),
        "error": ERROR_NUMBERS[attempt.error],
        "usage": attempt.usage._asdict(),
        "cost_nano_usd": attempt.cost_nano_usd or 0,
        "latency": _span(attempt.latency_seconds or 0.0),
        "is_estimated": one.is_estimated,
    }


def _span(seconds: float) -> dict[str, int]:
    """A `Duration`, not below zero."""
    whole, nanos = divmod(max(round(seconds * NANOS_PER_SECOND), 0), NANOS_PER_SECOND)
    return {"seconds": whole, "nanos": nanos}
