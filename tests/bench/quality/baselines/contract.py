"""What a simple router promises here: an estimate for every arm, made from what it was shown.

The pass (`online`) enters here; each module beside this one keeps the promise in its own way. A baseline serves all
settings of a sweep at once, as if there were one of it for each, and never sees a cost, a weight or an outcome of an
arm that was not chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Task:
    """How many settings and arms there are, and the features of all prompts (a row each), without any outcome."""

    settings: int
    arms: int
    prompts: Matrix


class Baseline(Protocol):
    """Settings are rows and arms are columns of whatever goes in or comes out."""

    @property
    def exploration(self) -> float:
        """Share of requests that go to an arm drawn evenly from all."""

    def estimate(self, features: Vector) -> Matrix:
        """Quality to expect of each arm, with whatever optimism the method has."""

    def learn(self, features: Vector, seen: Mask, quality: Matrix) -> None:
        """Takes the qualities where `seen`: one arm a setting when serving, all arms of a prior row. Else nan."""
