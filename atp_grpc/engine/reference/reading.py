"""Estimates at a moment: learned sums and priors turned into means, slopes and posterior widths.

Entered by the engine for each choice and summary. Every estimate is a pure function of (state, tick, priors); the table
kept here is only a cache of it, dropped row by row as arms learn. It never changes what was learned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Arm
    from atp_grpc.engine.reference.statistics import ArmStatistics, PoolStatistics

FAILURE_PRIOR_COUNT: Final = 4.0
"""Observations that the prior failure rate is worth; the other priors are worth one."""

PIVOT_RESOLUTION: Final = 2.0**-32
"""Smallest pivot, against its diagonal entry, at which plain Cholesky keeps more than half of its digits."""

RIDGE: Final = 2.0**-40
"""Share of its diagonal added to a matrix with smaller pivots; rounding reaches 2^-43 of it at dimension 512."""

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimates:
    """Estimates of some arms at one tick, one row per arm.

    `evidence` counts the observations behind a mean, the prior among them; variances are in units of the residual one.
    """

    slopes: Vector
    inverse_factors: Vector
    mean: Vector
    evidence: Vector
    output_tokens: Vector
    latency_seconds: Vector
    failure_rate: Vector

    @classmethod
    def blank(cls, count: int, size: int) -> Estimates:
        """Room for `count` arms with `size` coefficients each."""
        return cls(np.zeros((count, size)), np.zeros((count, size, size)), *(np.zeros(count) for _ in range(5)))

    def rows(self, arms: Sequence[int]) -> Estimates:
        """The rows of some arms, in the given order."""
        index = np.asarray(arms, dtype=np.intp)
        return Estimates(*(getattr(self, name)[index] for name in self.__slots__))

    def linear(self, vector: Vector) -> tuple[Vector, Vector]:
        """Prediction of the linear model and its variance for one feature vector (with its leading 1)."""
        deviations = self.inverse_factors @ vector
        return self.slopes @ vector, np.einsum("ij,ij->i", deviations, deviations)


class ReadingTable:
    """Caches the estimates of the loaded arms; rows are computed when first needed."""

    def __init__(self, statistics: PoolStatistics, slope_precision: float) -> None:
        self._statistics = statistics
        self._slope_precision = slope_precision
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
        scale = self._scale
        learned = self._statistics.arms.get(arm.name)
        prior = np.full(self._statistics.size, self._slope_precision)
        prior[0] = 1.0
        table = self._estimates
        if learned is None:
            table.slopes[position] = 0.0
            table.slopes[position, 0] = arm.prior_quality
            table.inverse_factors[position] = np.diag(1.0 / np.sqrt(prior))
            table.mean[position] = arm.prior_quality
            table.evidence[position] = 1.0
            table.output_tokens[position] = arm.prior_output_tokens
            table.latency_seconds[position] = arm.prior_latency_seconds
            table.failure_rate[position] = arm.prior_failure_rate
        else:
            rewards = scale * learned.rewards
            rewards[0] += arm.prior_quality
            inverse = _inverse_factor(scale * learned.moments + np.diag(prior))
            evidence = scale * float(learned.moments[0, 0]) + 1.0
            table.slopes[position] = inverse.T @ (inverse @ rewards)
            table.inverse_factors[position] = inverse
            table.mean[position] = float(rewards[0]) / evidence
            table.evidence[position] = evidence
            table.output_tokens[position] = _shrunk(
                scale, learned.token_sum, learned.token_count, arm.prior_output_tokens
            )
            table.latency_seconds[position] = _shrunk(
                scale, learned.latency_sum, learned.latency_count, arm.prior_latency_seconds
            )
            table.failure_rate[position] = _shrunk(
                scale, learned.failure_sum, learned.failure_count, arm.prior_failure_rate, FAILURE_PRIOR_COUNT
            )
        self._fresh[position] = True


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


def _inverse_factor(precision: Vector) -> Vector:
    """A matrix W with WT W = the inverse of a positive definite matrix.

    Large, almost collinear features can leave directions that rounding has swallowed. Then a ridge relative to the
    diagonal is added, far above rounding and far below evidence: it shrinks what cannot be told apart, which would
    otherwise blow up, and the factorisation cannot fail.
    """
    factor = _resolved_cholesky(precision)
    if factor is None:
        factor = _cholesky(precision + RIDGE * np.diag(np.diagonal(precision)))
    # On an upper triangle the general solver never exchanges rows, which makes it plain back substitution.
    return np.asarray(np.linalg.solve(factor.T, np.eye(len(precision))).T, np.float64)


def _resolved_cholesky(precision: Vector) -> Vector | None:
    """The lower Cholesky factor, or None when a pivot is too small against its diagonal entry to be believed."""
    try:
        factor = _cholesky(precision)
    except np.linalg.LinAlgError:
        return None
    is_resolved = np.square(np.diagonal(factor)) >= PIVOT_RESOLUTION * np.diagonal(precision)
    return factor if bool(is_resolved.all()) else None


def _cholesky(matrix: Vector) -> Vector:
    return np.asarray(np.linalg.cholesky(matrix), np.float64)
