"""Whether a log can say anything of a target: figures first, then an answer or a refusal with its cause.

The evaluator enters here with what it has tallied. The bars are those of the study in `docs/evaluation.md`: below them
intervals stop holding what they promise. A refusal carries the figures and never an estimate.
"""

from __future__ import annotations

import enum
import math
from typing import Final, NamedTuple

from atp_grpc.learning.evaluation.estimates import LEAST_EFFECTIVE, Footing
from atp_grpc.learning.evaluation.tally import Tally

MOST_UNSUPPORTED: Final = 0.1
"""Largest share of a target on models that could not be drawn."""


class TooThin(enum.StrEnum):
    """Why there is no answer."""

    NOTHING_GRADED = "nothing_graded"
    """Of no decision the outcome is known."""
    UNSUPPORTED = "unsupported"
    """The target chooses models that could not be drawn."""
    FEW_EFFECTIVE = "few_effective"
    """Too few decisions did what the target would have done, or one or few of them count for nearly all."""


class Overlap(NamedTuple):
    """How much of a log speaks of a target.

    Of all decisions: their number, the share (0..1) without an outcome, and how far the mean weight is from what true
    propensities make it, in standard errors (more than 3 is a sign that they are not). Of the graded ones: their
    number, and the footing of the estimate. `unsupported_share` is the target's on models that could not be drawn: of
    all decisions or of the graded ones, whichever is more.
    """

    decisions: int
    graded: int
    ungraded_share: float
    unsupported_share: float
    mean_weight: float
    weight_deviation: float
    kish: float
    footing: Footing


NO_FOOTING: Final = Footing(0.0, 1.0, 1.0, 0.0)


def overlap_of(tally: Tally, footing: Footing) -> Overlap:
    """The figures of a tally, with the footing of its estimate."""
    totals, draws = tally.totals, tally.draws
    decisions = max(totals.decisions, 1.0)
    unsupported = totals.unsupported / decisions
    spread, weight, square = totals.imbalance_spread, float(draws.weight.sum()), float(draws.square.sum())
    return Overlap(
        decisions=int(totals.decisions),
        graded=int(totals.graded),
        ungraded_share=1.0 - totals.graded / decisions,
        unsupported_share=max(unsupported, 1.0 - totals.supported / totals.graded if totals.graded else 0.0, 0.0),
        mean_weight=1.0 - unsupported + totals.imbalance / decisions,
        weight_deviation=totals.imbalance / math.sqrt(spread) if spread > 0.0 else 0.0,
        kish=weight * weight / square if square > 0.0 else 0.0,
        footing=footing,
    )


def judge(overlap: Overlap) -> TooThin | None:
    """Why the figures carry no answer, or None when they do."""
    if not overlap.graded:
        return TooThin.NOTHING_GRADED
    if overlap.unsupported_share > MOST_UNSUPPORTED:
        return TooThin.UNSUPPORTED
    if overlap.footing.effective < LEAST_EFFECTIVE:
        return TooThin.FEW_EFFECTIVE
    return None
