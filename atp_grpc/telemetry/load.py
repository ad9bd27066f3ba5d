"""How busy the process is: what load reports tell to the balancers that weigh servers by it.

The transport asks for every answered call, so a figure is computed at most ten times a second and reused in between.
It never looks at a call.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import NamedTuple

REFRESH_SECONDS = 0.1
"""Least age of a figure before it is computed anew."""
WINDOW_SECONDS = 1.0
"""Time over which shares and rates are taken: shorter ones jump with every burst."""


class Load(NamedTuple):
    """The load over the last window. Shares are of one; rates are per second."""

    loop_share: float
    """Part of the time that the event loop's thread was computing. At 1 the server can do no more."""
    cpu_share: float
    """Part of the CPU time of all cores the process may use."""
    calls_per_second: float
    errors_per_second: float


IDLE = Load(0.0, 0.0, 0.0, 0.0)


class _Sample(NamedTuple):
    moment: float
    loop_seconds: float
    cpu_seconds: float
    calls: int
    errors: int


class LoadMeter:
    """Computes the load. Belongs to the thread of the event loop, whose CPU time it reads."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float],
        calls: Callable[[], int],
        errors: Callable[[], int],
        loop_seconds: Callable[[], float] = time.thread_time,
        cpu_seconds: Callable[[], float] = time.process_time,
        cores: int | None = None,
    ) -> None:
        """Takes where the figures come from.

        Args:
            monotonic: the clock.
            calls: how many calls have come so far.
            errors: how many of them failed by the server's fault.
            loop_seconds: CPU time of the calling thread.
            cpu_seconds: CPU time of the process.
            cores: that the process may use; None asks the machine.
        """
        self._monotonic = monotonic
        self._calls = calls
        self._errors = errors
        self._loop_seconds = loop_seconds
        self._cpu_seconds = cpu_seconds
        self._cores = cores or len(os.sched_getaffinity(0))
        # The window reaches from the older of two marks to now: between one and two window lengths.
        self._mark = self._next_mark = self._sample()
        self._refreshed = self._mark.moment
        self._load = IDLE

    def load(self) -> Load:
        """The load over the last window, as of a moment ago."""
        if self._monotonic() - self._refreshed >= REFRESH_SECONDS:
            self._refresh()
        return self._load

    def _refresh(self) -> None:
        now = self._sample()
        self._refreshed = now.moment
        if now.moment - self._next_mark.moment >= WINDOW_SECONDS:
            self._mark, self._next_mark = self._next_mark, now
        since = self._mark
        seconds = now.moment - since.moment
        self._load = Load(
            loop_share=min(1.0, max(0.0, (now.loop_seconds - since.loop_seconds) / seconds)),
            cpu_share=max(0.0, (now.cpu_seconds - since.cpu_seconds) / seconds / self._cores),
            calls_per_second=(now.calls - since.calls) / seconds,
            errors_per_second=(now.errors - since.errors) / seconds,
        )

    def _sample(self) -> _Sample:
        return _Sample(self._monotonic(), self._loop_seconds(), self._cpu_seconds(), self._calls(), self._errors())
