"""Estimates at a moment: learned sums and priors turned into means, slopes and posterior widths.

Entered by the engine for each choice and summary. Every estimate is a pure function of (state, tick, priors); the table
kept here is only a cache of it, dropped row by row as arms learn. It never changes what was learned.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from atp_grpc.engine.checkpoint import leading_size
from atp_grpc.engine.reference.factor import Vector, inverse_factor
from atp_grpc.engine.reference.lengths import expected_lengths
from atp_grpc.engine.reference.statistics import ArmStatistics

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Arm, EngineParameters
    from atp_grpc.engine.reference.statistics import PoolStatistics

FAILURE_PRIOR_COUNT: Final = 4.0
"""Observations that the prior failure rate is worth; the other priors are worth one."""

PAIR_LIMIT: Final = 1000
"""Most pairs of arms that shrinkage counts."""

TAIL_QUANTILE: Final = 1.6448536269514722
"""Standard normal quantile of 95 %."""

SPREAD_RESOLUTION: Final = 2.0**-40
"""Share of a mean square below which a variance is rounding, so that what never varies has no tail."""


@dataclass(frozen=True, slots=True)
class Estimates:
    """Estimates of some arms at one tick, one row per arm.

    `evidence` counts the observations behind a mean, the prior among them; variances are in units of the residual one.
    `output_tokens` and `latency_seconds` are means, `lengths` the coefficients of the answer length, and
    `latency_tail` the 95th percentile.
    """

    slopes: Vector
    inverse_factors: Vector
    lengths: Vector
    mean: Vector
    evidence: Vector
    output_tokens: Vector
    latency_seconds: Vector
    latency_tail: Vector
    failure_rate: Vector

    @classmethod
    def blank(cls, count: int, size: int) -> Estimates:
        """Room for `count` arms with `size` coefficients each."""
        rows = (size,), (size, size), (leading_size(size),)
        return cls(*(np.zeros((count, *row)) for row in rows), *(np.zeros(count) for _ in range(6)))

    def rows(self, arms: Sequence[int]) -> Estimates:
        """The rows of some arms, in the given order."""
        index = np.asarray(arms, dtype=np.intp)
        return Estimates(*(getattr(self, name)[index] for name in self.__slots__))

    def linear(self, vector: Vector) -> tuple[Vector, Vector]:
        """Prediction of the linear model and its variance for one feature vector (with its leading 1)."""
        deviations = self.inverse_factors @ vector
        return self.slopes @ vector, np.einsum("ij,ij->i", deviations, deviations)

    def tokens(self, vector: Vector, *, with_context: bool) -> Vector:
        """Expected output tokens for one feature vector (with its leading 1), or the means without context."""
        return expected_lengths(self.lengths, self.output_tokens, vector) if with_context else self.output_tokens


class ReadingTable:
    """Caches the estimates of the loaded arms; rows are computed when first needed."""

    def __init__(self, statistics: PoolStatistics, parameters: EngineParameters) -> None:
        self._statistics = statistics
        self._parameters = parameters
        self._arms: tuple[Arm, ...] = ()
        self._position: dict[str, int] = {}
        self._scale = 1.0
        self._fresh: list[bool] = []
        self._estimates = Estimates.blank(0, statistics.size)

    def load(self, arms: Sequence[Arm]) -> None:
        """Takes the arms (and priors) to read from now on."""
        self._arms = tuple(arms)
        self._position = {arm.name: position for position, arm in enumerate(self._arms)}
        self._estimates = Estimates.blank(len(self._arms), self._statistics.size)
        self.forget()

    def forget(self, name: str | None = None) -> None:
        """Drops the row of an arm, or every row."""
        if name is None:
            self._fresh = [False] * len(self._arms)
        elif name in self._position:
            self._fresh[self._position[name]] = False

    def at(self, tick: int, arms: Sequence[int]) -> Estimates:
        """Estimates of some loaded arms at a tick."""
        scale = self._statistics.scale(tick)
        if scale != self._scale:
            self._scale = scale
            self.forget()
        for position in arms:
            if not self._fresh[position]:
                self._compute(position)
        return self._estimates.rows(arms)

    def _compute(self, position: int) -> None:
        arm = self._arms[position]
        statistics, scale = self._statistics, self._scale
        learned = statistics.arms.get(arm.name) or ArmStatistics.empty(statistics.size)
        table = self._estimates

        precision = shrinkage(self._parameters.slope_precision, len(self._arms))
        prior = np.full(statistics.size, precision)
        prior[0] = 1.0
        inverse = inverse_factor(scale * learned.moments + np.diag(prior))
        evidence = scale * float(learned.moments[0, 0]) + 1.0
        rewards = scale * learned.rewards
        table.mean[position] = (float(rewards[0]) + arm.prior_quality) / evidence
        table.evidence[position] = evidence
        rewards += prior * statistics.common.coefficients
        rewards[0] += arm.prior_quality
        table.slopes[position] = inverse.T @ (inverse @ rewards)
        table.inverse_factors[position] = inverse

        lengths, tokens = learned.lengths, arm.prior_output_tokens
        table.lengths[position] = lengths.coefficients(scale, tokens, self._parameters.token_precision)
        table.output_tokens[position] = lengths.mean(scale, tokens)
        seconds = arm.prior_latency_seconds
        mean = _shrunk(scale, learned.latency_sum, learned.latency_count, seconds)
        square = _shrunk(scale, learned.latency_squares, learned.latency_count, seconds * seconds)
        table.latency_seconds[position] = mean
        table.latency_tail[position] = tail(mean, square)
        table.failure_rate[position] = _shrunk(
            scale, learned.failure_sum, learned.failure_count, arm.prior_failure_rate, FAILURE_PRIOR_COUNT
        )
        self._fresh[position] = True


def shrinkage(slope_precision: float, arms: int) -> float:
    """Prior precision of each slope where so many arms are loaded: `slope_precision` for each pair of them.

    Every pair is one more chance for noise to overturn the order of the means, as in Bonferroni's correction.
    """
    return slope_precision * min(PAIR_LIMIT, max(1, arms * (arms - 1) // 2))


def tail(mean: float, square: float) -> float:
    """95th percentile of a log-normal variable with this mean and mean square (the method of moments)."""
    mean_square = mean * mean
    variance = square - mean_square
    if mean_square == 0.0 or not variance > SPREAD_RESOLUTION * square:
        return mean
    # Held finite where the mean is so small that the ratio is not.
    spread = math.log(1.0 + min(variance / mean_square, sys.float_info.max))
    return mean * math.exp(TAIL_QUANTILE * math.sqrt(spread) - spread / 2.0)


def residual_sd(learned: ArmStatistics, scale: float, coefficients: Vector) -> float:
    """Standard deviation of quality around a linear prediction, from the stored sums.

    `coefficients` are the slopes with context, or the mean followed by zeros without.
    """
    rewards = scale * learned.rewards
    moments = scale * learned.moments
    explained = 2.0 * float(coefficients @ rewards) - float(coefficients @ moments @ coefficients)
    return math.sqrt(max(0.0, (scale * learned.squares - explained) / max(float(moments[0, 0]), 1.0)))


def _shrunk(scale: float, total: float, count: float, prior: float, prior_count: float = 1.0) -> float:
    return (scale * total + prior_count * prior) / (scale * count + prior_count)
