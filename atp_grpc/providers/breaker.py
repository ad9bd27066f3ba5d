"""When a deployment is left alone: a circuit breaker that judges streams by how they ended.

The fleet asks it before a call and tells it the end; a call counts where it ends, so an answer that stalls or is cut
after a good beginning is a failure. It sees only faults that speak against the provider. It has no clock, does no I/O,
draws no chance, and never keeps a call from ending.

The pattern is Nygard's (*Release It!*, 2007); counting by generations, so that a late end of an earlier state changes
nothing, is how sony/gobreaker does it. `docs/resilience.md` has the law.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from typing import Final, NamedTuple

from atp_grpc.providers.contract import FaultKind

HALF_WINDOW_SECONDS: Final = 30.0
"""Shares are taken over this half of a minute and the one before: the last 30 to 60 seconds."""

LEAST_CALLS: Final = 20
"""Ended calls in the window below which a share says nothing."""

MOST_FAILED: Final = 0.5
"""Share of failed calls at which the breaker opens."""

MOST_FAILED_OR_SLOW: Final = 0.8
"""Share of calls that failed or were slow at which it opens: slow is bad, but it is an answer."""

PROBES_TO_CLOSE: Final = 3
"""Good probes after which it closes. One probe at a time at first, one more with each good one."""

MOST_WAITS: Final = 10
"""How many times the first wait the longest one is."""

HEALTHY_WAITS: Final = 5
"""Waits that it must stay closed for one doubling of the wait to be forgotten."""

PROBE_RETRY_SECONDS: Final = 1.0
"""When to come again while all probes are under way."""

_UNCOUNTED: Final = -1


class BreakerMode(enum.StrEnum):
    """Who decides: the breaker, or an operator."""

    AUTO = "auto"
    OPEN = "open"
    """An operator lets no call through."""
    CLOSED = "closed"
    """An operator lets every call through, and no end counts."""


class BreakerPhase(enum.StrEnum):
    """What the breaker lets through."""

    CLOSED = "closed"
    """Every call."""
    OPEN = "open"
    """None until its wait is over."""
    HALF_OPEN = "half_open"
    """A few probes, whose ends decide."""


class BreakerRules(NamedTuple):
    """When a breaker opens and how long it first waits, in seconds."""

    failures_in_row: int = 5
    wait_seconds: float = 60.0


DEFAULT_BREAKER_RULES: Final = BreakerRules()


class BreakerState(NamedTuple):
    """A breaker at a moment, for people.

    `calls`, `failed` and `slow` are of the window, `cause` is the fault that opened it last (None for slowness or
    never), `retry_after_seconds` 0 when it may be called and infinite while an operator holds it open.
    """

    deployment: str
    phase: BreakerPhase
    mode: BreakerMode
    failures_in_row: int
    calls: int
    failed: int
    slow: int
    cause: FaultKind | None
    retry_after_seconds: float


class Breaker:
    """The breaker of one deployment.

    `is_closed` says that every call may begin without asking further. Moments are seconds of one monotonic clock and
    never go back.
    """

    __slots__ = (
        "_calls",
        "_calls_before",
        "_cause",
        "_closed_at",
        "_doublings",
        "_epoch",
        "_failed",
        "_failed_before",
        "_good_probes",
        "_half_ends",
        "_in_row",
        "_on_change",
        "_probes",
        "_rules",
        "_slow",
        "_slow_before",
        "_wait_ends",
        "is_closed",
        "mode",
        "phase",
    )

    phase: BreakerPhase
    is_closed: bool
    _calls: int
    _failed: int
    _slow: int
    _half_ends: float

    def __init__(self, rules: BreakerRules, now: float, on_change: Callable[[BreakerPhase], None]) -> None:
        """`on_change` is told the phase that was left, after each change of phase or mode."""
        self._rules = rules
        self._on_change = on_change
        self._epoch = 0
        self._doublings = 0
        self._wait_ends = 0.0
        self._cause: FaultKind | None = None
        self.mode = BreakerMode.AUTO
        self._begin_closed(now)

    def wait_seconds(self, now: float) -> float:
        """Seconds until a call may begin; 0 when one may now."""
        if self.is_closed:
            return 0.0
        if self.mode is BreakerMode.OPEN:
            return math.inf
        if self.phase is BreakerPhase.OPEN:
            return max(0.0, self._wait_ends - now)
        return 0.0 if self._probes <= self._good_probes else PROBE_RETRY_SECONDS

    def begin(self) -> int:
        """A call begins, at a moment at which it may; gives what its end has to be told with."""
        if not self.is_closed:
            if self.phase is BreakerPhase.OPEN:
                self._begin_probing()
            self._probes += 1
        return self._epoch if self.mode is BreakerMode.AUTO else _UNCOUNTED

    def succeeded(self, epoch: int, now: float, *, is_slow: bool) -> None:
        """An answer came to its proper end; slow when its first token came late."""
        if epoch != self._epoch:
            return
        if self.phase is BreakerPhase.HALF_OPEN:
            self._probe_ended(now, is_slow=is_slow)
            return
        if now >= self._half_ends:
            self._turn_window(now)
        self._calls += 1
        self._in_row = 0
        if is_slow:
            self._slow += 1
            self._judge(now, None, 0.0)

    def failed(self, epoch: int, now: float, cause: FaultKind, *, retry_after_seconds: float) -> None:
        """A call failed by the provider's fault, which asks to be left alone so long (0: it does not say)."""
        if epoch != self._epoch:
            return
        if self.phase is BreakerPhase.HALF_OPEN:
            self._open(now, cause, retry_after_seconds)
            return
        if now >= self._half_ends:
            self._turn_window(now)
        self._calls += 1
        self._failed += 1
        self._in_row += 1
        self._judge(now, cause, retry_after_seconds)

    def said_nothing(self, epoch: int) -> None:
        """A call ended in a way that says nothing about the deployment; a probe's place is free again."""
        if epoch == self._epoch and self.phase is BreakerPhase.HALF_OPEN:
            self._probes -= 1

    def force(self, mode: BreakerMode, now: float) -> None:
        """An operator decides, or with AUTO lets it decide again: it begins anew, closed, and remembers no doubling."""
        if mode is self.mode:
            return
        before = self.phase
        self.mode = mode
        self._doublings = 0
        self._cause = None
        self._begin_closed(now)
        if mode is BreakerMode.OPEN:
            self.phase = BreakerPhase.OPEN
            self.is_closed = False
        self._on_change(before)

    def state(self, deployment: str, now: float) -> BreakerState:
        """How it stands."""
        if now >= self._half_ends:
            self._turn_window(now)
        return BreakerState(
            deployment=deployment,
            phase=self.phase,
            mode=self.mode,
            failures_in_row=self._in_row,
            calls=self._calls + self._calls_before,
            failed=self._failed + self._failed_before,
            slow=self._slow + self._slow_before,
            cause=self._cause,
            retry_after_seconds=self.wait_seconds(now),
        )

    def _judge(self, now: float, cause: FaultKind | None, retry_after_seconds: float) -> None:
        """Opens the breaker if the call that just ended was one too many."""
        failed = self._failed + self._failed_before
        bad = failed + self._slow + self._slow_before
        calls = self._calls + self._calls_before
        if self._in_row >= self._rules.failures_in_row or (
            calls >= LEAST_CALLS and (failed >= MOST_FAILED * calls or bad >= MOST_FAILED_OR_SLOW * calls)
        ):
            healthy = self._rules.wait_seconds * HEALTHY_WAITS
            self._doublings = max(0, self._doublings - int((now - self._closed_at) / healthy))
            self._open(now, cause, retry_after_seconds)

    def _open(self, now: float, cause: FaultKind | None, retry_after_seconds: float) -> None:
        before = self.phase
        most = self._rules.wait_seconds * MOST_WAITS
        wait = self._rules.wait_seconds * 2**self._doublings
        self._doublings = min(self._doublings + 1, MOST_WAITS.bit_length())
        self._wait_ends = now + min(most, max(wait, retry_after_seconds))
        self._cause = cause
        self._epoch += 1
        self.phase = BreakerPhase.OPEN
        self.is_closed = False
        self._on_change(before)

    def _begin_probing(self) -> None:
        self._epoch += 1
        self._probes = self._good_probes = 0
        self.phase = BreakerPhase.HALF_OPEN
        self._on_change(BreakerPhase.OPEN)

    def _probe_ended(self, now: float, *, is_slow: bool) -> None:
        if is_slow:
            self._open(now, None, 0.0)
            return
        self._probes -= 1
        self._good_probes += 1
        if self._good_probes >= PROBES_TO_CLOSE:
            self._begin_closed(now)
            self._on_change(BreakerPhase.HALF_OPEN)

    def _begin_closed(self, now: float) -> None:
        self._epoch += 1
        self._probes = self._good_probes = 0
        self._in_row = 0
        self._calls = self._failed = self._slow = 0
        self._calls_before = self._failed_before = self._slow_before = 0
        self._half_ends = _end_of_half(now)
        self._closed_at = now
        self.phase = BreakerPhase.CLOSED
        self.is_closed = True

    def _turn_window(self, now: float) -> None:
        """Begins the half window of this moment; the last one counts on if it was the one before."""
        if now < self._half_ends + HALF_WINDOW_SECONDS:
            self._calls_before, self._failed_before, self._slow_before = self._calls, self._failed, self._slow
        else:
            self._calls_before = self._failed_before = self._slow_before = 0
        self._calls = self._failed = self._slow = 0
        self._half_ends = _end_of_half(now)


def _end_of_half(now: float) -> float:
    return (now // HALF_WINDOW_SECONDS + 1.0) * HALF_WINDOW_SECONDS
