"""What choices on a pool were worth, beside what other ways of choosing would have been worth.

The demo and replay enter here after the last request. References need every model's outcome and are known only in
hindsight: nothing computed here ever reaches a router.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from atp_grpc.domain.money import NANO_PER_USD
from atp_grpc.replay.outcomes import ModelOutcome, OutcomeRow
from atp_grpc.replay.pool import Pool, PoolError

REQUESTS: Final = 1000
"""Costs are stated per this many requests."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Mean quality (0..1) and mean cost of a way of choosing, in US dollars per 1,000 requests."""

    quality: float
    usd_per_1k: float

    def saving_against(self, other: Standing) -> float:
        """Share of the other's cost that is saved; negative when this one costs more."""
        return 1.0 - self.usd_per_1k / other.usd_per_1k if other.usd_per_1k else 0.0


@dataclass(frozen=True, slots=True)
class References:
    """Ways of choosing that a router is measured against.

    `best_single` has the highest mean quality (of equals the cheaper), `cheapest` the lowest mean cost (of equals the
    better); `random` is the uniform draw; `oracle` takes, on every prompt, the best answer and of equals the cheapest,
    which nobody can do before having seen them.
    """

    singles: Mapping[str, Standing]
    best_single: str
    cheapest: str
    random: Standing
    oracle: Standing


def cost_of(outcome: ModelOutcome) -> int:
    """The cost of one request in nano-US-dollars.

    Raises:
        PoolError: the source has no cost.
    """
    if outcome.cost_nano_usd is None:
        raise PoolError("an outcome has no cost, so the choices cannot be priced")
    return outcome.cost_nano_usd


def standing(outcomes: Iterable[ModelOutcome]) -> Standing:
    """Mean quality and cost of the outcomes that were chosen.

    Raises:
        PoolError: there are none, or one has no cost.
    """
    quality, cost, count = 0.0, 0, 0
    for outcome in outcomes:
        quality += outcome.quality
        cost += cost_of(outcome)
        count += 1
    if not count:
        raise PoolError("nothing was chosen, so there is nothing to score")
    return Standing(quality / count, cost / count / NANO_PER_USD * REQUESTS)


def references(pool: Pool) -> References:
    """Scores every reference on every row of the pool.

    Raises:
        PoolError: an outcome has no cost.
    """
    singles = {model: standing(row.outcomes[model] for row in pool.rows) for model in pool.models}
    return References(
        singles=singles,
        best_single=min(pool.models, key=lambda model: (-singles[model].quality, singles[model].usd_per_1k, model)),
        cheapest=min(pool.models, key=lambda model: (singles[model].usd_per_1k, -singles[model].quality, model)),
        random=standing(row.outcomes[model] for row in pool.rows for model in pool.models),
        oracle=standing(_best(row, pool.models) for row in pool.rows),
    )


def _best(row: OutcomeRow, models: Iterable[str]) -> ModelOutcome:
    return min((row.outcomes[model] for model in models), key=lambda outcome: (-outcome.quality, cost_of(outcome)))
