"""The small world most scenarios and laws live in: three sets of parameters, five models, six offers, one moment.

Entered by the tests and the stories. Helpers take changes by field name, so a test states only what matters to it.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from atp_grpc.engine.checkpoint import ArmRecord
from atp_grpc.engine.contract import Arm, EngineParameters, Offer, Outcome, Query
from atp_grpc.engine.self_test import pack

NOW: Final = 1_800_000_000_000_000_000
HOUR: Final = 3_600_000_000_000

FLAGS: Final = EngineParameters(
    pool="shop/default", schema_id="flags.v1", dimension=15, cost_scale_nano_usd=2e6, latency_scale_seconds=10.0
)
TEXT: Final = dataclasses.replace(FLAGS, schema_id="text.v1", dimension=47)
OWN: Final = EngineParameters(
    pool="büro/eigen", schema_id="own.v3", dimension=3, cost_scale_nano_usd=5e5, latency_scale_seconds=4.0
)
ARMS: Final = (
    Arm("tiny"),
    Arm("small", prior_quality=0.8, prior_output_tokens=180.0),
    Arm("medium", prior_latency_seconds=2.5),
    Arm("groß", prior_quality=0.9, prior_failure_rate=0.05),
    Arm("giant", prior_output_tokens=700.0, prior_latency_seconds=6.0),
)
OFFERS: Final = (
    Offer(0, 50_000_000, 200_000_000),
    Offer(1, 150_000_000, 600_000_000),
    Offer(2, 500_000_000, 1_500_000_000),
    Offer(2, 400_000_000, 1_700_000_000),
    Offer(3, 2_500_000_000, 10_000_000_000),
    Offer(4, 15_000_000_000, 75_000_000_000),
)
EVERYONE: Final = (0, 1, 3, 4, 5)


def graded(count: float = 0.0, reward: float = 0.0) -> ArmRecord:
    """What is known, in three dimensions, of an arm graded so often, and so well in sum, on prompts of zeros."""
    none = (0.0,)
    return ArmRecord((count, *none * 9), (reward, *none * 3), none * 10, none * 4, none * 6)


BLANK: Final = {arm.name: graded() for arm in ARMS}
"""The five models in a state of three dimensions that knows their names and nothing else."""


def query(**changes: object) -> Query:
    fields: dict[str, object] = {
        "generation": 1,
        "candidates": EVERYONE,
        "seed": 7,
        "now_nanos": NOW,
        "input_tokens": 220.0,
        "cost_weight": 0.1,
    }
    return Query(**{**fields, **changes})  # type: ignore[arg-type]


def outcome(sequence: int, /, **changes: object) -> Outcome:
    fields: dict[str, object] = {
        "arm": "tiny",
        "replica": "r1",
        "sequence": sequence,
        "decided_nanos": NOW,
        "now_nanos": NOW,
        "features": pack([0.5, -1.0, 2.0]),
    }
    return Outcome(**{**fields, **changes})  # type: ignore[arg-type]
