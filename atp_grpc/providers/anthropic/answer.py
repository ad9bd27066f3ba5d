"""Reads answers of messages, whole or event by event (Anthropic's published API).

One is made for each call, and fed by `http.calling`. Unknown events and fields are read over, as Anthropic asks of its
clients; what breaks the dialect, an error inside a stream and a reason to stop that nobody knows are faults.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from atp_grpc.domain.ask import FinishReason
from atp_grpc.providers.anthropic.refusals import fault_in_answer
from atp_grpc.providers.anthropic.usage import usage
from atp_grpc.providers.contract import (
    Blame,
    Event,
    FaultKind,
    Finished,
    ProviderFault,
    TextDelta,
    ToolCallDelta,
    Used,
)
from atp_grpc.providers.http.reading import Json, document, part, parts, text

_REASONS = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.CONTENT_FILTER,
}


class AnthropicAnswer:
    """One answer. See `http.answers.Answer`."""

    def __init__(self) -> None:
        self.has_begun = False
        self.is_complete = False
        self.is_over = False
        self.steps = 0
        self._reason = FinishReason.STOP
        self._revision = ""
        self._told: Json = {}
        self._calls = 0
        self._is_call_open = False
        self._has_arguments = False

    def read_event(self, data: bytes) -> Sequence[Event]:
        """What one event says."""
        said = document(data)
        kind = said.get("type")
        if kind == "content_block_delta":
            return self._read_delta(part(said, "delta"))
        if kind == "content_block_start":
            return self._read_block(part(said, "content_block"))
        if kind == "content_block_stop":
            return self._end_block()
        if kind == "message_start":
            message = part(said, "message")
            self._revision = text(message, "model")
            return self._count(message)
        if kind == "message_delta":
            self._stop(part(said, "delta"))
            return self._count(said)
        if kind == "message_stop":
            self.is_over = True
        elif kind == "error":
            fault = fault_in_answer(said)
            raise ProviderFault(FaultKind.CUT) if self.has_begun and fault.blame is Blame.PROVIDER else fault
        return ()

    def read_whole(self, body: bytes) -> Sequence[Event]:
        """What the whole answer says."""
        message = document(body)
        if message.get("type") == "error":
            raise fault_in_answer(message)
        events: list[Event] = []
        for block in parts(message, "content"):
            events += self._read_block(block)
            events += self._end_block()
        self._revision = text(message, "model")
        self._stop(message)
        if not self.is_complete:
            raise ProviderFault(FaultKind.MALFORMED)
        self.is_over = True
        events += self._count(message)
        return events

    def last_events(self) -> Sequence[Event]:
        """`Finished`."""
        return (Finished(self._reason, self._revision),)

    def _read_delta(self, delta: Json) -> Sequence[Event]:
        self.steps += 1
        words = text(delta, "text")
        if words:
            self.has_begun = True
            return (TextDelta(words),)
        arguments = text(delta, "partial_json")
        if arguments and self._is_call_open:
            self._has_arguments = True
            return (ToolCallDelta(self._calls - 1, "", "", arguments),)
        return ()

    def _read_block(self, block: Json) -> Sequence[Event]:
        kind = block.get("type")
        if kind == "text" and text(block, "text"):
            self.has_begun = True
            return (TextDelta(text(block, "text")),)
        if kind != "tool_use":
            return ()
        self.has_begun = self._is_call_open = True
        self.steps += 1
        self._calls += 1
        arguments = part(block, "input")
        self._has_arguments = bool(arguments)
        written = orjson.dumps(arguments).decode() if arguments else ""
        return (ToolCallDelta(self._calls - 1, text(block, "id"), text(block, "name"), written),)

    def _end_block(self) -> Sequence[Event]:
        """A call without arguments is one with no members, so that what a caller gets is always an object."""
        is_bare = self._is_call_open and not self._has_arguments
        self._is_call_open = False
        return (ToolCallDelta(self._calls - 1, "", "", "{}"),) if is_bare else ()

    def _stop(self, said: Json) -> None:
        reason = said.get("stop_reason")
        if reason is None:
            return
        known = _REASONS.get(reason) if type(reason) is str else None
        if known is None:
            raise ProviderFault(FaultKind.MALFORMED)
        self._reason = known
        self.is_complete = True

    def _count(self, said: Json) -> Sequence[Event]:
        """Counts are totals: each one replaces the one before it, and what an event leaves out stays as it was."""
        told = part(said, "usage")
        if not told:
            return ()
        self._told |= {name: count for name, count in told.items() if count is not None}
        return (Used(usage(self._told)),)
