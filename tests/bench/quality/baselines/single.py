"""One model for everything: what most people do.

The pass enters here with estimates wanted; nothing is ever learned.
"""

from __future__ import annotations

import numpy as np

from tests.bench.quality.baselines.contract import Mask, Matrix, Task, Vector


class SingleModel:
    """Always the same arm, whatever it costs."""

    exploration = 0.0

    def __init__(self, task: Task, *, arm: int) -> None:
        self._estimate = np.full((task.settings, task.arms), -np.inf)
        self._estimate[:, arm] = 0.0

    def estimate(self, _features: Vector) -> Matrix:
        return self._estimate

    def learn(self, features: Vector, seen: Mask, quality: Matrix) -> None:
        """Learns nothing."""
