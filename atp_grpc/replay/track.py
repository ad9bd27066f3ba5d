"""What a pass needs of an outcome file: features, costs and outcomes as arrays, without the prompts' text.

A track is made once per file and sent to every process that serves it, so it holds numbers only. It says what a model
did; which of it the router may see is decided by the passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atp_grpc.replay.outcomes import ModelOutcome, OutcomeRow
from atp_grpc.replay.pool import PoolError
from atp_grpc.routing.query import BYTES_PER_TOKEN

ABSENT = ModelOutcome(quality=float("nan"))
"""Stands in a prior for a model that the row does not have."""

Figures = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Track:
    """Outcomes of `models` (by name) on the rows of a file; each array is rows x models.

    `cost_nano_usd`, `output_tokens` and `latency_seconds` hold NaN where the source has none; `quality` only in a
    prior. `features` are packed vectors, one a row, and `input_tokens` what a caller would count: the fewest that any
    model of the row was charged for, or a guess by the size of the text. `categories` name what kind of prompt a row
    is, by the source.
    """

    models: tuple[str, ...]
    quality: Figures
    cost_nano_usd: Figures
    output_tokens: Figures
    latency_seconds: Figures
    failed: NDArray[np.bool_]
    features: tuple[bytes, ...]
    input_tokens: tuple[int, ...]
    categories: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.features)

    def known(self, row: int) -> list[int]:
        """The models of which a row has an outcome, by position."""
        arms: list[int] = np.flatnonzero(~np.isnan(self.quality[row])).tolist()
        return arms


def track_of(models: Sequence[str], rows: Sequence[OutcomeRow], features: Sequence[bytes]) -> Track:
    """The track of rows, which need not have every model when they are a prior.

    Raises:
        PoolError: a model is in none of the rows.
    """
    for model in models:
        if not any(model in row.outcomes for row in rows):
            raise PoolError(f"no row has the model {model!r}")
    outcomes = [[row.outcomes.get(model, ABSENT) for model in models] for row in rows]

    def figures(figure: Callable[[ModelOutcome], float | None]) -> Figures:
        return np.array([[figure(outcome) for outcome in row] for row in outcomes], dtype=np.float64)

    return Track(
        models=tuple(models),
        quality=figures(lambda outcome: outcome.quality),
        cost_nano_usd=figures(lambda outcome: outcome.cost_nano_usd),
        output_tokens=figures(lambda outcome: outcome.output_tokens),
        latency_seconds=figures(lambda outcome: outcome.latency_seconds),
        failed=np.array([[outcome.failed for outcome in row] for row in outcomes], dtype=np.bool_),
        features=tuple(features),
        input_tokens=tuple(_input_tokens(models, row) for row in rows),
        categories=tuple(row.category for row in rows),
    )


def _input_tokens(models: Sequence[str], row: OutcomeRow) -> int:
    # The fewest, because some models count what only they are sent, such as a frame around tools.
    counted = [row.outcomes[model].input_tokens for model in models if model in row.outcomes]
    known = [tokens for tokens in counted if tokens is not None]
    return min(known) if known else -(-len(row.prompt.encode()) // BYTES_PER_TOKEN)
