"""Evidence that a mean is above zero, as the wealth of a gambler who bets on it and may be asked at any moment.

`Evidence` enters here, with one gain for each batch. Where the gain is not above zero on average, the wealth is a
nonnegative supermartingale that begins at 1, so by Ville's inequality (1939) it ever reaches 1 / level with a
probability of `level` at most, whenever one looks. Testing by betting: Waudby-Smith and Ramdas, *Estimating means of
bounded random variables by betting*, JRSS-B 2024. The stake is not tuned: the wealth is divided among fixed stakes at
the start, and the one that suits the gain comes to own nearly all of it (Cover, *Universal portfolios*, 1991). It knows
nothing of policies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

STAKES: Final = tuple(0.02 * 2.0**step for step in range(8))
"""Parts of the wealth that are bet on a gain of weight 1; from what fits a difference of 0.005 among grades of 0 and 1
up to what fits one of 0.5 among grades that hardly vary."""
MOST_STAKE: Final = 0.8
"""Most of the wealth that one bet may cost, so that no single outcome ruins it."""
LEVEL: Final = 0.05
"""Probability, at most, that something is shown which is not so."""
SHOWN: Final = -math.log(LEVEL)
"""Logarithm of the wealth at which something is shown."""


class Wealth:
    """The wealth of one bet: that the gain, given all that came before, is above zero on average."""

    __slots__ = ("_logs",)

    def __init__(self, logs: Sequence[float] | None = None) -> None:
        """`logs` is a `state` to go on from."""
        self._logs = [0.0] * len(STAKES) if logs is None else list(logs)

    @property
    def state(self) -> list[float]:
        """The logarithms of the parts; all there is to know."""
        return list(self._logs)

    @property
    def log(self) -> float:
        """The natural logarithm of the wealth."""
        highest = max(self._logs)
        return highest + math.log(math.fsum([math.exp(one - highest) for one in self._logs]) / len(self._logs))

    def bet(self, gain: float, weight: float) -> None:
        """Bets once.

        Args:
            gain: -1 or more; its mean is what is in question.
            weight: how exactly the gain is known, as the inverse of its variance in any unit; known before the gain.
        """
        logs = self._logs
        for place, stake in enumerate(STAKES):
            logs[place] += math.log1p(min(stake * weight, MOST_STAKE) * gain)


def log_of_either(one: Wealth, other: Wealth) -> float:
    """The logarithm of evidence that one of two is so: half of the wealth was bet on each."""
    high, low = max(one.log, other.log), min(one.log, other.log)
    return high + math.log1p(math.exp(low - high)) - math.log(2.0)
