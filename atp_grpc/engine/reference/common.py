"""What the arms have in common: one regression within all of them, from which each arm's own slopes depart.

Entered by the statistics, which have it read again after so many graded answers, and by merging, which reads it from
the sums of the whole. Pure functions of sums; an arm's own estimate is the business of `reading`.

Slopes shared by all arms beside those of each are the hybrid model of Li, Chu, Langford and Schapire, "A
contextual-bandit approach to personalized news article recommendation", WWW 2010. Taken from the data and used as the
prior mean of each arm they are empirical Bayes: Efron and Morris, "Stein's estimation rule and its competitors", JASA
1973.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from atp_grpc.engine.checkpoint import MAGNITUDE_LIMIT
from atp_grpc.engine.reference.factor import Vector, inverse_factor_against


@dataclass(slots=True)
class CommonSlopes:
    """The prior that all arms share: `coefficients` = [h0, g], and the graded answers since they were read."""

    coefficients: Vector
    age: int = 0

    @classmethod
    def none(cls, size: int) -> CommonSlopes:
        """Nothing in common. `size` is the feature dimension plus one."""
        return cls(np.zeros(size))


@dataclass(slots=True)
class _Within:
    """Sums over arms of what is around each arm's own mean.

    `scatter` and `trend` are of features and of features by quality, `count` and `total` say where the features lie,
    and `magnitudes` is the diagonal before the means were taken away, against which rounding is judged.
    """

    scatter: Vector
    trend: Vector
    magnitudes: Vector
    total: Vector
    count: float = 0.0

    def add(self, moments: Vector, rewards: Vector) -> None:
        count, around = float(moments[0, 0]), moments[1:, 0]
        self.scatter += moments[1:, 1:] - (around[:, None] * around) / count
        self.trend += rewards[1:] - around * (rewards[0] / count)
        self.magnitudes += np.diagonal(moments)[1:]
        self.total += around
        self.count += count


def read_common(arms: Iterable[tuple[Vector, Vector]], size: int, scale: float, precision: float) -> Vector:
    """[h0, g] of arms given by their moments and rewards, in the order of their names, with sums read at `scale`.

    g regresses quality on features within the arms, so that a difference between arms is no slope, held to zero by
    `precision`; h0 makes it say nothing of the average prompt. All zeros where nothing was graded, and where rounding
    has left nothing that can be solved.
    """
    rest = size - 1
    sums = _Within(np.zeros((rest, rest)), np.zeros(rest), np.zeros(rest), np.zeros(rest))
    # Sums at the limit of a checkpoint may overflow here; what is not finite is refused below.
    with np.errstate(all="ignore"):
        for moments, rewards in arms:
            if moments[0, 0] > 0.0:
                sums.add(moments, rewards)
        if sums.count == 0.0:
            return np.zeros(size)
        try:
            inverse = inverse_factor_against(
                scale * sums.scatter + precision * np.eye(rest), scale * sums.magnitudes + precision
            )
        except np.linalg.LinAlgError:
            return np.zeros(size)
        slopes = inverse.T @ (inverse @ (scale * sums.trend))
        common = np.concatenate(([-float(slopes @ (sums.total / sums.count))], slopes))
        return common if bool((np.abs(common) <= MAGNITUDE_LIMIT).all()) else np.zeros(size)
