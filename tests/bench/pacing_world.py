"""A world in which pacers can be watched: arms of known cost and quality, bills and grades that come late.

The bench of the pacers and their tests enter here. The choice is the largest utility, as `docs/selection.md` has it,
with a little noise on the predictions; nothing is learned but by the pacer.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from atp_grpc.domain.request import Weights
from atp_grpc.tenancy.pacing import Pacer, Targets, effective

COST_SCALE = 10_000_000
"""Scale of cost in nano-US-dollars: what the dearest arm costs on average."""


class Arm(NamedTuple):
    """Mean cost in nano-US-dollars, quality of an easy and of a hard prompt. A grade is 0 or 1 without a `spread`."""

    cost: int
    easy: float
    hard: float
    spread: float | None = None


class Served(NamedTuple):
    """One request: what it cost, what it was worth, and what the best single arm would have been worth."""

    cost: int
    quality: float
    quality_of_best: float
    cost_price: float


CHEAP_AND_DEAR = (Arm(COST_SCALE, 0.9, 0.9), Arm(COST_SCALE // 20, 0.7, 0.7))
GRADED = tuple(arm._replace(spread=0.1) for arm in CHEAP_AND_DEAR)
THREE = (Arm(COST_SCALE, 0.93, 0.93), Arm(COST_SCALE // 25, 0.89, 0.89), Arm(COST_SCALE // 500, 0.79, 0.79))
HARD_PROMPTS = (Arm(COST_SCALE, 0.97, 0.85), Arm(COST_SCALE // 20, 0.95, 0.35))


@dataclass(frozen=True, slots=True)
class World:
    """Arms, the best first; how many requests later bills and grades come; what a bill is of what was expected."""

    arms: Sequence[Arm]
    delay: int = 0
    bill_factor: float = 1.0

    def serve(
        self, requests: int, targets: Targets, *, seed: int, cost_weight: float = 0.5, first_price: float = 0.0
    ) -> list[Served]:
        """A stream of requests served by one pacer."""
        chance, pacer, waiting = random.Random(seed), Pacer(cost=first_price), deque[tuple[int, int, float, float]]()
        served = []
        for _ in range(requests):
            is_hard, size = chance.random() < 0.5, chance.choice((0.5, 1.0, 1.5))
            qualities = [arm.hard if is_hard else arm.easy for arm in self.arms]
            predicted = [quality + chance.gauss(0.0, 0.02) for quality in qualities]
            expected = [round(arm.cost * size) for arm in self.arms]
            weight = effective(Weights(cost=cost_weight, latency=0.0), pacer.prices(targets)).cost
            utilities = [q - weight * c / COST_SCALE for q, c in zip(predicted, expected, strict=True)]
            drawn = utilities.index(max(utilities))
            pacer.decided(targets, cost_nano_usd=expected[drawn], quality=predicted[drawn], best_quality=max(predicted))
            grades = [self._grade(arm, quality, chance) for arm, quality in zip(self.arms, qualities, strict=True)]
            bill = round(expected[drawn] * self.bill_factor * chance.choice((0.5, 1.5)))
            served.append(Served(bill, grades[drawn], grades[0], pacer.cost))
            waiting.append((expected[drawn], bill, predicted[drawn], grades[drawn]))
            if len(waiting) > self.delay:
                hold, cost, foreseen, grade = waiting.popleft()
                pacer.settled(targets, expected_nano_usd=hold, actual_nano_usd=cost)
                pacer.graded(targets, expected=foreseen, actual=grade)
        return served

    @staticmethod
    def _grade(arm: Arm, quality: float, chance: random.Random) -> float:
        if arm.spread is None:
            return float(chance.random() < quality)
        return min(1.0, max(0.0, chance.gauss(quality, arm.spread)))


def ceiled(ceiling_nano_usd: int) -> Targets:
    """A ceiling in these worlds, and nothing else."""
    return Targets(cost_ceiling_nano_usd=ceiling_nano_usd, cost_scale_nano_usd=COST_SCALE)


def mean_cost(served: Sequence[Served]) -> float:
    """Mean cost of a request, nano-US-dollars."""
    return sum(one.cost for one in served) / len(served)


def floor_kept(served: Sequence[Served], share_of_best: float, *, after: int = 300, window: int = 200) -> list[bool]:
    """Of each whole window, whether the mean grade reached the share of what the best arm would have had in it."""
    windows = [served[start : start + window] for start in range(after, len(served) - window + 1, window)]
    return [sum(one.quality for one in w) >= share_of_best * sum(one.quality_of_best for one in w) for w in windows]
