"""Names: of this process, of this replica, of each decision, and the seeds of its draws.

A replica keeps its name across restarts, because it orders observations; a process never keeps its own. Randomness
comes from the operating system once and is stretched by a generator, since names and seeds need to be distinct and
not secret.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

_NANOS_PER_MILLISECOND = 1_000_000


def replica_name(data_dir: Path) -> str:
    """The replica that owns a data directory; named on first use."""
    path = data_dir / "replica"
    if not path.exists():
        draft = path.with_suffix(".new")
        draft.write_text(os.urandom(6).hex())
        draft.replace(path)
    return path.read_text().strip()


def instance_id() -> str:
    """A name for this process."""
    return os.urandom(8).hex()


class Draws:
    """Seeds of 64 bits and names of decisions, from one generator seeded by the operating system."""

    def __init__(self) -> None:
        self._random = random.Random(os.urandom(32))  # noqa: S311 - distinct, not secret

    def seed(self) -> int:
        """64 bits for one draw."""
        return self._random.getrandbits(64)

    def decision_id(self, now_nanos: int) -> str:
        """32 hex digits: 48 bits of milliseconds, then 80 of chance (the layout of a UUID of version 7, RFC 9562)."""
        return f"{now_nanos // _NANOS_PER_MILLISECOND:012x}{self._random.getrandbits(80):020x}"
