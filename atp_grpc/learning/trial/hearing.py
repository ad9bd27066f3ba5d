"""What an observation says of the two sides of a trial: a pure function of it, so that a replay hears the same.

`Trials` enters here with every observation. A request counts for a side when no caller chose its policy, and when that
version of the side decided it after the trial had begun. What counts is what became of the request: what all of its
attempts cost, and the grade of whatever answered. It judges nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from atp_grpc.domain.decision_id import was_dealt
from atp_grpc.domain.outcome import Attempt, Observation
from atp_grpc.learning.rewards import total_cost_nano_usd
from atp_grpc.learning.trial.evidence import Heard
from atp_grpc.learning.trial.terms import Side


class Sides(NamedTuple):
    """Who is on trial: (policy, version) of both, since when."""

    champion: tuple[str, int]
    challenger: tuple[str, int]
    since_nanos: int


def heard_of(observation: Observation, sides: Sides) -> Heard | None:
    """What a trial hears; None when the observation does not concern it, or says nothing that counts."""
    lesson, recorded, standing = observation.lesson, observation.recorded, observation.standing
    side = _side(lesson.revisions[:2], sides)
    if side is None or lesson.decided_nanos < sides.since_nanos or not was_dealt(lesson.decision_id):
        return None
    attempts = recorded.attempts
    if recorded.quality is None and not attempts:
        return None
    return Heard(
        side,
        quality=recorded.quality,
        cost_nano_usd=total_cost_nano_usd(recorded, lesson),
        has_failed=_has_failed(attempts),
        latency_seconds=_latency_seconds(attempts),
        is_first=standing.quality is None and not standing.attempts,
    )


def _side(decided_by: tuple[str, int], sides: Sides) -> Side | None:
    if decided_by == sides.challenger:
        return Side.CHALLENGER
    return Side.CHAMPION if decided_by == sides.champion else None


def _has_failed(attempts: tuple[Attempt, ...]) -> bool | None:
    """Whether nobody answered; None when that is not known, or was the caller's own doing."""
    if not attempts:
        return None
    if any(attempt.error is None for attempt in attempts):
        return False
    return True if any(attempt.error is not None and attempt.error.blames_model for attempt in attempts) else None


def _latency_seconds(attempts: tuple[Attempt, ...]) -> float | None:
    """How long it took until there was an answer; None without one, because a quick failure is not quick service."""
    if not any(attempt.error is None for attempt in attempts):
        return None
    total = 0.0
    for attempt in attempts:
        if attempt.latency_seconds is None:
            return None
        total += attempt.latency_seconds
    return total
