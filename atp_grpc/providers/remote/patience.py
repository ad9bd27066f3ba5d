"""The time limits of one call: to the first token, and then from event to event.

The client starts one beside each call. One timer stands for all waits of the call and is moved seldom, so an event
costs one reading of the clock. It ends the call by the function it is given and never raises.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from atp_grpc.domain.endpoint import Timeouts
from atp_grpc.providers.hearing import judge_when_all_is_heard


class Patience:
    """Runs out when nothing is heard for too long. Time is that of the running loop."""

    __slots__ = (
        "_between",
        "_end",
        "_ends_at",
        "_has_token",
        "_is_stopped",
        "_loop",
        "_patient_until",
        "_timer",
        "_timer_at",
        "has_run_out",
    )

    def __init__(self, timeouts: Timeouts, end: Callable[[], object]) -> None:
        """Begins to wait for the first token. `end` is called at most once, when a limit has passed."""
        self._loop = asyncio.get_running_loop()
        self._between = timeouts.between_chunks
        self._end = end
        self._has_token = self._is_stopped = False
        self._patient_until = self._ends_at = self._timer_at = self._loop.time() + timeouts.first_token
        self._timer = self._loop.call_at(self._timer_at, self._look)
        self.has_run_out = False

    def pause(self, *, has_token: bool) -> None:
        """An event is with the caller now, whose time is not the provider's. `has_token`: it is part of the answer."""
        self._has_token |= has_token
        self._ends_at = math.inf

    def resume(self) -> None:
        """The next event is waited for."""
        self._ends_at = self._loop.time() + self._between if self._has_token else self._patient_until
        if self._timer_at > self._ends_at:
            self._timer.cancel()
            self._wait_until(self._ends_at)

    def stop(self) -> None:
        """Nothing is waited for any more."""
        self._is_stopped = True
        self._timer.cancel()

    def _look(self) -> None:
        if self._loop.time() < self._ends_at:
            self._judge()
        else:
            judge_when_all_is_heard(self._timer_at, self._judge)

    def _judge(self) -> None:
        if self._is_stopped:
            return
        now = self._loop.time()
        if now < self._ends_at:
            self._wait_until(min(self._ends_at, now + self._between))
            return
        self.has_run_out = True
        self._end()

    def _wait_until(self, moment: float) -> None:
        self._timer_at = moment
        self._timer = self._loop.call_at(moment, self._look)
