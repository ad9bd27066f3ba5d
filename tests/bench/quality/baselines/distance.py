"""How far two prompts are apart: features scaled by their spread over the prompts.

The baselines that compare prompts enter here. Nothing but prompts is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.quality.baselines.contract import Matrix, Vector


@dataclass(frozen=True, slots=True)
class Yardstick:
    """Mean and spread of each feature over unlabelled prompts."""

    mean: Vector
    spread: Vector

    @classmethod
    def of(cls, prompts: Matrix) -> Yardstick:
        """A feature that never varies keeps its unit, so that it counts for nothing instead of dividing by zero."""
        spread = prompts.std(0)
        spread[spread == 0] = 1.0
        return cls(prompts.mean(0), spread)

    def scaled(self, prompts: Matrix) -> Matrix:
        """The prompts in units of spread."""
        return (prompts - self.mean) / self.spread
