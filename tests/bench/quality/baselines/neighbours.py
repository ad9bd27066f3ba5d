"""Nearest neighbours: what the arms made of the past requests that are most like this one.

The pass enters here with estimates wanted. Memory holds what was chosen and what came of it, and grows with every
request.
"""

from __future__ import annotations

import numpy as np

from tests.bench.quality.baselines.contract import Mask, Matrix, Task, Vector
from tests.bench.quality.baselines.distance import Yardstick
from tests.bench.quality.baselines.means import FIRST_QUALITY


class NearestNeighbours:
    """Mean quality among the `neighbours` nearest past requests; one observation at the arm's mean is added.

    The non-parametric router of RouterBench (Hu et al. 2024, arXiv 2403.12031), with bandit feedback.
    """

    def __init__(self, task: Task, *, neighbours: int, exploration: float) -> None:
        self.exploration = exploration
        self._neighbours = neighbours
        self._yardstick = Yardstick.of(task.prompts)
        self._known = 0
        self._places = np.zeros(task.prompts.shape)
        self._seen = np.zeros((len(task.prompts), task.settings, task.arms), bool)
        self._quality = np.zeros(self._seen.shape)
        self._count = np.ones((task.settings, task.arms))
        self._sum = np.full((task.settings, task.arms), FIRST_QUALITY)

    def estimate(self, features: Vector) -> Matrix:
        near = self._nearest(features)
        return np.asarray(
            (self._quality[near].sum(0) + self._sum / self._count) / (np.count_nonzero(self._seen[near], axis=0) + 1.0)
        )

    def learn(self, features: Vector, seen: Mask, quality: Matrix) -> None:
        known = np.where(seen, quality, 0.0)
        self._places[self._known] = self._yardstick.scaled(features)
        self._seen[self._known] = seen
        self._quality[self._known] = known
        self._known += 1
        self._count += seen
        self._sum += known

    def _nearest(self, features: Vector) -> slice | np.ndarray[tuple[int], np.dtype[np.intp]]:
        if self._known <= self._neighbours:
            return slice(self._known)
        apart = self._places[: self._known] - self._yardstick.scaled(features)
        distance = np.einsum("nd,nd->n", apart, apart)
        return np.argpartition(distance, self._neighbours)[: self._neighbours]
