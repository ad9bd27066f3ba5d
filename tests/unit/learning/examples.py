"""Lessons, reports and observations to build tests from."""

from __future__ import annotations

import struct

from atp_grpc.domain.decision import Lesson, Revisions
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.outcome import NewObservation, Observation, Report
from atp_grpc.domain.request import FeatureVector
from atp_grpc.engine.checkpoint import decode
from atp_grpc.engine.merging import merge

NOW = 1_700_000_000_000_000_000
WEEK = 7 * 24 * 3600 * 1_000_000_000

# What version 1 of the feedback token sealed of `FIRST_LESSON`, before there were holds.
FIRST_VERSION = bytes.fromhex(
    "0100002a36fe9c971701002a36fe9c9717000000000000d03f000000000000e03f000000000000e83f000000000000294001"
    "000000000000000200000000000000ffffffffffffffff040000000000000001000000000000000200000000000000030000"
    "0000000000030005000b00080007000800642d316c617267656c61726765406e6f727468666c6167732e763164656661756c"
    "740000803f00000040"
)
# What version 2 sealed of `SECOND_LESSON`, before writing a provider's cache had a price.
SECOND_VERSION = bytes.fromhex(
    "0200002a36fe9c971701002a36fe9c9717000000000000d03f000000000000e03f000000000000e83f000000000000294001"
    "000000000000000200000000000000ffffffffffffffff040000000000000001000000000000000200000000000000030000"
    "0000000000e803000000000000030005000b00080007000800642d316c617267656c61726765406e6f727468666c6167732e"
    "763164656661756c740000803f00000040"
)
FIRST_LESSON = Lesson(
    tenant="acme",
    decision_id="d-1",
    decided_nanos=NOW,
    expires_nanos=NOW + 1,
    model="large",
    deployment="large@north",
    features=FeatureVector("flags.v1", struct.pack("<2f", 1.0, 2.0)),
    propensity=0.25,
    predicted_mean=0.5,
    predicted_linear=0.75,
    input_tokens=12.5,
    prices=TokenPrices(1, 2, None, 4),
    revisions=Revisions("default", 1, 2, 3),
    hold_nano_usd=0,
)
SECOND_LESSON = FIRST_LESSON._replace(hold_nano_usd=1000)


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
        hold_nano_usd=180_000,
    )


def report_of(decision_id: str, report: Report, *, model: str = "small") -> NewObservation:
    return NewObservation(lesson(decision_id, model=model), report, NOW + 1)


def whole(state: bytes) -> list[float]:
    """Every sum of a learned state, and what its arms have in common as those sums say it, whenever it was read."""
    return list(decode(merge([state])).numbers())


def observation(recorded: Report, standing: Report | None = None, *, sequence: int = 1) -> Observation:
    return Observation("r1", sequence, lesson(), recorded, standing or Report(), NOW + 1)
