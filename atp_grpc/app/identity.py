"""Names: of this process, of this replica, of each decision, and the seeds of its draws.

A replica keeps its name across restarts, because it orders observations; a process never keeps its own. Randomness
comes from the operating system once and is stretched by a generator, since names and seeds need to be distinct and
not secret; a replay brings its own and ends the same every time.
"""

from __future__ import annotations

import os
import random

from atp_grpc.domain.decision_id import CHANCE_BITS, decision_id


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

    def decision_id(self, now_nanos: int, is_dealt: bool) -> str:  # noqa: FBT001 - called for every decision
        """The name of a decision made now, whose policy was dealt to it or named by the request."""
        return decision_id(now_nanos, self._random.getrandbits(CHANCE_BITS), is_dealt=is_dealt)
