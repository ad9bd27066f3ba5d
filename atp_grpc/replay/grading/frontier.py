"""What money buys on one outcome file: the range of costs worth looking at, and the hulls that bound a policy.

Tables with costs build one; metrics ask it where a policy stands. It looks at every model's outcome, so nothing of it
but `c_hi`, a unit of cost, may ever reach a router.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from atp_grpc.replay.grading.hull import Floats, Hull

TRADE_OFFS: Final = np.concatenate([[1e-9], np.geomspace(1e-4, 1e4, 120)])
"""Prices of c_hi, in quality, at which the oracle trades; the first only breaks ties towards the cheaper answer."""

SPREAD: Final = 1.05
"""A best model that costs no more than this many times the cheapest leaves no range; then the dearest model ends it."""

GRID: Final = 801
"""Costs at which two hulls are compared."""


@dataclass(frozen=True, slots=True, eq=False)
class Frontier:
    """Costs in US dollars per 1,000 requests: `cost[prompt, model]`, and what follows from them and the qualities.

    `zero` is the hull of the single models: the best mix of models that looks at no prompt, known only in hindsight
    (the zero router of Hu et al., *RouterBench*, arXiv 2403.12031). `oracle` is the hull of what a chooser reaches that
    has seen every answer.
    """

    cost: Floats
    mean_cost: Floats
    cheapest: int
    cheapest_quality: float
    best_cost: float
    best_quality: float
    c_min: float
    c_hi: float
    zero: Hull
    oracle: Hull

    @classmethod
    def of(cls, quality: Floats, cost: Floats) -> Self:
        """Looks at every outcome. Of equals the first model is the best, or the cheapest."""
        mean_quality, mean_cost = quality.mean(0), cost.mean(0)
        best, cheapest = int(mean_quality.argmax()), int(mean_cost.argmin())
        c_min = float(mean_cost[cheapest])
        c_hi = float(mean_cost[best] if mean_cost[best] > SPREAD * c_min else mean_cost.max())
        everyone = np.arange(len(cost))
        picks = [(quality - trade_off / c_hi * cost).argmax(1) for trade_off in TRADE_OFFS] if c_hi > 0 else []
        return cls(
            cost=cost,
            mean_cost=mean_cost,
            cheapest=cheapest,
            cheapest_quality=float(mean_quality[cheapest]),
            best_cost=float(mean_cost[best]),
            best_quality=float(mean_quality[best]),
            c_min=c_min,
            c_hi=c_hi,
            zero=Hull.of(mean_cost, mean_quality),
            oracle=Hull.of(
                [c_min, *(cost[everyone, pick].mean() for pick in picks)],
                [mean_quality[cheapest], *(quality[everyone, pick].mean() for pick in picks)],
            ),
        )

    def policy(self, costs: Floats, qualities: Floats) -> Hull:
        """The hull of a policy's points and the cheapest single model, which needs no learning."""
        return Hull.of([self.c_min, *costs], [self.cheapest_quality, *qualities])

    def share_lin(self, policy: Hull) -> float:
        """Share of the area between `zero` and `oracle` over c_min..c_hi that the policy fills; 1 is the oracle."""
        return self._share(policy, np.linspace(self.c_min, self.c_hi, GRID))

    def share_log(self, policy: Hull) -> float:
        """The same with a cent at the cheap end counting as much as its multiple at the dear end: area over ln c.

        nan where the cheapest model is free, since ln 0 has no place on the axis.
        """
        return self._share(policy, np.geomspace(self.c_min, self.c_hi, GRID)) if self.c_min > 0 else math.nan

    def cost_of(self, policy: Hull, part: float) -> float:
        """Least cost with this part of the best single model's quality, as a part of that model's cost; else nan."""
        return policy.least_cost(part * self.best_quality) / self.best_cost if self.best_cost > 0 else math.nan

    def _share(self, policy: Hull, costs: Floats) -> float:
        zero = self.zero.quality_at(costs)
        room = float((self.oracle.quality_at(costs) - zero).mean())
        return float((policy.quality_at(costs) - zero).mean()) / room if room > 0 else math.nan
