"""Moments as log lines write them: RFC 3339, UTC, milliseconds.

The text of a second is kept, because a thousand lines share it.
"""

from __future__ import annotations

import time

from atp_grpc.domain.clock import NANOS_PER_SECOND, Clock

_NANOS_PER_MILLISECOND = 1_000_000


class Moments:
    """Tells the time in text."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second = -1
        self._text = ""

    def now(self) -> str:
        """For example `2026-11-21T09:30:00.250Z`."""
        second, nanos = divmod(self._clock.now_nanos(), NANOS_PER_SECOND)
        if second != self._second:
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        return f"{self._text}.{nanos // _NANOS_PER_MILLISECOND:03d}Z"
