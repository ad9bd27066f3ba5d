"""One pass of a baseline over a stream: estimate, price, choose, learn from what was chosen and from nothing else.

The table enters here with a stream and the settings of a sweep; all settings are served at once. Mean costs are learned
the same way for every baseline, so that only what they make of quality tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.bench.quality.baselines.contract import Baseline, Mask, Matrix, Positions, Vector


@dataclass(frozen=True, slots=True)
class Stream:
    """Requests in the order of service: features, and of every arm the quality and the cost in units of c_hi.

    `known_cost` is the part of the cost that a request shows before it is served: its input at the list price.
    """

    features: Matrix
    quality: Matrix
    cost: Matrix
    known_cost: Matrix

    def at(self, rows: Positions) -> Stream:
        """The same requests in another order, or some of them."""
        return Stream(self.features[rows], self.quality[rows], self.cost[rows], self.known_cost[rows])

    @property
    def open_cost(self) -> Matrix:
        """What a bill adds to the part that was known, never less than nothing."""
        return np.maximum(self.cost - self.known_cost, 0.0)


@dataclass(frozen=True, slots=True)
class Terms:
    """What each setting takes off the quality of each arm: `weight` times its expected cost, and a fixed `charge`.

    `first_cost` is what an arm is believed to cost beyond what is known of a request, in units of c_hi, until it has
    sent a bill; it counts one observation.
    """

    weight: Vector
    charge: Matrix
    first_cost: Vector


@dataclass(frozen=True, slots=True)
class Picks:
    """The arm chosen and the probability it had: a row a request, a column a setting."""

    arms: Positions
    propensities: Matrix


def serve(baseline: Baseline, terms: Terms, served: Stream, prior: Stream | None, chance: np.random.Generator) -> Picks:
    """Teaches every outcome of the prior, then serves the stream once with bandit feedback."""
    settings, arms = terms.charge.shape
    spent = np.tile(terms.first_cost, (settings, 1))
    count = np.ones((settings, arms))
    picks = Picks(np.zeros((len(served.quality), settings), np.intp), np.zeros((len(served.quality), settings)))
    everything = np.ones((settings, arms), bool)
    if prior is not None:
        for features, quality in zip(prior.features, prior.quality, strict=True):
            baseline.learn(features, everything, np.broadcast_to(quality, (settings, arms)))
        spent += prior.open_cost.sum(0)
        count += len(prior.cost)
    open_cost = served.open_cost
    for turn, features in enumerate(served.features):
        cost = served.known_cost[turn] + spent / count
        utility = baseline.estimate(features) - terms.weight[:, None] * cost - terms.charge
        chosen, propensity = _draw(utility, cost, baseline.exploration, chance)
        seen = chosen[:, None] == np.arange(arms)
        baseline.learn(features, seen, _only(seen, served.quality[turn]))
        spent += np.where(seen, open_cost[turn], 0.0)
        count += seen
        picks.arms[turn] = chosen
        picks.propensities[turn] = propensity
    return picks


def _only(seen: Mask, quality: Vector) -> Matrix:
    """What was not chosen is nan: a baseline that peeks spoils its own sums."""
    return np.where(seen, quality, np.nan)


def _draw(utility: Matrix, cost: Matrix, exploration: float, chance: np.random.Generator) -> tuple[Positions, Vector]:
    """The arm of each setting; of equal utilities the cheaper, then the earlier."""
    settings, arms = utility.shape
    best = np.where(utility == utility.max(1, keepdims=True), cost, np.inf).argmin(1)
    if not exploration:
        return best, np.ones(settings)
    strays = chance.random(settings) < exploration
    chosen = np.where(strays, chance.integers(arms, size=settings), best)
    return chosen, exploration / arms + (1.0 - exploration) * (chosen == best)
