"""The best that can be had for money by mixing given ways of choosing.

References and policies alike become hulls and are compared as such. A hull never knows what its points stand for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Hull:
    """Upper concave, non-decreasing hull of points (cost, quality): corners from the cheapest to the best.

    Between two corners lies what a coin that picks one of them gives; beyond the last, money may be left unspent
    (Fawcett, *An introduction to ROC analysis*, 2006, uses the same construction).
    """

    costs: Floats
    qualities: Floats

    @classmethod
    def of(cls, costs: npt.ArrayLike, qualities: npt.ArrayLike) -> Self:
        """The hull of at least one point, by one scan from left to right (Andrew's monotone chain)."""
        points = zip(np.asarray(costs, float).tolist(), np.asarray(qualities, float).tolist(), strict=True)
        corners: list[tuple[float, float]] = []
        for cost, quality in sorted(points, key=lambda point: (point[0], -point[1])):
            if corners and quality <= corners[-1][1]:
                continue
            while len(corners) > 1 and _is_below(corners[-1], corners[-2], (cost, quality)):
                corners.pop()
            corners.append((cost, quality))
        return cls(np.array([cost for cost, _ in corners]), np.array([quality for _, quality in corners]))

    @property
    def best(self) -> tuple[float, float]:
        """Cost and quality where more money no longer helps."""
        return float(self.costs[-1]), float(self.qualities[-1])

    def quality_at(self, costs: float | Floats) -> Floats:
        """Quality for these costs; left of the first corner its quality, right of the last the last one's."""
        qualities: Floats = np.interp(np.asarray(costs), self.costs, self.qualities)
        return qualities

    def least_cost(self, quality: float) -> float:
        """The least cost at which this quality is reached; nan if it is not, within rounding."""
        if self.qualities[-1] < quality - 1e-12:
            return math.nan
        return float(np.interp(quality, self.qualities, self.costs))

    @property
    def corners(self) -> list[tuple[float, float]]:
        """Costs and qualities of the corners."""
        return list(zip(self.costs.tolist(), self.qualities.tolist(), strict=True))


def _is_below(middle: tuple[float, float], left: tuple[float, float], right: tuple[float, float]) -> bool:
    """Whether the middle point lies on or below the chord between its neighbours."""
    rise, run = right[1] - left[1], right[0] - left[0]
    return (middle[1] - left[1]) * run <= rise * (middle[0] - left[0])
