"""The prices with which a tenant's cost ceiling and quality floor enter its decisions.

The router reads a `Pacer`'s prices before a decision and tells it what was chosen; the learner tells it what the answer
cost and was worth. It never refuses a request and never looks at a clock: a ceiling is a mean over requests, kept by
making money dearer, and budgets in hard money are somebody else's.

A price follows its constraint by a step after every request, a subgradient step on the dual of "as much quality as
possible at this mean cost" (Agrawal and Devanur, *Linear contextual bandits with knapsacks*, NIPS 2016). The ceiling
wins over the floor: see `effective`. `docs/pacing.md` has the reasons, the bounds and the figures.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any, Final, NamedTuple

from atp_grpc.domain.decision import DualPrices
from atp_grpc.domain.request import Weights

COST_STEP: Final = 0.003
"""How far one request moves the price of a ceiling, in quality, for each ceiling it costs more or less than one."""

MOST_CEILINGS: Final = 10.0
"""A request that costs more ceilings than this moves the price as if it cost so many: no single bill throws it."""

REPAYMENT: Final = 60.0
"""Requests over which what was spent above the ceiling is to be saved again."""

MOST_REPAID: Final = 0.8
"""The largest share of the ceiling that a request is to save for those before it."""

MOST_SAVED, MOST_OWED = -50.0, 500.0
"""Ceilings that can have been saved or overspent, as far as it matters to later requests. All of a bill counts here."""

MOST_COST_PRICE: Final = 1_000.0
"""Highest price of a ceiling. A thousandth of a ceiling then outweighs the whole range of quality."""

MOST_WEIGHT: Final = 1e8
"""Highest weight that a price stands for, whatever the scale of cost; engines take no more than ten times as much."""

FLOOR_STEP: Final = 0.2
"""How far one request moves the logarithm of 1 + the price of the floor, for each 1 of quality that is wanting."""

MOST_LEAN: Final = math.log1p(1_000.0)
"""Highest logarithm of 1 + the price of the floor."""

WINDOW: Final = 200
"""Requests over whose mean a floor is meant to hold."""

_CERTAINTY: Final = 1.645
"""Standard errors of a window's mean by which the pacer aims above the floor: 95 % of windows, one-sided."""

_FIRST_VARIANCE: Final = 0.1
"""Variance of a grade around its prediction that is assumed before there are grades."""


class Targets(NamedTuple):
    """What a policy promises each tenant on average; None where it promises nothing.

    The ceiling is mean settled cost per request, above 0. The floor of quality is a number, or a share of what the best
    candidate is predicted to reach, 0..1 both. `cost_scale_nano_usd` is the policy's scale of cost, c_hi: what a weight
    of cost is a weight of.
    """

    cost_ceiling_nano_usd: int | None = None
    quality_floor: float | None = None
    quality_floor_of_best: float | None = None
    cost_scale_nano_usd: float = 1.0

    def weight(self, price: float) -> float:
        """What a price of the ceiling adds to the weight of cost; nothing without a ceiling."""
        ceiling = self.cost_ceiling_nano_usd
        return 0.0 if ceiling is None else min(MOST_WEIGHT, price * self.cost_scale_nano_usd / ceiling)

    def floor(self, best_quality: float) -> float | None:
        """The floor of one request, the higher where there are two."""
        shares = self.quality_floor_of_best
        floors = (self.quality_floor, None if shares is None else shares * best_quality)
        return max((floor for floor in floors if floor is not None), default=None)


def effective(weights: Weights, prices: DualPrices) -> Weights:
    """The weights that a decision is made with.

    The floor makes the caller's own wish for cheap and fast answers count less. It never makes the ceiling's price
    count less: where both cannot be had, the ceiling is kept and the floor is missed.
    """
    patience = 1.0 + prices.quality
    return Weights(cost=weights.cost / patience + prices.cost, latency=weights.latency / patience)


def moved(price: float, by: float, most: float) -> float:
    """A price after one step: never below nothing, never above its most."""
    return min(most, max(0.0, price + by))


def excess(ceilings: float, owed: float) -> float:
    """By how many ceilings a request costs more than it may, when `owed` of them were spent too much before it."""
    return min(ceilings, MOST_CEILINGS) - 1.0 + min(MOST_REPAID, max(0.0, owed) / REPAYMENT)


def _within(quality: float) -> float:
    return min(1.0, max(0.0, quality))


@dataclass(slots=True)
class Pacer:
    """The prices of one tenant under one policy.

    `cost` is what one ceiling's worth of money counts for, in quality, so that one step suits every ceiling; `owed` are
    the ceilings spent above one a request so far, below 0 if less was spent; `lean` is ln(1 + the price of quality);
    `variance` is how far grades have lain from what was expected, squared, averaged with a memory of one window.
    """

    cost: float = 0.0
    owed: float = 0.0
    lean: float = 0.0
    variance: float = _FIRST_VARIANCE

    def prices(self, targets: Targets) -> DualPrices:
        """What the next decision is to be made with; nothing for what the policy does not promise (any more)."""
        has_floor = targets.quality_floor is not None or targets.quality_floor_of_best is not None
        return DualPrices(
            cost=targets.weight(self.cost),
            quality=math.expm1(self.lean) if has_floor else 0.0,
        )

    def decided(self, targets: Targets, *, cost_nano_usd: int, quality: float, best_quality: float) -> None:
        """Takes in one decision at what it is expected to lead to.

        Args:
            targets: those in force.
            cost_nano_usd: expected cost of the chosen candidate.
            quality: predicted quality of the chosen candidate.
            best_quality: the highest prediction among the candidates.
        """
        ceiling = targets.cost_ceiling_nano_usd
        if ceiling is not None:
            self.cost = moved(self.cost, COST_STEP * excess(cost_nano_usd / ceiling, self.owed), MOST_COST_PRICE)
            self._owe(cost_nano_usd / ceiling - 1.0)
        best = _within(best_quality)
        floor = targets.floor(best)
        if floor is not None:
            margin = _CERTAINTY * math.sqrt(self.variance / WINDOW)
            # More than the best candidate cannot be had, so the price does not rise for it.
            self.lean = moved(self.lean, FLOOR_STEP * (min(floor + margin, best) - _within(quality)), MOST_LEAN)

    def settled(self, targets: Targets, *, expected_nano_usd: int, actual_nano_usd: int) -> None:
        """Corrects for a bill. An `expected_nano_usd` of 0 says that it is not known: nothing is corrected."""
        ceiling = targets.cost_ceiling_nano_usd
        if ceiling is not None and expected_nano_usd:
            actual, expected = actual_nano_usd / ceiling, expected_nano_usd / ceiling
            surprise = min(actual, MOST_CEILINGS) - min(expected, MOST_CEILINGS)
            self.cost = moved(self.cost, COST_STEP * surprise, MOST_COST_PRICE)
            self._owe(actual - expected)

    def graded(self, targets: Targets, *, expected: float, actual: float) -> None:
        """Corrects for a grade; `expected` is the quality that was predicted when the decision was made."""
        surprise = _within(expected) - _within(actual)
        self.variance += (surprise * surprise - self.variance) / WINDOW
        if targets.floor(1.0) is not None:
            self.lean = moved(self.lean, FLOOR_STEP * surprise, MOST_LEAN)

    def _owe(self, ceilings: float) -> None:
        self.owed = min(MOST_OWED, max(MOST_SAVED, self.owed + ceilings))


class PacingStateError(ValueError):
    """A state that no `Pacers` wrote."""


class Pacers:
    """The pacers of all tenants, at most `capacity`: the one asked for longest ago is forgotten and begins anew."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._first: dict[str, float] = {}
        self._pacers: OrderedDict[tuple[str, str], Pacer] = OrderedDict()

    def begin(self, policy: str, cost_price: float) -> None:
        """Gives the price that new tenants of a policy begin with, in quality per ceiling, as one found on a prior."""
        self._first[policy] = cost_price

    def at(self, tenant: str, policy: str) -> Pacer:
        """The pacer of a tenant under a policy, a new one if need be."""
        key = tenant, policy
        pacer = self._pacers.get(key)
        if pacer is None:
            pacer = self._pacers[key] = Pacer(cost=self._first.get(policy, 0.0))
            if len(self._pacers) > self._capacity:
                self._pacers.popitem(last=False)
        else:
            self._pacers.move_to_end(key)
        return pacer

    def __len__(self) -> int:
        return len(self._pacers)

    def state(self) -> dict[str, Any]:
        """Every price, as JSON can hold it without loss; the pacer asked for longest ago comes first."""
        return {"pacers": [[*key, *astuple(pacer)] for key, pacer in self._pacers.items()]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on where `state` was taken; what was known before is gone, and pacers beyond the capacity too.

        Raises:
            PacingStateError: the state was not made by `state`; nothing is changed.
        """
        entries = state.get("pacers")
        if not isinstance(entries, list):
            raise PacingStateError("pacers: no list")
        pacers = OrderedDict(_pacer(place, entry) for place, entry in enumerate(entries))
        while len(pacers) > self._capacity:
            pacers.popitem(last=False)
        self._pacers = pacers


def _pacer(place: int, entry: object) -> tuple[tuple[str, str], Pacer]:
    match entry:
        case [str(tenant), str(policy), float(cost), float(owed), float(lean), float(variance)]:
            pacer = Pacer(cost, owed, lean, variance)
        case _:
            raise PacingStateError(f"pacers[{place}]: not a tenant, a policy and four figures")
    is_money_sound = 0.0 <= cost <= MOST_COST_PRICE and MOST_SAVED <= owed <= MOST_OWED
    if not (is_money_sound and 0.0 <= lean <= MOST_LEAN and 0.0 <= variance <= 1.0):
        raise PacingStateError(f"pacers[{place}]: a figure outside its range")
    return (tenant, policy), pacer
