"""Whether logged propensities are what they claim to be.

`score` enters here with all runs. A single weight says nothing; only the mean of many does, and nothing here estimates
what another policy would have earned.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from atp_grpc.replay.grading.runs import Run


@dataclass(frozen=True, slots=True)
class Importance:
    """Mean weight (1 / models) / propensity over all choices, its standard error, and their number.

    The expectation is exactly 1 where propensities are true and every model could be drawn every time (Horvitz and
    Thompson 1952). A policy that gives some models no chance stays below 1 by their share.
    """

    mean: float
    standard_error: float
    n: int


def importance(runs: Iterable[Run], models: int) -> Importance:
    """Weighs every choice of every run towards the uniform choice among so many models."""
    weights = np.concatenate([1.0 / (models * run.propensities) for run in runs])
    n = len(weights)
    spread = float(weights.std(ddof=1)) if n > 1 else math.nan
    return Importance(float(weights.mean()), spread / math.sqrt(n), n)
