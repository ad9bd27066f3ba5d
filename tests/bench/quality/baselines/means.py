"""Arm means: the plainest learner. Epsilon-greedy with some exploration, the uniform draw with nothing else.

The pass enters here with estimates wanted; features are never looked at.
"""

from __future__ import annotations

import numpy as np

from tests.bench.quality.baselines.contract import Mask, Matrix, Task, Vector

FIRST_QUALITY = 1.0
"""What an arm counts as before its first outcome, for one observation: the engines' optimism, so that each is tried."""


class ArmMeans:
    """A mean quality per arm, one observation at `FIRST_QUALITY` included (Sutton and Barto 2018, section 2.2)."""

    def __init__(self, task: Task, *, exploration: float) -> None:
        self.exploration = exploration
        self._count = np.ones((task.settings, task.arms))
        self._sum = np.full((task.settings, task.arms), FIRST_QUALITY)

    def estimate(self, _features: Vector) -> Matrix:
        return self._sum / self._count

    def learn(self, _features: Vector, seen: Mask, quality: Matrix) -> None:
        self._count += seen
        self._sum += np.where(seen, quality, 0.0)
