"""Reads answers of chat completions, whole or chunk by chunk (OpenAI's published API).

One is made for each call, and fed by `http.calling`. Unknown fields are read over; what breaks the dialect, an error
inside an answer and a reason to finish that nobody knows are faults.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from atp_grpc.domain.ask import FinishReason
from atp_grpc.domain.endpoint import Quirk
from atp_grpc.providers.contract import (
    Blame,
    Certainty,
    Event,
    FaultKind,
    Finished,
    ProviderFault,
    TextDelta,
    ToolCallDelta,
    Used,
)
from atp_grpc.providers.http.reading import Json, document, part, parts, text
from atp_grpc.providers.openai.refusals import fault_in_answer
from atp_grpc.providers.openai.usage import usage

_DONE = b"[DONE]"
_REASONS = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
}
_BROKEN_OFF = frozenset({"error", "abort", "insufficient_system_resource"})
"""How OpenRouter and Mistral, vLLM, and DeepSeek say that they could not go on."""


class OpenAiAnswer:
    """One answer. See `http.answers.Answer`."""

    def __init__(self, quirks: frozenset[Quirk]) -> None:
        """Takes the endpoint's departures from the dialect."""
        self.has_begun = False
        self.is_complete = False
        self.is_over = False
        self.steps = 0
        self._quirks = quirks
        self._reason = FinishReason.STOP
        self._revision = ""
        self._calls: list[tuple[str, str]] = []
        self._place_of: dict[int | None, int] = {}
        self._was_declined = False

    def read_event(self, data: bytes) -> Sequence[Event]:
        """What one chunk says."""
        if data == _DONE:
            self.is_over = True
            return ()
        return self._read(document(data), "delta")

    def read_whole(self, body: bytes) -> Sequence[Event]:
        """What the whole answer says."""
        events = self._read(document(body), "message")
        self.is_over = True
        if not self.is_complete:
            raise ProviderFault(FaultKind.MALFORMED)
        return events

    def last_events(self) -> Sequence[Event]:
        """`Finished`."""
        reason = self._reason
        if self._was_declined:
            reason = FinishReason.CONTENT_FILTER
        elif reason is FinishReason.STOP and self._calls:
            # Several servers that copy the dialect say "stop" after a tool call.
            reason = FinishReason.TOOL_CALLS
        return (Finished(reason, self._revision),)

    def _read(self, said: Json, field: str) -> list[Event]:
        if said.get("error"):
            raise self._broken_off(fault_in_answer(said))
        events: list[Event] = []
        choices = said.get("choices")
        if type(choices) is list and choices:
            choice = choices[0]
            if type(choice) is not dict:
                raise ProviderFault(FaultKind.MALFORMED)
            self._read_choice(choice, field, events)
        if not self._revision:
            self._revision = text(said, "model")
        if said.get("usage"):
            events.append(Used(usage(part(said, "usage"), self._quirks)))
        return events

    def _read_choice(self, choice: Json, field: str, events: list[Event]) -> None:
        message = part(choice, field)
        words = _words(message.get("content"))
        if words:
            events.append(TextDelta(words))
        elif refusal := text(message, "refusal"):
            self._was_declined = True
            events.append(TextDelta(refusal))
        if message.get("tool_calls"):
            self._read_calls(message, events)
        if events:
            self.has_begun = True
        if events or message.get("reasoning_content") or message.get("reasoning"):
            self.steps += 1
        if choice.get("logprobs"):
            events += _certainty(part(choice, "logprobs"))
        reason = choice.get("finish_reason")
        if reason:
            self._finish(reason)

    def _read_calls(self, message: Json, events: list[Event]) -> None:
        """Calls are numbered as they come, and the id and the name of each are given once.

        Servers that give whole calls leave the index out, or give the same one to all; an id without a name begins no
        call, because some make one up for every piece.
        """
        for call in parts(message, "tool_calls"):
            index, function = call.get("index"), part(call, "function")
            index = index if type(index) is int else None
            call_id, name = text(call, "id"), text(function, "name")
            place = self._place_of.get(index)
            known_id, known_name = ("", "") if place is None else self._calls[place]
            if place is None or (known_id and known_name and name and call_id not in ("", known_id)):
                place = self._place_of[index] = len(self._calls)
                self._calls.append((call_id, name))
            else:
                self._calls[place] = (known_id or call_id, known_name or name)
                call_id, name = "" if known_id else call_id, "" if known_name else name
            events.append(ToolCallDelta(place, call_id, name, text(function, "arguments")))

    def _finish(self, reason: object) -> None:
        known = _REASONS.get(reason) if type(reason) is str else None
        if known is None:
            cut_off = reason in _BROKEN_OFF if type(reason) is str else False
            raise self._broken_off(ProviderFault(FaultKind.UNAVAILABLE if cut_off else FaultKind.MALFORMED))
        self._reason = known
        self.is_complete = True

    def _broken_off(self, fault: ProviderFault) -> ProviderFault:
        """The same fault, or that of an answer which ended in the middle through its provider's doing."""
        is_cut = self.has_begun and fault.blame is Blame.PROVIDER and fault.kind is not FaultKind.MALFORMED
        return ProviderFault(FaultKind.CUT) if is_cut else fault


def _words(content: Any) -> str:
    """The text of a message, which Mistral's thinking models give in pieces; thoughts carry no text of their own."""
    if isinstance(content, list):
        return "".join([text(piece, "text") for piece in content if type(piece) is dict])
    if content is not None and type(content) is not str:
        raise ProviderFault(FaultKind.MALFORMED)
    return content or ""


def _certainty(said: Json) -> Sequence[Certainty]:
    """The sum over the tokens of an answer's text; some servers round a sure one to above zero."""
    logs = [min(log, 0.0) for token in parts(said, "content") if isinstance(log := token.get("logprob"), (int, float))]
    return (Certainty(float(sum(logs)), len(logs)),) if logs else ()
