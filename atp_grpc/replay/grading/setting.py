"""What the name of a setting says: which point of a sweep a run is.

Scores and pictures ask it how a setting counts. It never says how a policy reached that point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Self

CALLS: Final = "calls="
CEILING: Final = "ceiling="
FLOOR: Final = "floor="
FLOOR_OF_BEST: Final = "floor_of_best="
SLO_MS: Final = "slo_ms="


@dataclass(frozen=True, slots=True)
class Setting:
    """A point of a sweep.

    A number names a cost weight λ, `weight`, which is 0 where cost does not count. `calls=t` prices the strong model's
    call in quality and counts for the curve of calls alone. `ceiling=B` is scored against B US dollars per 1,000
    requests, `ceiling`; `floor=Q` against a mean quality, `floor`, and `floor_of_best=P` against that part of the best
    model's, `floor_of_best`; `slo_ms=T` against a latency, `slo_seconds`. Any other name is a point of the cost sweep.
    """

    name: str
    weight: float | None = None
    is_calls: bool = False
    ceiling: float | None = None
    floor: float | None = None
    floor_of_best: float | None = None
    slo_seconds: float | None = None

    @classmethod
    def named(cls, name: str) -> Self:
        """Reads a name.

        Raises:
            ValueError: a ceiling, a floor or a latency that is not a positive number.
        """
        if name.startswith(CALLS):
            return cls(name, is_calls=True)
        if name.startswith(CEILING):
            return cls(name, ceiling=_positive(name, CEILING))
        if name.startswith(FLOOR):
            return cls(name, floor=_positive(name, FLOOR))
        if name.startswith(FLOOR_OF_BEST):
            return cls(name, floor_of_best=_positive(name, FLOOR_OF_BEST))
        if name.startswith(SLO_MS):
            return cls(name, slo_seconds=_positive(name, SLO_MS) / 1000)
        return cls(name, weight=_number(name))

    @property
    def label(self) -> str:
        """The name for people: a weight is rounded."""
        return self.name if self.weight is None else f"{self.weight:.4g}"

    @property
    def is_of_cost_sweep(self) -> bool:
        """Whether the point counts for the policy's hull."""
        return not self.is_calls and not self.is_limit

    @property
    def is_limit(self) -> bool:
        """Whether the point is judged by how a limit was kept."""
        limits = (self.ceiling, self.floor, self.floor_of_best, self.slo_seconds)
        return any(limit is not None for limit in limits)

    @property
    def order(self) -> tuple[float, str, float, str]:
        """Sorts by cost weight, then limits of a kind by their number, then by name."""
        weight = math.inf if self.weight is None else self.weight
        if not self.is_limit:
            return (weight, self.name, 0.0, self.name)
        kind, _, number = self.name.partition("=")
        return (weight, kind, float(number), self.name)


def _positive(name: str, kind: str) -> float:
    value = _number(name.removeprefix(kind))
    if value is None or value <= 0:
        raise ValueError(f"{name!r} names no number above 0")
    return value


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
