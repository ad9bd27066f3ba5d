"""One outcome file as matrices, under the name by which choices refer to it.

Replay takes the unit of cost and the two roles of a two-model file from here; grading takes the rest. It reads no file
and never fills in a value: a file without a cost for every outcome has no costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

import numpy as np

from atp_grpc.domain.money import NANO_PER_USD
from atp_grpc.replay.grading.frontier import Frontier
from atp_grpc.replay.grading.hull import Floats
from atp_grpc.replay.pool import Pool
from atp_grpc.replay.scoring import REQUESTS

__all__ = ["REQUESTS", "OutcomeTable"]


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeTable:
    """Outcomes of every model on every prompt: `quality[prompt, model]` in 0..1, and costs if there are any.

    `latency_seconds` has nan where none is recorded. `prompts` and `models` give the row of a prompt id and the column
    of a model. `best` is the column with the highest mean quality.
    """

    name: str
    prompts: Mapping[str, int]
    models: Mapping[str, int]
    quality: Floats
    latency_seconds: Floats
    mean_quality: Floats
    best: int
    frontier: Frontier | None

    @classmethod
    def of(cls, name: str, pool: Pool) -> Self:
        """Takes the pool's rows as they stand; the name is the file's, without `.jsonl.gz`."""
        outcomes = [[row.outcomes[model] for model in pool.models] for row in pool.rows]
        quality = np.array([[outcome.quality for outcome in row] for row in outcomes], float)
        # None becomes nan, and whole nano-dollars divide back to the very float that a file spelled.
        cost = (
            np.array([[outcome.cost_nano_usd for outcome in row] for row in outcomes], float) / NANO_PER_USD * REQUESTS
        )
        return cls(
            name=name,
            prompts=MappingProxyType({row.prompt_id: at for at, row in enumerate(pool.rows)}),
            models=MappingProxyType({model: at for at, model in enumerate(pool.models)}),
            quality=quality,
            latency_seconds=np.array([[outcome.latency_seconds for outcome in row] for row in outcomes], float),
            mean_quality=quality.mean(0),
            best=int(quality.mean(0).argmax()),
            frontier=None if np.isnan(cost).any() else Frontier.of(quality, cost),
        )

    @property
    def c_hi(self) -> float | None:
        """Cost of the best single model (of the dearest, if the best costs as little as the cheapest), US$ per 1k."""
        return self.frontier.c_hi if self.frontier else None

    @property
    def strong(self) -> str | None:
        """The better of two models, where it is not also the cheaper one; None for other files."""
        return self.model(self.best) if self._has_two_roles() else None

    @property
    def weak(self) -> str | None:
        """The cheaper of two models, where it is not also the better one; None for other files."""
        return self.model(self.frontier.cheapest) if self.frontier and self._has_two_roles() else None

    def model(self, column: int) -> str:
        """The name of a column's model."""
        return list(self.models)[column]

    def _has_two_roles(self) -> bool:
        two = 2
        return self.frontier is not None and len(self.models) == two and self.best != self.frontier.cheapest
