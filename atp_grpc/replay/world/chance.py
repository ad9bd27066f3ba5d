"""Chance by name: every draw of the simulated world is a pure function of a seed and of what the draw is for.

The law and the templates draw here. No draw depends on how many were made before it, so the first hundred prompts of
a long world are the prompts of a short one, and a seventh model would leave the six others as they are. Not for
secrets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from statistics import NormalDist
from typing import TypeVar

Item = TypeVar("Item")
_STANDARD_NORMAL = NormalDist()
_STEP_BITS = 52
_STEPS = float(2**_STEP_BITS)


class Chance:
    """A source of draws; `under` gives an independent one for a part of the world."""

    def __init__(self, *path: str | int) -> None:
        self._path = path
        self._root = hashlib.blake2b("\x1f".join(map(str, path)).encode(), digest_size=8)

    def under(self, *names: str | int) -> Chance:
        """The source of draws for a named part."""
        return Chance(*self._path, *names)

    def uniform(self, name: str) -> float:
        """A number strictly between 0 and 1."""
        digest = self._root.copy()
        digest.update(b"\x1e" + name.encode())
        whole = int.from_bytes(digest.digest(), "big") >> (64 - _STEP_BITS)
        # Halves the last step, so that neither end is ever reached and a logarithm or quantile stays finite.
        return (whole + 0.5) / _STEPS

    def normal(self, name: str) -> float:
        """A draw of the standard normal distribution."""
        return _STANDARD_NORMAL.inv_cdf(self.uniform(name))

    def whole(self, name: str, least: int, most: int) -> int:
        """A whole number of least..most, both possible."""
        return least + int(self.uniform(name) * (most - least + 1))

    def pick(self, name: str, items: Sequence[Item]) -> Item:
        """One of the items, each as likely."""
        return items[self.whole(name, 0, len(items) - 1)]

    def order(self, name: str, items: Sequence[Item]) -> list[Item]:
        """All items in a drawn order."""
        return [item for _, item in sorted((self.uniform(f"{name}.{at}"), item) for at, item in enumerate(items))]
