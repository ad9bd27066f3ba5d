"""Reports from the wire, and what stands for a decision back to it."""

from __future__ import annotations

from typing import cast

from atp_grpc.domain.clock import NANOS_PER_SECOND
from atp_grpc.domain.decision import Lesson
from atp_grpc.domain.outcome import Attempt, AttemptError, Recorded, Report, Usage, field_names
from atp_grpc.learning.observer import Reference
from atp_grpc.learning.rewards import total_cost_nano_usd
from atp_grpc.pb.atp.v1 import decision_service_pb2 as decision_pb
from atp_grpc.pb.atp.v1 import observe_service_pb2 as observe_pb
from atp_grpc.pb.atp.v1 import outcome_pb2 as outcome_pb

ATTEMPT_ERRORS: dict[int, AttemptError | None] = {outcome_pb.ATTEMPT_ERROR_UNSPECIFIED: None} | {
    outcome_pb.AttemptError.Value(f"ATTEMPT_ERROR_{error.name}"): error for error in AttemptError
}
_ERROR_NUMBERS = {error: cast("outcome_pb.AttemptError", number) for number, error in ATTEMPT_ERRORS.items()}
_UNKNOWN_USAGE = Usage()
_MOST_NANO_USD = 2**63 - 1
"""What the field holds: nine billion dollars. Sixteen huge attempts at the highest prices would pass it."""


def reference(message: observe_pb.ObserveRequest) -> Reference:
    """How the report names its decision."""
    if message.WhichOneof("decision") == "feedback_token":
        return Reference(token=message.feedback_token)
    return Reference(decision_id=message.decision_id)


def report(message: observe_pb.ObserveRequest) -> Report:
    """What the report says."""
    return Report(
        quality=message.quality if message.HasField("quality") else None,
        attempts=tuple([_attempt(attempt) for attempt in message.attempts]),
        labels=dict(message.labels),
    )


def observe_response(lesson: Lesson, recorded: Recorded) -> observe_pb.ObserveResponse:
    """The acknowledgement."""
    observation = recorded.observation
    return observe_pb.ObserveResponse(
        decision_id=lesson.decision_id,
        recorded_fields=recorded.recorded_fields,
        unchanged_fields=recorded.unchanged_fields,
        replica="" if observation is None else observation.replica,
        sequence=0 if observation is None else observation.sequence,
    )


def outcome(standing: Report, lesson: Lesson) -> decision_pb.Outcome | None:
    """What has been observed, or None while nothing has."""
    if not field_names(standing):
        return None
    cost = total_cost_nano_usd(standing, lesson)
    return decision_pb.Outcome(
        quality=standing.quality,
        attempts=[_attempt_message(attempt) for attempt in standing.attempts],
        labels=standing.labels,
        cost_nano_usd=None if cost is None else min(cost, _MOST_NANO_USD),
    )


def _attempt(message: outcome_pb.Attempt) -> Attempt:
    return Attempt(
        model=message.model,
        deployment=message.deployment,
        error=ATTEMPT_ERRORS[message.error],
        usage=_usage(message.usage),
        cost_nano_usd=message.cost_nano_usd if message.HasField("cost_nano_usd") else None,
        latency_seconds=(
            message.latency.seconds + message.latency.nanos / NANOS_PER_SECOND if message.HasField("latency") else None
        ),
    )


def _usage(message: outcome_pb.Usage) -> Usage:
    return Usage(
        input_tokens=message.input_tokens if message.HasField("input_tokens") else None,
        cached_input_tokens=message.cached_input_tokens if message.HasField("cached_input_tokens") else None,
        output_tokens=message.output_tokens if message.HasField("output_tokens") else None,
        reasoning_tokens=message.reasoning_tokens if message.HasField("reasoning_tokens") else None,
    )


def _attempt_message(attempt: Attempt) -> outcome_pb.Attempt:
    usage = attempt.usage
    message = outcome_pb.Attempt(
        model=attempt.model,
        deployment=attempt.deployment,
        error=_ERROR_NUMBERS[attempt.error],
        cost_nano_usd=attempt.cost_nano_usd,
    )
    if usage != _UNKNOWN_USAGE:
        message.usage.CopyFrom(
            outcome_pb.Usage(
                input_tokens=usage.input_tokens,
                cached_input_tokens=usage.cached_input_tokens,
                output_tokens=usage.output_tokens,
                reasoning_tokens=usage.reasoning_tokens,
            )
        )
    if attempt.latency_seconds is not None:
        message.latency.FromNanoseconds(round(attempt.latency_seconds * NANOS_PER_SECOND))
    return message
