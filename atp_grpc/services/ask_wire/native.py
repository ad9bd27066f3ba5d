"""Reading and writing in Rust: requests that are plainly valid and hold nothing but texts, answers without tool calls.

The composition root picks them beside the native engine. Whatever is not of that kind goes to the reference, which
words every refusal; so does whatever fails here. Neither ever decides what is valid by a rule of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.message import DecodeError, Message

from atp_grpc.domain.ask import AskEvent, AskRequest, CacheOutcome, Delta, Final, FinishReason
from atp_grpc.domain.conversation import FREE_CHOICE, PLAIN_TEXT, USUAL_SAMPLING, Prompt, Sampling, TextPart, Turn
from atp_grpc.domain.errors import AtpError
from atp_grpc.domain.outcome import AttemptError
from atp_grpc.domain.request import NO_CONSTRAINTS, Constraints, Objective
from atp_grpc.pb.atp.v1 import generation_pb2, routing_pb2
from atp_grpc.services.convert.answers import CACHE_OUTCOMES, FINISH_REASONS
from atp_grpc.services.convert.asks import CACHE_USES, ON_CUTS, sampling
from atp_grpc.services.convert.conversations import ROLES
from atp_grpc.services.convert.outcomes import ATTEMPT_ERRORS
from atp_grpc.services.convert.requests import constraints, objective
from atp_grpc.services.validation import Validation

try:
    import atp_native
except ImportError:
    atp_native = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from atp_grpc.services.ask_wire.contract import Reader, Writer
    from atp_grpc.services.convert.answers import WholeAnswer

_Part = TypeVar("_Part", bound=Message)
_Value = TypeVar("_Value")


class NativeReader:
    """`Reader` in Rust."""

    def __init__(self, validation: Validation, reference: Reader, *, on_fault: Callable[[BaseException], None]) -> None:
        """`reference` reads what is not plain; `on_fault` hears of what failed."""
        self._validation = validation
        self._reference = reference
        self._on_fault = on_fault
        self._native = atp_native.AskReader(
            self._constraints,
            NO_CONSTRAINTS,
            self._objective,
            self._sampling,
            USUAL_SAMPLING,
            Turn,
            TextPart,
            [ROLES.get(number) for number in range(len(ROLES) + 1)],
        )

    def read(self, payload: bytes) -> AskRequest:
        """The request in the bytes of an `AskRequest`; see `Reader`."""
        try:
            found = self._native.read(payload)
        except atp_native.NativeError as fault:
            self._on_fault(fault)
            found = None
        return self._reference.read(payload) if found is None else _request(found, is_streamed=False)

    def read_streamed(self, payload: bytes) -> AskRequest:
        """The request in the bytes of an `AskStreamRequest`; see `Reader`."""
        try:
            found = self._native.read_streamed(payload)
        except atp_native.NativeError as fault:
            self._on_fault(fault)
            found = None
        return self._reference.read_streamed(payload) if found is None else _request(found, is_streamed=True)

    def _constraints(self, message: bytes) -> tuple[Constraints, bool]:
        return self._plain(routing_pb2.Constraints, message, constraints, NO_CONSTRAINTS)

    def _objective(self, message: bytes) -> tuple[Objective, bool]:
        return self._plain(routing_pb2.Objective, message, objective, None)

    def _sampling(self, message: bytes) -> tuple[Sampling, bool]:
        return self._plain(generation_pb2.Sampling, message, sampling, USUAL_SAMPLING)

    def _plain(
        self, kind: type[_Part], message: bytes, convert: Callable[[_Part], _Value], absent: _Value
    ) -> tuple[_Value, bool]:
        """A part of a request, and whether it breaks no rule."""
        try:
            read = kind.FromString(message)
            self._validation.validate(read)
        except (DecodeError, AtpError):
            return absent, False
        return convert(read), True


def _request(found: atp_native.AskFields, *, is_streamed: bool) -> AskRequest:
    routing, turns, how, request_id, on_cut, cache = found
    prompt = Prompt(turns, (), FREE_CHOICE, PLAIN_TEXT, how, routing.max_output_tokens)
    return AskRequest(prompt, routing, ON_CUTS[on_cut], CACHE_USES[cache], request_id, is_streamed)


class NativeWriter:
    """`Writer` in Rust."""

    def __init__(self, reference: Writer, *, on_fault: Callable[[BaseException], None]) -> None:
        """`reference` writes tool calls and what is rare; `on_fault` hears of what failed."""
        self._reference = reference
        self._on_fault = on_fault
        reasons: dict[int, FinishReason | None] = {number: reason for reason, number in FINISH_REASONS.items()}
        outcomes: dict[int, CacheOutcome] = {number: outcome for outcome, number in CACHE_OUTCOMES.items()}
        errors: list[AttemptError | None] = [ATTEMPT_ERRORS[number] for number in range(len(ATTEMPT_ERRORS))]
        self._native = atp_native.AnswerWriter(
            [reasons.get(number) for number in range(len(reasons) + 1)],
            errors,
            [outcomes[number] for number in range(len(outcomes))],
        )

    def response(self, whole: WholeAnswer) -> bytes:
        """The bytes of an `AskResponse`; see `Writer.response`."""
        final = whole.final
        if final is not None and not whole.has_tool_calls:
            try:
                return self._native.whole(whole.decision, whole.text, final)
            except (atp_native.NativeError, TypeError, ValueError, OverflowError) as fault:
                self._on_fault(fault)
        return self._reference.response(whole)

    def event(self, sequence: int, event: AskEvent) -> bytes:
        """The bytes of an `AskStreamResponse`; see `Writer.event`."""
        try:
            if type(event) is Delta and event.call_index < 0:
                return self._native.delta(sequence, event.text, event.total_characters)
            if type(event) is Final:
                return self._native.end(sequence, event)
        except (atp_native.NativeError, TypeError, ValueError, OverflowError) as fault:
            self._on_fault(fault)
        return self._reference.event(sequence, event)
