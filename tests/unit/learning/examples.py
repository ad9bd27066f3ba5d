"""Lessons, reports and observations to build tests from."""

from __future__ import annotations

import struct

from atp_grpc.domain.decision import Lesson, Revisions
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.outcome import NewObservation, Observation, Report
from atp_grpc.domain.request import FeatureVector

NOW = 1_700_000_000_000_000_000
WEEK = 7 * 24 * 3600 * 1_000_000_000


def lesson(decision_id: str = "d1", *, tenant: str = "acme", model: str = "small", first: float = 0.5) -> Lesson:
    return Lesson(
        tenant=tenant,
        decision_id=decision_id,
        decided_nanos=NOW,
        expires_nanos=NOW + WEEK,
        model=model,
        deployment=f"{model}@one",
        features=FeatureVector("acme.v1", struct.pack("<2f", first, 0.25)),
        propensity=0.75,
        predicted_mean=0.6,
        predicted_linear=0.7,
        input_tokens=100.0,
        prices=TokenPrices(input=1_000_000_000, output=4_000_000_000),
        revisions=Revisions("default", 1, 1, 0),
    )


def report_of(decision_id: str, report: Report, *, model: str = "small") -> NewObservation:
    return NewObservation(lesson(decision_id, model=model), report, NOW + 1)


def observation(recorded: Report, standing: Report | None = None, *, sequence: int = 1) -> Observation:
    return Observation("r1", sequence, lesson(), recorded, standing or Report(), NOW + 1)
