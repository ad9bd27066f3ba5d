"""Sums over decisions from which every estimate is computed: constant memory, added by the thousand, mergeable.

The evaluator enters here with stretches of samples, in any order. Candidates are sorted by their weight, target's share
over propensity, in powers of two, so that what to do about the largest weights can be decided at the end
(`estimates`). Nothing here divides by how much there is, and nothing is estimated.

Symbols of `docs/evaluation.md`: pi a target's share, p a propensity, q a prediction, s the scale its error is measured
in, r the outcome of the drawn candidate, w = pi / p its weight, d = r - q its surprise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from operator import add
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from atp_grpc.learning.evaluation.sample import Figure, Sample

Vector = NDArray[np.float64]

CLASSES: Final = 20
"""Classes of weight: class k holds those from 2^(k-1) up to 2^k, the first also all smaller, the last all larger."""

_LEAST_VARIANCE: Final = 0.02
"""Least variance that is expected of a quality, since a prediction near 0 or 1 may be wrong."""


class CandidateSums(NamedTuple):
    """Sums over the candidates of graded decisions that could be drawn, whichever was, by class of weight."""

    share: Vector
    """pi"""
    reach: Vector
    """pi s: by how much predictions can be wrong that are never compared with an outcome."""
    spread: Vector
    """(pi s)² / p less c²: the variance that drawing adds to the correction at most, for surprises of the size s.

    c is by how much pi s of a candidate is larger than that of all others together, if it is: so much of what draws add
    on average cannot be cancelled by the others, whichever way predictions are wrong. Of a single model it leaves
    (1 - p) / p s².
    """
    fourth: Vector
    """That times (w s)²: how much of the spread comes from how few draws."""
    square: Vector
    """pi² / p, the expected squared weight."""
    gap: Vector
    """(pi - m p)² / p s²: the same spread for the difference to the logging policy; m is the sum of pi."""
    gap_beyond: Vector
    """m² p s²: that where the candidate's outcome is left out of the target's estimate."""


class DrawSums(NamedTuple):
    """Sums over the drawn candidates of graded decisions, by class of weight."""

    weight: Vector
    square: Vector
    """w²"""
    correction: Vector
    """w d"""
    surprise: Vector
    """w (d / s)²"""
    heavy: Vector
    """(w d)²"""
    heavy_scale: Vector
    """(w s)²"""
    gap: Vector
    """((w - m) d)²"""
    gap_scale: Vector
    """((w - m) s)²"""
    gap_beyond: Vector
    """(m d)², for where the candidate's outcome is left out of the target's estimate."""
    gap_beyond_scale: Vector
    """(m s)²"""


class Totals(NamedTuple):
    """Sums over decisions; the first four over all, the others over those that are graded."""

    decisions: float
    unsupported: float
    """Share of the target on models that could not be drawn."""
    imbalance: float
    """w - m, nothing on average where propensities are true."""
    imbalance_spread: float
    """The variance of that."""
    graded: float
    supported: float
    """m"""
    predicted: float
    """sum of pi q"""
    logged_predicted: float
    """m times the sum of p q"""
    surprise: float
    """m d"""
    outcome: float
    weighted: float
    """w r"""
    weighted_square: float
    """(w r)²"""
    square_weighted: float
    """w² r"""


class Tally(NamedTuple):
    """All that is kept of any number of decisions; `largest` is the largest weight that was drawn, in each class."""

    candidates: CandidateSums
    draws: DrawSums
    totals: Totals
    largest: Vector

    def merged(self, other: Tally) -> Tally:
        """The tally of both; the order does not matter."""
        return Tally(
            CandidateSums(*map(add, self.candidates, other.candidates)),
            DrawSums(*map(add, self.draws, other.draws)),
            Totals(*map(add, self.totals, other.totals)),
            np.maximum(self.largest, other.largest),
        )


def _zeros() -> Vector:
    return np.zeros(CLASSES)


NO_DECISIONS: Final = Tally(
    CandidateSums(*(_zeros() for _ in CandidateSums._fields)),
    DrawSums(*(_zeros() for _ in DrawSums._fields)),
    Totals(*(0.0 for _ in Totals._fields)),
    _zeros(),
)


def tally_of(samples: Sequence[Sample], figure: Figure) -> Tally:
    """The tally of a stretch of decisions; about a thousand at once are cheapest."""
    if not samples:
        return NO_DECISIONS
    counts = np.fromiter((len(sample.predictions) for sample in samples), np.intp, len(samples))
    starts = np.cumsum(counts) - counts
    of = np.repeat(np.arange(len(samples)), counts)
    drawn = starts + np.fromiter((sample.foreseen.drawn for sample in samples), np.intp, len(samples))
    # A float array turns None into NaN.
    outcome = np.array([sample.outcome for sample in samples], np.float64)
    is_graded = ~np.isnan(outcome)

    shares = _flat(sample.foreseen.shares for sample in samples)
    p = _flat(sample.foreseen.propensities for sample in samples)
    q = _flat(sample.predictions for sample in samples)
    s = _scale(figure, q, np.add.reduceat(q, starts) / counts, of)
    can_be_drawn = p > 0.0
    p = np.where(can_be_drawn, p, 1.0)
    pi = np.where(can_be_drawn, shares, 0.0)
    w = pi / p
    logged = np.where(can_be_drawn, p, 0.0)
    m = np.add.reduceat(pi, starts)
    kind = np.clip(np.frexp(w)[1], 0, CLASSES - 1)

    candidates = _candidate_sums(is_graded[of], kind, pi, p, w, s, m[of], logged, np.add.reduceat(pi * s, starts)[of])
    square = np.add.reduceat(pi * w, starts)
    g, at = is_graded, drawn[is_graded]
    r, w_drawn = outcome[g], w[at]
    d = r - q[at]
    return Tally(
        candidates,
        _draw_sums(kind[at], w_drawn, d, s[at], m[g]),
        Totals(
            decisions=float(len(samples)),
            unsupported=float((1.0 - m).sum()),
            imbalance=float((w[drawn] - m).sum()),
            imbalance_spread=float((square - m * m).sum()),
            graded=float(g.sum()),
            supported=float(m[g].sum()),
            predicted=float(np.add.reduceat(pi * q, starts)[g].sum()),
            logged_predicted=float((m * np.add.reduceat(logged * q, starts))[g].sum()),
            surprise=float((m[g] * d).sum()),
            outcome=float(r.sum()),
            weighted=float((w_drawn * r).sum()),
            weighted_square=float(((w_drawn * r) ** 2).sum()),
            square_weighted=float((w_drawn**2 * r).sum()),
        ),
        _largest(kind[at], w_drawn),
    )


def _flat(rows: Iterable[Sequence[float]]) -> Vector:
    return np.fromiter(chain.from_iterable(rows), np.float64)


def _scale(figure: Figure, q: Vector, mean: Vector, of: NDArray[np.intp]) -> Vector:
    """How large a surprise is to be expected: of a quality that of a coin, of a cost as much as was predicted.

    A model that is believed to be nearly free may cost what the others do, and no call less than a nano-dollar.
    """
    if figure is Figure.QUALITY:
        return np.sqrt(np.clip(q * (1.0 - q), 0.0, None) + _LEAST_VARIANCE)
    return np.maximum(np.maximum(q, mean[of]), 1.0)


def _candidate_sums(
    is_graded: NDArray[np.bool_],
    kind: NDArray[np.intp],
    pi: Vector,
    p: Vector,
    w: Vector,
    s: Vector,
    m: Vector,
    logged: Vector,
    reach: Vector,
) -> CandidateSums:
    kind, counted = kind[is_graded], is_graded
    pi, p, w, s, m, logged = pi[counted], p[counted], w[counted], s[counted], m[counted], logged[counted]
    certain = np.clip(2.0 * pi * s - reach[counted], 0.0, None)

    def by_class(value: Vector) -> Vector:
        return np.bincount(kind, value, CLASSES).astype(np.float64, copy=False)

    scaled = w * s
    # What is left of two nearly equal squares may be below nothing by the last bits.
    spread = np.clip(scaled * scaled * p - certain * certain, 0.0, None)
    return CandidateSums(
        share=by_class(pi),
        reach=by_class(pi * s),
        spread=by_class(spread),
        fourth=by_class(spread * scaled * scaled),
        square=by_class(pi * w),
        gap=by_class(np.where(logged > 0.0, (w - m) ** 2 * p * s * s, 0.0)),
        gap_beyond=by_class(m * m * logged * s * s),
    )


def _draw_sums(kind: NDArray[np.intp], w: Vector, d: Vector, s: Vector, m: Vector) -> DrawSums:
    def by_class(value: Vector) -> Vector:
        return np.bincount(kind, value, CLASSES).astype(np.float64, copy=False)

    return DrawSums(
        weight=by_class(w),
        square=by_class(w * w),
        correction=by_class(w * d),
        surprise=by_class(w * (d / s) ** 2),
        heavy=by_class((w * d) ** 2),
        heavy_scale=by_class((w * s) ** 2),
        gap=by_class(((w - m) * d) ** 2),
        gap_scale=by_class(((w - m) * s) ** 2),
        gap_beyond=by_class((m * d) ** 2),
        gap_beyond_scale=by_class((m * s) ** 2),
    )


def _largest(kind: NDArray[np.intp], w: Vector) -> Vector:
    largest = _zeros()
    np.maximum.at(largest, kind, w)
    return largest
