"""Trials, what they hear, and observations of both sides to build tests from."""

from __future__ import annotations

import random
from collections.abc import Iterator

from atp_grpc.domain.decision import Revisions
from atp_grpc.domain.decision_id import decision_id
from atp_grpc.domain.outcome import Attempt, Observation, Report
from atp_grpc.learning.trial.evidence import Heard
from atp_grpc.learning.trial.hearing import Sides
from atp_grpc.learning.trial.terms import Side, TrialTerms
from tests.unit.learning.examples import NOW, lesson

SHARE = 0.5
TERMS = TrialTerms("fast", SHARE, max_requests=20_000, hold=50)
SIDES = Sides(("default", 1), ("fast", 3), NOW)


def heard(
    count: int,
    *,
    seed: int = 1,
    share: float = SHARE,
    better: float = 0.0,
    cost_ratio: float = 1.0,
    more_failures: float = 0.0,
    quality: float = 0.6,
) -> Iterator[Heard]:
    """Outcomes of both sides; the challenger's are as much better, dearer and unluckier as is said."""
    chance = random.Random(seed)
    for _ in range(count):
        side = Side(chance.random() < share)
        is_new = side is Side.CHALLENGER
        yield Heard(
            side,
            quality=float(chance.random() < quality + better * is_new),
            cost_nano_usd=chance.lognormvariate(10.0, 0.5) * (cost_ratio if is_new else 1.0),
            has_failed=chance.random() < 0.01 + more_failures * is_new,
            latency_seconds=chance.expovariate(1.0),
        )


def observed(
    number: int,
    side: tuple[str, int] = ("fast", 3),
    *,
    quality: float | None = 1.0,
    attempts: tuple[Attempt, ...] = (),
    standing: Report | None = None,
    is_dealt: bool = True,
    decided_nanos: int = NOW,
    sequence: int | None = None,
) -> Observation:
    """An observation of a decision of a policy's version."""
    name = decision_id(decided_nanos, number << 1, is_dealt=is_dealt)
    made = lesson(name)._replace(revisions=Revisions(*side, 1, 0), decided_nanos=decided_nanos)
    report = Report(quality=quality, attempts=attempts)
    return Observation("r1", number if sequence is None else sequence, made, report, standing or Report(), NOW + 1)
