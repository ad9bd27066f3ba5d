"""Names: of this process, of this replica, of each decision, and the seeds of its draws.

A replica keeps its name across restarts, because it orders observations; a process never keeps its own. Randomness
comes from the operating system once and is stretched by a generator, since names and seeds need to be distinct and
not secret; a replay brings its own and ends the same every time.
"""

from __future__ import annotations

import os
import random

_NANOS_PER_MILLISECOND = 1_000_000
_CHANCE_BITS = 80


def fresh_name() -> str:
    """A name for a process, or for a replica that has none yet."""
    return os.urandom(8).hex()


def fresh_chance() -> random.Random:
    """A generator for what need not be repeated, such as spreading waits."""
    return random.Random(os.urandom(32))  # noqa: S311 - not secret


class Draws:
    """Seeds of 64 bits and names of decisions, from one generator; `source` seeds it, else the operating system."""

    def __init__(self, source: bytes | None = None) -> None:
        self._random = random.Random(os.urandom(32) if source is None else source)  # noqa: S311 - distinct, not secret

    def seed(self) -> int:
        """64 bits for one draw."""
        return self._random.getrandbits(64)

    def decision_id(self, now_nanos: int) -> str:
        """32 hex digits: 48 bits of milliseconds, then 80 of chance (the layout of a UUID of version 7, RFC 9562)."""
        milliseconds, chance = now_nanos // _NANOS_PER_MILLISECOND, self._random.getrandbits(_CHANCE_BITS)
        return f"{milliseconds << _CHANCE_BITS | chance:032x}"
