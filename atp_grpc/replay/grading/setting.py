"""What the name of a setting says: which point of a sweep a run is.

Scores and pictures ask it how a setting counts. It never says how a policy reached that point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Self

CALLS: Final = "calls="
CEILING: Final = "ceiling="


@dataclass(frozen=True, slots=True)
class Setting:
    """A point of a sweep.

    A number names a cost weight λ, `weight`, which is 0 where cost does not count. `calls=t` prices the strong model's
    call in quality and counts for the curve of calls alone. `ceiling=B` is scored against B US dollars per 1,000
    requests, `ceiling`. Any other name is a point of the cost sweep.
    """

    name: str
    weight: float | None = None
    is_calls: bool = False
    ceiling: float | None = None

    @classmethod
    def named(cls, name: str) -> Self:
        """Reads a name.

        Raises:
            ValueError: a ceiling that is not a positive number.
        """
        if name.startswith(CALLS):
            return cls(name, is_calls=True)
        if name.startswith(CEILING):
            ceiling = _number(name.removeprefix(CEILING))
            if ceiling is None or ceiling <= 0:
                raise ValueError(f"{name!r} names no ceiling in US dollars above 0")
            return cls(name, ceiling=ceiling)
        return cls(name, weight=_number(name))

    @property
    def label(self) -> str:
        """The name for people: a weight is rounded."""
        return self.name if self.weight is None else f"{self.weight:.4g}"

    @property
    def is_of_cost_sweep(self) -> bool:
        """Whether the point counts for the policy's hull."""
        return not self.is_calls and self.ceiling is None

    @property
    def order(self) -> tuple[float, str]:
        """Sorts by cost weight, then by name."""
        return (math.inf if self.weight is None else self.weight, self.name)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
