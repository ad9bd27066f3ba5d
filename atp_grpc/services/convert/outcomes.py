"""Reports from the wire, and what stands for a decision back to it."""

from __future__ import annotations

from typing import cast

from atp_grpc.domain.clock import NANOS_PER_SECOND
from atp_grpc.domain.decision import Lesson
from atp_grpc.domain.outcome import NO_LABELS, Attempt, AttemptError, Report, Usage, field_names
from atp_grpc.learning.rewards import total_cost_nano_usd
from atp_grpc.pb.atp.v1 import decision_service_pb2 as decision_pb
from atp_grpc.pb.atp.v1 import observe_service_pb2 as observe_pb
from atp_grpc.pb.atp.v1 import outcome_pb2 as outcome_pb

ATTEMPT_ERRORS: dict[int, AttemptError | None] = {outcome_pb.ATTEMPT_ERROR_UNSPECIFIED: None} | {
    outcome_pb.AttemptError.Value(f"ATTEMPT_ERROR_{error.name}"): error for error in AttemptError
}
ERROR_NUMBERS = {error: cast("outcome_pb.AttemptError", number) for number, error in ATTEMPT_ERRORS.items()}
_UNKNOWN_USAGE = Usage()
_MOST_NANO_USD = 2**63 - 1
"""What the field holds: nine billion dollars. Sixteen huge attempts at the highest prices would pass it."""


def report(message: observe_pb.ObserveRequest) -> Report:
    """What the report says."""
    labels = message.labels
    return Report(
        message.quality if message.HasField("quality") else None,
        tuple([_attempt(attempt) for attempt in message.attempts]),
        dict(labels) if labels else NO_LABELS,
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
    latency = message.latency if message.HasField("latency") else None
    return Attempt(
        message.model,
        message.deployment,
        ATTEMPT_ERRORS[message.error],
        _usage(message.usage) if message.HasField("usage") else _UNKNOWN_USAGE,
        message.cost_nano_usd if message.HasField("cost_nano_usd") else None,
        None if latency is None else latency.seconds + latency.nanos / NANOS_PER_SECOND,
    )


def _usage(message: outcome_pb.Usage) -> Usage:
    known = message.HasField
    return Usage(
        message.input_tokens if known("input_tokens") else None,
        message.cached_input_tokens if known("cached_input_tokens") else None,
        message.output_tokens if known("output_tokens") else None,
        message.reasoning_tokens if known("reasoning_tokens") else None,
        message.cache_write_input_tokens if known("cache_write_input_tokens") else None,
    )


def usage_message(usage: Usage) -> outcome_pb.Usage:
    """Tokens by class; what is unknown stays absent."""
    return outcome_pb.Usage(
        input_tokens=usage.input_tokens,
        cached_input_tokens=usage.cached_input_tokens,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        cache_write_input_tokens=usage.cache_write_input_tokens,
    )


def _attempt_message(attempt: Attempt) -> outcome_pb.Attempt:
    usage = attempt.usage
    message = outcome_pb.Attempt(
        model=attempt.model,
        deployment=attempt.deployment,
        error=ERROR_NUMBERS[attempt.error],
        cost_nano_usd=attempt.cost_nano_usd,
    )
    if usage != _UNKNOWN_USAGE:
        message.usage.CopyFrom(usage_message(usage))
    if attempt.latency_seconds is not None:
        message.latency.FromNanoseconds(round(attempt.latency_seconds * NANOS_PER_SECOND))
    return message
