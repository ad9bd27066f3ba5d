"""Estimates from a tally: doubly robust with a cut of the largest weights, plain inverse weights, and these normalised.

The evaluator enters here when it is asked for an answer, as often as it likes. Whether there is enough to answer at all
is judged elsewhere (`overlap`). An estimate speaks of the very requests of the log, not of others that may come: what
is uncertain is what the models that were not drawn would have made of them. `docs/evaluation.md` derives it.

Sources: Dudik, Langford and Li, *Doubly robust policy evaluation and learning*, ICML 2011; Wang, Agarwal and Dudik,
*Optimal and adaptive off-policy evaluation in contextual bandits*, ICML 2017 (predictions alone where weights are
large, SWITCH); Swaminathan and Joachims, *The self-normalized estimator*, NeurIPS 2015; Horvitz and Thompson 1952.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from atp_grpc.learning.evaluation.student import quantile
from atp_grpc.learning.evaluation.tally import CLASSES, Tally, Vector

MOST_EXTRAPOLATED: Final = 0.1
"""Largest share of a target's choices that may be judged by predictions alone."""
LEAST_EFFECTIVE: Final = 20.0
"""Fewest effective decisions an estimate may rest on."""


class Estimate(NamedTuple):
    """A mean over the graded decisions, its standard error, and the ends of its interval."""

    value: float
    standard_error: float
    low: float
    high: float

    def less(self, known: float) -> Estimate:
        """The estimate less a figure that is known for certain."""
        return Estimate(self.value - known, self.standard_error, self.low - known, self.high - known)


class Footing(NamedTuple):
    """What a doubly robust estimate rests on.

    `effective` is how many decisions with equal weights would tell as much (Kish 1965): the fewer of those that were to
    be expected from the propensities and those that came. `largest_share` is that of one decision in all weight; of so
    many effective ones none can have more than a share of 1 / sqrt(`effective`). `extrapolated` is the target's share
    whose outcomes are left to predictions: where weights are not below `below`.
    """

    effective: float
    largest_share: float
    extrapolated: float
    below: float


class Answer(NamedTuple):
    """The doubly robust estimate of the target, that of its difference to the logging policy, and their footing."""

    value: Estimate
    difference: Estimate
    footing: Footing


def inverse_weights(tally: Tally, level: float) -> Estimate:
    """The mean of weighted outcomes (IPS); its interval is that of a sample mean."""
    totals = tally.totals
    mean = totals.weighted / totals.supported
    spread = max(totals.weighted_square - totals.weighted**2 / totals.graded, 0.0)
    return _around(mean, math.sqrt(spread) / totals.supported, quantile(level, math.inf))


def normalised(tally: Tally, level: float) -> Estimate | None:
    """The weighted mean of outcomes (SNIPS); None when no weight was drawn at all."""
    totals, weight = tally.totals, float(tally.draws.weight.sum())
    if weight <= 0.0:
        return None
    mean = totals.weighted / weight
    square = float(tally.draws.square.sum())
    spread = totals.weighted_square - 2.0 * mean * totals.square_weighted + mean * mean * square
    return _around(mean, math.sqrt(max(spread, 0.0)) / weight, quantile(level, math.inf))


def doubly_robust(tally: Tally, level: float) -> Answer | None:
    """Predictions, corrected by weighted surprises; None when the draws hold nothing of the target.

    Weights above a cut are left out, and the interval is widened by as much as predictions may be wrong there. The cut
    is the one with the narrowest interval among those that leave out little and rest on enough.
    """
    cuts = (_cut(tally, int(at), level) for at in np.flatnonzero(tally.candidates.share))
    allowed = [cut for cut in cuts if cut is not None and cut.extrapolated <= MOST_EXTRAPOLATED]
    if not allowed:
        return None
    cut = min(allowed, key=lambda cut: (cut.effective < LEAST_EFFECTIVE, cut.half_width))
    totals, kept, beyond = tally.totals, slice(cut.at + 1), slice(cut.at + 1, None)
    correction = float(tally.draws.correction[kept].sum())
    value = (totals.predicted + correction) / totals.supported
    logged = (totals.logged_predicted + totals.surprise) / totals.supported
    gap = float(tally.candidates.gap[kept].sum() + tally.candidates.gap_beyond[beyond].sum())
    gap_error = math.sqrt(max(cut.misfit, _gap_misfit(tally, kept, beyond)) * gap) / totals.supported
    return Answer(
        _around(value, cut.standard_error, cut.quantile, cut.bias),
        _around(value - logged, gap_error, cut.quantile, cut.bias),
        Footing(cut.effective, cut.largest_share, cut.extrapolated, _end(cut.at)),
    )


class _Cut(NamedTuple):
    """What an estimate would rest on if the weights above class `at` were left out."""

    at: int
    misfit: float
    standard_error: float
    quantile: float
    bias: float
    effective: float
    largest_share: float
    extrapolated: float

    @property
    def half_width(self) -> float:
        return self.quantile * self.standard_error + self.bias


def _cut(tally: Tally, at: int, level: float) -> _Cut | None:
    candidates, draws, supported = tally.candidates, tally.draws, tally.totals.supported
    kept = slice(at + 1)
    weight, share = float(draws.weight[kept].sum()), float(candidates.share[kept].sum())
    if weight <= 0.0 or share <= 0.0:
        return None
    misfit = _misfit(tally, kept)
    spread, fourth = float(candidates.spread[kept].sum()), float(candidates.fourth[kept].sum())
    # Of how few draws the spread consists, so many degrees of freedom has its estimate.
    freedom = spread**2 / fourth if fourth > 0.0 else math.inf
    beyond = float(candidates.reach[at + 1 :].sum())
    return _Cut(
        at,
        misfit,
        math.sqrt(misfit * spread) / supported,
        quantile(level, freedom),
        math.sqrt(misfit) * beyond / supported,
        min(weight**2 / float(draws.square[kept].sum()), share**2 / float(candidates.square[kept].sum())),
        float(tally.largest[kept].max()) / weight,
        float(candidates.share[at + 1 :].sum()) / supported,
    )


def _end(at: int) -> float:
    """The weight at which a class ends; the last one has no end."""
    return math.inf if at == CLASSES - 1 else 2.0**at


def _misfit(tally: Tally, kept: slice) -> float:
    """Mean square of surprises by their scale: the largest of three readings.

    Of the kept draws, by weight and by its square, as surprises enter the error; and of all by the square, because
    predictions that were wrong where weights were cut off may be all that is wrong.
    """
    draws = tally.draws
    return max(
        _ratio(draws.surprise[kept], draws.weight[kept]),
        _ratio(draws.heavy[kept], draws.heavy_scale[kept]),
        _ratio(draws.heavy, draws.heavy_scale),
    )


def _gap_misfit(tally: Tally, kept: slice, beyond: slice) -> float:
    """The same of the difference, which also rests on models that the target does not want."""
    draws = tally.draws
    scale = float(draws.gap_scale[kept].sum() + draws.gap_beyond_scale[beyond].sum())
    return float(draws.gap[kept].sum() + draws.gap_beyond[beyond].sum()) / scale if scale > 0.0 else 0.0


def _ratio(above: Vector, below: Vector) -> float:
    divisor = float(np.sum(below))
    return float(np.sum(above)) / divisor if divisor > 0.0 else 0.0


def _around(value: float, standard_error: float, errors: float, bias: float = 0.0) -> Estimate:
    half = errors * standard_error + bias
    return Estimate(value, standard_error, value - half, value + half)
