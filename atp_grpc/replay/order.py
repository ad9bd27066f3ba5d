"""In which order prompts are served, and how a file is cut into two halves.

The passes enter here with a seed. Seed 0 is the file's own order; a seed and a count say everything, so whoever has
numpy makes the same order. Nothing here looks at an outcome.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

FIRST_GENERATOR: Final = 1000
"""Orders are drawn by the generators after this one: seed 1 by `default_rng(1001)`."""


class Halving(enum.StrEnum):
    """How a file is cut in two, each half to be served with the other one as prior."""

    ROWS = "rows"
    """Every second row of the order: both halves are alike."""
    CATEGORY = "category"
    """Every second category by size: no category is in both halves."""


def order_of(count: int, seed: int) -> list[int]:
    """Positions in the order in which they are served."""
    if seed == 0:
        return list(range(count))
    drawn: list[int] = np.random.default_rng(FIRST_GENERATOR + seed).permutation(count).tolist()
    return drawn


def halves_of(categories: Sequence[str], seed: int, by: Halving) -> tuple[list[int], list[int]]:
    """Positions of both halves, each in the order in which it is served.

    By rows, the 1st, 3rd, ... and the 2nd, 4th, ... of the order; by category, the rows of the 1st, 3rd, ... and of the
    2nd, 4th, ... category by falling size, equals by name.

    Raises:
        ValueError: one half would be empty.
    """
    order = order_of(len(categories), seed)
    if by is Halving.ROWS:
        first, second = order[::2], order[1::2]
    else:
        sizes = Counter(categories)
        chosen = set(sorted(sizes, key=lambda category: (-sizes[category], category))[::2])
        first = [position for position in order if categories[position] in chosen]
        second = [position for position in order if categories[position] not in chosen]
    if not second:
        raise ValueError(f"there is only one of the {by} to halve by")
    return first, second
