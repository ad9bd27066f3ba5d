"""Textbook disjoint LinUCB: a ridge regression per arm, from nothing, and optimism by its width.

The pass enters here with estimates wanted. Unlike the engines' learner it knows no plain mean to fall back to, no first
quality and no gate: all coefficients are shrunk to zero alike.
"""

from __future__ import annotations

import numpy as np

from tests.bench.quality.baselines.contract import Mask, Matrix, Task, Vector

RIDGE = 1.0


class DisjointLinUcb:
    """Li, Chu, Langford and Schapire, WWW 2010, algorithm 1; inverses are kept by Sherman and Morrison's formula."""

    exploration = 0.0

    def __init__(self, task: Task, *, alpha: float) -> None:
        size = task.prompts.shape[1] + 1
        self._alpha = alpha
        self._inverse = np.tile(np.eye(size) / RIDGE, (task.settings, task.arms, 1, 1))
        self._sum = np.zeros((task.settings, task.arms, size))
        self._coefficients = np.zeros((task.settings, task.arms, size))

    def estimate(self, features: Vector) -> Matrix:
        x = np.concatenate(([1.0], features))
        width = np.sqrt((self._inverse @ x) @ x)
        return np.asarray(self._coefficients @ x + self._alpha * width)

    def learn(self, features: Vector, seen: Mask, quality: Matrix) -> None:
        x = np.concatenate(([1.0], features))
        inverse = self._inverse[seen]
        step = inverse @ x
        inverse -= step[:, :, None] * step[:, None, :] / (1.0 + step @ x)[:, None, None]
        total = self._sum[seen] + quality[seen][:, None] * x
        self._inverse[seen] = inverse
        self._sum[seen] = total
        self._coefficients[seen] = (inverse @ total[:, :, None])[:, :, 0]
