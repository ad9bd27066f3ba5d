"""How many calls may wait at once; when more do, the door sends some away before it looks at them.

One background task reports how many calls wait and how many were dispatched; from both follows how long a call waits
(Little's law), and how many may wait without waiting too long. It never looks at a message or a credential.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

SAMPLE_SECONDS = 0.1
"""Time between two looks at the queue."""
SHORTEST_SECONDS = 0.001
"""Two looks that lie closer together tell no pace."""
FIRST_CAPACITY = 1_000.0
"""Calls a second that a server is believed to answer before it was ever seen at its limit."""
CAPACITY_WEIGHT = 0.3
"""Weight of one look in the running mean of the capacity: half of a change is known after two looks."""
FULL_SHARE = 0.5
"""Part of the limit from which on those who wait show that the server has no time to spare."""
GAIN = 0.3
"""How strongly one look changes the share that is let in: the ratio of limit and queue to this power."""
RETRY_SHARE = 0.8
"""Part of the limit at which calls that were tried before are sent away: their callers have seen that it is full."""
SHORTEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.05, 0.5
"""Callers come back after a time between these, so that they do not all come back together."""


class Admission(Protocol):
    """Decides who is let in."""

    def refuses(self, attempt: int, /) -> float | None:
        """Whether to send a call away.

        Args:
            attempt: how often the caller tried before.

        Returns:
            When to come back, in seconds; None lets the call in.
        """
        ...


class OpenAdmission:
    """Lets everybody in."""

    def refuses(self, _attempt: int) -> float | None:
        """Never."""
        return None


class AdaptiveAdmission:
    """Lets in what can be answered in time.

    While many calls wait, the rate at which they are dispatched is the server's capacity. Capacity times the longest
    time a call should wait is how many may wait: the limit. As long as more wait, the share that is let in falls, and
    it rises while fewer do; those who are sent away are evenly spread. Calls that were tried before go first, at a
    lower limit and all of them. The limit follows the capacity: it falls when calls become dear, and rises again.

    The share never falls below a least one. Where sending a call away costs nearly as much as answering it, as on
    grpcio, sending away more would hardly make the queue shorter and would leave nothing to answer (ADR 0015).
    """

    def __init__(
        self,
        *,
        target_queue_seconds: float,
        least_calls: int,
        least_share: float,
        monotonic: Callable[[], float],
        chance: random.Random,
    ) -> None:
        """Takes the rule.

        Args:
            target_queue_seconds: longest time that a call should wait.
            least_calls: calls that may always wait, however slow the server is.
            least_share: share of the calls that is let in, however many wait.
            monotonic: the clock.
            chance: spreads the times to come back.
        """
        self._target = target_queue_seconds
        self._least_calls = least_calls
        self._least_share = least_share
        self._monotonic = monotonic
        self._chance = chance
        self._capacity = FIRST_CAPACITY
        self._sampled = monotonic()
        self._dispatched = 0
        self._share = 1.0
        self._due = 0.0
        self._sends_retries_away = False
        self.waiting = 0
        """Calls that waited when they were last counted."""
        self.refused_first_tries = 0
        self.refused_retries = 0

    @property
    def limit(self) -> int:
        """How many calls may wait."""
        return max(self._least_calls, round(self._capacity * self._target))

    @property
    def queue_seconds(self) -> float:
        """How long a call that comes now has to wait."""
        return self.waiting / self._capacity

    def sample(self, *, waiting: int, dispatched: int) -> None:
        """Takes note of the queue.

        Args:
            waiting: calls that have come and were not given to `refuses` yet.
            dispatched: calls that were, since the process started.
        """
        now, limit = self._monotonic(), self.limit
        seconds, done = now - self._sampled, dispatched - self._dispatched
        self._sampled, self._dispatched = now, dispatched
        # Many waited at both ends: between them the server did all it could. A few always wait, and then the pace is
        # that of the callers, which says no more than that the server can do as much.
        was_full = min(waiting, self.waiting) >= FULL_SHARE * limit
        if seconds >= SAMPLE_SECONDS / 2 and (was_full or done / seconds > self._capacity):
            self._capacity += CAPACITY_WEIGHT * (done / seconds - self._capacity)
        self.waiting = waiting
        limit = self.limit
        self._share = max(self._least_share, min(1.0, self._share * (limit / max(1, waiting)) ** GAIN))
        self._sends_retries_away = waiting > RETRY_SHARE * limit

    def refuses(self, attempt: int) -> float | None:
        """Whether to send a call away; see `Admission.refuses`."""
        if self._sends_retries_away and attempt:
            self.refused_retries += 1
        elif self._share < 1.0:
            self._due += self._share
            if self._due >= 1.0:
                self._due -= 1.0
                return None
            self.refused_first_tries += 1
        else:
            return None
        return self._chance.uniform(SHORTEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)
