"""The rules of one target with their chance and their counts: asked at every occasion whether it is struck.

`Chaos` makes a site when rules are set and drops it when they are taken away, so whoever may be struck looks at one
attribute and goes on where there is none. A site draws and counts; what a fault means at its target it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from atp_grpc.chaos.rules import ChaosFault, ChaosRule


class Strike(NamedTuple):
    """What befalls an occasion: first the delay in seconds, then the fault, None for none."""

    delay_seconds: float
    fault: ChaosFault | None


class Counted(NamedTuple):
    """A rule, and how often its fault was injected since it was set."""

    rule: ChaosRule
    injected: int


class Site:
    """One target under rules."""

    __slots__ = ("_counts", "_on_injected", "_rules", "chance")

    def __init__(
        self, rules: Sequence[ChaosRule], chance: Random, on_injected: Callable[[ChaosRule, bool], None]
    ) -> None:
        """`on_injected` hears of each fault, and whether it is the first by its rule."""
        self._rules = tuple(rules)
        self._counts = [0] * len(self._rules)
        self._on_injected = on_injected
        self.chance = chance
        """For what else a target leaves to chance, so that a seed decides all of it."""

    @property
    def counted(self) -> tuple[Counted, ...]:
        """The rules in their order, with their counts."""
        return tuple(map(Counted, self._rules, self._counts))

    def strike(self, deployment: str = "") -> Strike | None:
        """What befalls this occasion, None for nothing.

        Each rule that fits is drawn for. Delays add up; of several other faults the one whose rule stands first is
        injected, and it alone is counted.
        """
        delay, fault = 0.0, None
        for place, rule in enumerate(self._rules):
            if rule.deployment and rule.deployment != deployment:
                continue
            # Drawn even where another fault has struck, so that rules do not change each other's occasions.
            if self.chance.random() >= rule.probability:
                continue
            if rule.fault is ChaosFault.DELAY:
                delay += rule.delay_seconds
            elif fault is None:
                fault = rule.fault
            else:
                continue
            self._counts[place] += 1
            self._on_injected(rule, self._counts[place] == 1)
        return Strike(delay, fault) if delay or fault is not None else None
