"""Outcomes of both sides gathered in short batches, in the order in which they arrive, and compared within a batch.

`Evidence` enters here, once for each measure. A batch is a few outcomes long, so what moves both sides alike (a harder
hour, a slow provider) moves both of its means; and it compares means, so neither the share of the traffic nor how many
of its outcomes a side gets reported weighs in. How long a batch is depends on the share alone and never on an outcome,
as in Turner, Ly and Grünwald, *Generic E-variables for exact sequential k-sample tests*, 2022. It never says what is
good.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from atp_grpc.learning.trial.terms import Side

LEAST_LENGTH: Final = 6
"""In shorter batches more outcomes are wasted for want of the other side; in longer ones a bet is cut off sooner."""
CAP_MULTIPLE: Final = 8.0
"""Where something without an upper bound is cut off, in means of what was seen before the batch."""


class Batch(NamedTuple):
    """The means of both sides in one batch. `weight` is the inverse variance of their difference, up to a factor."""

    champion: float
    challenger: float
    weight: float


def batch_length(share: float) -> int:
    """Outcomes of a batch when the challenger has a `share` of them, above 0 and below 1: one of the rarer side's."""
    return max(LEAST_LENGTH, math.ceil(1.0 / min(share, 1.0 - share)))


class Batches:
    """Makes batches of values, whose means are from 0 to 1.

    Values without a bound are cut off at a multiple of the mean of those before the batch, and told in parts of that
    cut: it is known before the values are, so nothing is chosen by what it would show. The first batch only serves to
    find it.
    """

    __slots__ = ("_counts", "_cut", "_is_bounded", "_left", "_length", "_seen", "_sums", "_total")

    def __init__(self, length: int, *, is_bounded: bool, state: Mapping[str, Any] | None = None) -> None:
        """A batch has `length` outcomes, or as many times that as it takes to hear of both sides."""
        self._length = length
        self._is_bounded = is_bounded
        state = state or {}
        self._left: int = state.get("left", length)
        self._counts: list[int] = list(state.get("counts", (0, 0)))
        self._sums: list[float] = list(state.get("sums", (0.0, 0.0)))
        self._cut: float = state.get("cut", 1.0 if is_bounded else math.inf)
        self._seen: int = state.get("seen", 0)
        self._total: float = state.get("total", 0.0)

    @property
    def state(self) -> dict[str, Any]:
        """All there is to know, in plain values."""
        return {
            "left": self._left,
            "counts": list(self._counts),
            "sums": list(self._sums),
            # Infinity has no JSON: without a cut there is none yet.
            **({} if math.isinf(self._cut) else {"cut": self._cut}),
            "seen": self._seen,
            "total": self._total,
        }

    def add(self, side: Side, value: float) -> Batch | None:
        """Takes an outcome in; gives the batch that it completes."""
        kept = min(value, self._cut)
        self._counts[side] += 1
        self._sums[side] += kept
        self._seen += 1
        self._total += kept
        self._left -= 1
        if self._left:
            return None
        self._left = self._length
        if not all(self._counts):
            return None
        batch = self._compared()
        self._counts, self._sums = [0, 0], [0.0, 0.0]
        if not self._is_bounded:
            self._cut = CAP_MULTIPLE * self._total / self._seen or math.inf
        return batch

    def _compared(self) -> Batch | None:
        if math.isinf(self._cut):
            return None
        (champions, challengers), (of_champion, of_challenger) = self._counts, self._sums
        return Batch(
            of_champion / champions / self._cut,
            of_challenger / challengers / self._cut,
            champions * challengers / (champions + challengers),
        )
