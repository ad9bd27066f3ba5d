"""One decision as an estimator sees it: shares of the target, propensities, predictions, and the outcome if known.

The evaluator makes them from logged decisions; `tally` adds them up. Predictions are the logged ones, made before the
outcome, so that they may serve as they are. Nothing here knows a model's name.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import NamedTuple

from atp_grpc.domain.decision import Decision


class Figure(enum.StrEnum):
    """What is estimated: mean quality (0..1), counting a failure as 0, or mean cost in nano-US-dollars."""

    QUALITY = "quality"
    COST = "cost"


class Foreseen(NamedTuple):
    """What was known before a decision's outcome, whatever is estimated; sequences follow the candidates."""

    shares: Sequence[float]
    propensities: Sequence[float]
    drawn: int


class Sample(NamedTuple):
    """A decision's part in an estimate: `predictions` follow the candidates; `outcome` None is unknown."""

    foreseen: Foreseen
    predictions: Sequence[float]
    outcome: float | None


def samples_of(
    decision: Decision, shares: Sequence[float], quality: float | None, cost_nano_usd: float | None
) -> tuple[Sample, Sample]:
    """A decision's part in the estimate of each figure, in their order, with what is known of its outcome."""
    # A log is long: this is the cheapest way to turn candidates on their side.
    _, expected, _, propensities = zip(*decision.candidates, strict=True)
    qualities, costs, _, failure_rates = zip(*expected, strict=True)
    foreseen = Foreseen(shares, propensities, decision.chosen)
    success = [(1.0 - rate) * good for rate, good in zip(failure_rates, qualities, strict=True)]
    return Sample(foreseen, success, quality), Sample(foreseen, costs, cost_nano_usd)
