"""Time as an argument: whoever needs the time is given a `Clock`.

`SystemClock` is the machine's; `ManualClock` is moved by hand (tests, and replay at one request per second).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

NANOS_PER_SECOND = 1_000_000_000


def moment_text(nanos: int) -> str:
    """A Unix moment in words, to the second (RFC 3339)."""
    return datetime.fromtimestamp(nanos // NANOS_PER_SECOND, UTC).isoformat(timespec="seconds")


class Clock(Protocol):
    """Tells the time."""

    def now_nanos(self) -> int:
        """Unix time in nanoseconds; may jump when the machine's clock is set."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps; only differences mean anything."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_nanos(self) -> int:
        """Unix time in nanoseconds."""
        return time.time_ns()

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now_nanos: int = 1_700_000_000 * NANOS_PER_SECOND) -> None:
        self._now_nanos = now_nanos
        self._monotonic_nanos = 0

    def now_nanos(self) -> int:
        """Unix time in nanoseconds."""
        return self._now_nanos

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return self._monotonic_nanos / NANOS_PER_SECOND

    def advance(self, seconds: float) -> None:
        """Moves both readings forward.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError("time does not run backwards")
        step = round(seconds * NANOS_PER_SECOND)
        self._now_nanos += step
        self._monotonic_nanos += step
