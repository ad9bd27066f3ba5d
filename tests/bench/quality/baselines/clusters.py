"""A table of scores, a row for each cluster of prompts: Avengers-Pro (Zhang et al. 2025, arXiv 2508.12631), online.

The pass enters here with estimates wanted. Clusters come from the prompts alone; no outcome ever moves one.
"""

from __future__ import annotations

import numpy as np

from tests.bench.quality.baselines.contract import Mask, Matrix, Positions, Task, Vector
from tests.bench.quality.baselines.distance import Yardstick
from tests.bench.quality.baselines.means import FIRST_QUALITY

ROUNDS = 30
CHANCE = 0


class ClusterTable:
    """Mean quality per cluster and arm; each cell counts one observation at the arm's mean over all clusters."""

    def __init__(self, task: Task, *, clusters: int, exploration: float) -> None:
        self.exploration = exploration
        self._yardstick = Yardstick.of(task.prompts)
        self._centres = centres(self._yardstick.scaled(task.prompts), clusters)
        self._count = np.zeros((len(self._centres), task.settings, task.arms))
        self._sum = np.zeros_like(self._count)

    def estimate(self, features: Vector) -> Matrix:
        cell = self._cluster(features)
        arm_mean = (self._sum.sum(0) + FIRST_QUALITY) / (self._count.sum(0) + 1.0)
        return np.asarray((self._sum[cell] + arm_mean) / (self._count[cell] + 1.0))

    def learn(self, features: Vector, seen: Mask, quality: Matrix) -> None:
        cell = self._cluster(features)
        self._count[cell] += seen
        self._sum[cell] += np.where(seen, quality, 0.0)

    def _cluster(self, features: Vector) -> int:
        return int(nearest(self._yardstick.scaled(features[None]), self._centres)[0])


def centres(points: Matrix, count: int) -> Matrix:
    """Lloyd's k-means from a k-means++ start (Arthur and Vassilvitskii 2007); the same points give the same centres."""
    chance = np.random.default_rng(CHANCE)
    found = points[[chance.integers(len(points))]]
    while len(found) < count:
        gap = ((points[:, None] - found) ** 2).sum(2).min(1)
        if not gap.any():
            break
        found = np.concatenate((found, points[[chance.choice(len(points), p=gap / gap.sum())]]))
    for _ in range(ROUNDS):
        of = nearest(points, found)
        found = np.array([points[of == k].mean(0) if (of == k).any() else found[k] for k in range(len(found))])
    return found


def nearest(points: Matrix, centres: Matrix) -> Positions:
    """Position of the nearest centre of each point."""
    return np.asarray(((points[:, None] - centres) ** 2).sum(2).argmin(1))
