"""How long an attempt is waited for: the endpoint's own limits, and the deadline of those who wait for the answer.

An attempt holds one and asks it at every event. Nothing here waits or has a clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from atp_grpc.domain.endpoint import Timeouts
from atp_grpc.domain.errors import DeadlineExceededError
from atp_grpc.providers.contract import FaultKind, ProviderFault


class Patience:
    """The limits of one attempt. Only waiting for the provider counts as its time."""

    __slots__ = ("_ends", "_first_token", "_is_callers_deadline", "_spare_seconds", "_timeouts", "_waits_until")

    def __init__(self, timeouts: Timeouts, *, is_streamed: bool, ends: Callable[[], float]) -> None:
        """`ends` tells the moment at which the time of all who wait is over; it may move."""
        self._timeouts = timeouts
        # An answer that comes whole has no first token to wait for.
        self._first_token = timeouts.first_token if is_streamed else math.inf
        self._ends = ends
        self._waits_until = self._spare_seconds = 0.0
        self._is_callers_deadline = False

    def left(self, now: float, waited_seconds: float, *, has_begun: bool) -> float:
        """Seconds that the next event may take, when the attempt was waited for so long."""
        timeouts = self._timeouts
        step = timeouts.between_chunks if has_begun else self._first_token - waited_seconds
        own = min(step, timeouts.total - waited_seconds)
        until = self._waits_until = self._ends()
        left = until - now
        self._is_callers_deadline = left < own
        self._spare_seconds = own - left
        return min(left, own)

    def prolonged(self) -> float:
        """Seconds by which a wait may go on because somebody came who waits longer."""
        if not self._is_callers_deadline:
            return 0.0
        until = self._ends()
        more = until - self._waits_until
        if more >= self._spare_seconds:
            more, self._is_callers_deadline = self._spare_seconds, False
        self._waits_until, self._spare_seconds = until, self._spare_seconds - more
        return more

    def late(self, *, has_begun: bool) -> ProviderFault | DeadlineExceededError:
        """Whose time is over."""
        if self._is_callers_deadline:
            return DeadlineExceededError()
        return ProviderFault(FaultKind.STALLED if has_begun else FaultKind.TIMEOUT)
