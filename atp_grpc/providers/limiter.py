"""How many calls a deployment takes at once, found out from how long it lets them wait for the first token.

A permit enters and leaves here. The limit grows while waiting stays near what it is without a queue, shrinks when a
queue shows or the provider says that it is too much, and is never above the operator's own. Nothing waits here: who
finds no place is refused by the fleet. It has no clock, does no I/O and never looks at how long an answer took in all,
which depends on its length.

A gradient limiter of the family of TCP Vegas (Brakmo and Peterson, 1995), Netflix's concurrency-limits and Envoy's
adaptive concurrency filter, with a test of its own for whether a longer wait is our doing; and additive increase,
multiplicative decrease (Chiu and Jain, 1989) for refusals. `docs/resilience.md` has the law and its figures.
"""

from __future__ import annotations

import math
from typing import Final

FIRST_LIMIT: Final = 100.0
"""Where a limit begins when the operator gives none."""

LEAST_LIMIT: Final = 4.0
"""Fewest places that are left by waiting or refusals, if the operator allows as many."""

MOST_LIMIT: Final = 10_000
"""Most places when the operator gives no limit."""

WINDOW_SECONDS: Final = 0.5
"""Least time between two changes that come of waiting."""

WINDOW_CALLS: Final = 10
"""Fewest first tokens that a change may come of."""

TOLERANCE: Final = 2.0
"""How many times the wait without a queue is still taken for chance: prompts differ in length."""

MOST_GROWTH, MOST_CUT = 1.5, 0.5
"""Largest and smallest factor of one window."""

REFUSAL_CUT: Final = 0.7
"""Factor of the limit when the provider refuses a call for load."""

TELLING_CUT: Final = 0.75
"""How far places must have been cut before it is looked whether that shortened the wait."""

LOOK_SECONDS: Final = 30.0
"""How long a wait without a queue is believed while no call shows it; then a look is taken by cutting places."""

NEWS_SHARE: Final = 0.6
"""A window that waited less than this part of the wait without a queue shows that the deployment has become faster; how
much faster, a look has to tell."""

LIGHT_SHARE: Final = 16
"""A call beside which no more than this part of the limit is under way shows the wait without a queue."""

_FOLLOW, _FALL = 0.1, 0.5
"""How fast the wait without a queue follows a call that shows it, and a whole window that waited less."""


class Limiter:
    """The places of one deployment. `in_flight` never passes `limit` by taking a place."""

    __slots__ = (
        "_beside",
        "_cut_from",
        "_cut_wait",
        "_exact",
        "_is_looking",
        "_known_at",
        "_light",
        "_most",
        "_peak",
        "_quiet_below",
        "_samples",
        "_since",
        "_unqueued",
        "_waited",
        "in_flight",
        "limit",
    )

    limit: int
    _light: int
    _peak: int

    def __init__(self, most: int | None, now: float) -> None:
        """`most` is the operator's own limit; a limit that is given is believed until the deployment says otherwise."""
        self.in_flight = 0
        self._most = MOST_LIMIT if most is None else most
        self._exact = FIRST_LIMIT if most is None else float(most)
        self._quiet_below = math.inf
        self._unqueued = 0.0
        self._known_at = now
        self._is_looking = False
        self._cut_from = self._cut_wait = 0.0
        self._begin_window(now)
        self._set(self._exact)

    def bound(self, most: int | None) -> None:
        """Takes another limit from outside, 0 for no calls at all; what was learned below the old one stays learned."""
        before, self._most = self._most, MOST_LIMIT if most is None else most
        if self._exact >= before > 0:
            self._exact = max(self._exact, FIRST_LIMIT if most is None else float(most))
        self.limit = min(int(self._exact), self._most)

    def take(self) -> int:
        """A call takes a place, while `in_flight` is below `limit`; gives how many are under way with it."""
        self.in_flight = beside = self.in_flight + 1
        if beside > self._peak:  # noqa: PLR1730 - called for every attempt, and max() takes twice as long
            self._peak = beside
        return beside

    def give_back(self) -> None:
        """The call has ended, in whatever way."""
        self.in_flight -= 1

    def first_token(self, admitted: float, beside: int, now: float) -> None:
        """The first token of a call that was admitted then, beside so many, has come.

        Only calls that were admitted in this window tell about it.
        """
        if admitted < self._since:
            return
        wait = now - admitted
        self._samples += 1
        self._waited += wait
        self._beside += beside
        if beside <= self._light:
            self._unqueued += (_FOLLOW if self._unqueued else 1.0) * (wait - self._unqueued)
            self._known_at = now
        if self._samples >= WINDOW_CALLS and now >= self._since + WINDOW_SECONDS:
            self._adapt(self._waited / self._samples, self._beside / self._samples, now)
            self._begin_window(now)

    def refused(self, admitted: float, now: float) -> None:
        """The provider refused a call for load, or gave no first token in time.

        Calls that were under way at the last cut change nothing more.
        """
        if admitted < self._since:
            return
        self._set(self._exact * REFUSAL_CUT)
        self._quiet_below = self._exact
        self._cut_from = 0.0
        self._begin_window(now)

    def _adapt(self, wait: float, beside: float, now: float) -> None:
        """Moves the limit by what a window tells: its calls' mean wait, and how many were under way on average."""
        is_news = wait < NEWS_SHARE * self._unqueued
        if is_news or self._unqueued == 0.0:
            self._unqueued = wait
        elif wait < self._unqueued:
            self._unqueued += _FALL * (wait - self._unqueued)
        if 2 * self._peak < self.limit:
            return
        if is_news or now - self._known_at > LOOK_SECONDS:
            self._is_looking = True
        gradient = TOLERANCE * self._unqueued / wait if wait > 0.0 else MOST_GROWTH
        if self._is_looking or gradient < 1.0:
            factor = MOST_CUT if self._is_looking else max(MOST_CUT, gradient)
            self._cut(wait, beside, factor, now)
        else:
            self._cut_from = 0.0
            self._grow(min(MOST_GROWTH, gradient))

    def _cut(self, wait: float, beside: float, factor: float, now: float) -> None:
        """Cuts the places, unless earlier cuts show that they are not why calls wait.

        If calls queue, their wait is proportional to how many there are: with a share r of them it should be about r
        of what it was. When it stays above the middle between r and 1 nothing queues, and this is the wait without.
        """
        if self._cut_from:
            share = beside / self._cut_from
            is_least = self._exact <= LEAST_LIMIT
            if is_least or (share <= TELLING_CUT and wait >= self._cut_wait * (1.0 + share) / 2.0):
                self._unqueued = wait
                self._known_at = now
                self._is_looking = False
                self._cut_from = 0.0
                return
        if not self._cut_from or beside <= TELLING_CUT * self._cut_from:
            self._cut_from, self._cut_wait = beside, wait
        self._set(self._exact * factor)

    def _grow(self, factor: float) -> None:
        """Fast up to where a call was last refused, beyond it by one: the next refusal costs a call."""
        grown = self._exact * factor + math.sqrt(self._exact)
        self._set(min(grown, max(self._quiet_below, self._exact + 1.0)))

    def _set(self, exact: float) -> None:
        """What is learned stays within the limits, so that it never winds up beyond them; a pause teaches nothing."""
        most = float(self._most or MOST_LIMIT)
        self._exact = max(min(exact, most), min(LEAST_LIMIT, most))
        self.limit = min(int(self._exact), self._most)
        self._light = max(1, self.limit // LIGHT_SHARE)

    def _begin_window(self, now: float) -> None:
        self._since = now
        self._samples = self._beside = 0
        self._waited = 0.0
        self._peak = self.in_flight
