"""Whether a failed attempt is followed by another: what its fault allows, how long to wait, what a tenant may spend.

The story of Ask asks after each attempt of which nothing was shown to anyone. The rule is a pure function; the budgets
keep one number for each tenant that has failed lately. Nothing here waits, calls or knows a deployment.

Full jitter is Brooker's (*Exponential Backoff And Jitter*, AWS Architecture Blog, 2015); a budget fed by successes is
from *Site Reliability Engineering* (Beyer et al., 2016), chapter 21, and gRFC A6.
"""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

from atp_grpc.providers.contract import ProviderFault, Where

BUDGET_FULL: Final = 50.0
"""Retries in a full budget; where a tenant begins."""

EARNED_BY_SUCCESS: Final = 0.1
"""Retries that an Ask which succeeded pays for."""

COST: Final = {Where.HERE: 1.0, Where.ELSEWHERE: 0.2}
"""Retries that an attempt costs. Going elsewhere adds nothing to the load of who failed. At a fifth, a deployment that
fails just less often than its breaker opens for (half of its calls) never empties a budget: 0.5 * 0.2 = 0.1."""


class RetryRules(NamedTuple):
    """How often and how slowly. Attempts count the first one; spans are seconds.

    With n attempts made, the wait is drawn evenly from 0 to `base_seconds` * 2**(n - 1), at most `cap_seconds`.
    """

    attempts: int = 3
    base_seconds: float = 0.25
    cap_seconds: float = 5.0


DEFAULT_RETRY_RULES: Final = RetryRules()


class Wait(NamedTuple):
    """Try again after so many seconds, there."""

    seconds: float
    where: Where


class GiveUp(enum.StrEnum):
    """Why there is no further attempt."""

    FAULT = "fault"
    """The fault would repeat itself wherever the request went."""
    ATTEMPTS = "attempts"
    """As many were made as may be."""
    NOBODY_LEFT = "nobody_left"
    """It may only go elsewhere, and there is nowhere else."""
    DEADLINE = "deadline"
    """The time left is over before the wait is."""
    BUDGET = "budget"
    """The tenant's retries are spent."""


def next_try(
    fault: ProviderFault,
    *,
    attempts_made: int,
    seconds_left: float,
    has_elsewhere: bool,
    draw: float,
    rules: RetryRules = DEFAULT_RETRY_RULES,
) -> Wait | GiveUp:
    """What follows an attempt that failed before anything of it was shown.

    Elsewhere is tried at once: what the provider asks to wait, and the backoff, are for the one that failed.

    Args:
        fault: how the last attempt failed.
        attempts_made: attempts so far, at least 1.
        seconds_left: until the caller's deadline.
        has_elsewhere: whether another deployment or model is left to try.
        draw: a fresh random number in [0, 1).
        rules: how often and how slowly.
    """
    if fault.where is Where.NOWHERE:
        return GiveUp.FAULT
    if attempts_made >= rules.attempts:
        return GiveUp.ATTEMPTS
    if seconds_left <= 0.0:
        return GiveUp.DEADLINE
    if has_elsewhere:
        return Wait(0.0, Where.ELSEWHERE)
    return _here(fault, attempts_made, seconds_left, draw, rules)


def _here(
    fault: ProviderFault, attempts_made: int, seconds_left: float, draw: float, rules: RetryRules
) -> Wait | GiveUp:
    """What follows when there is nowhere else."""
    if fault.where is Where.ELSEWHERE:
        return GiveUp.NOBODY_LEFT
    asked = fault.retry_after_seconds or 0.0
    backoff = draw * min(rules.cap_seconds, rules.base_seconds * 2 ** (attempts_made - 1))
    if asked + backoff >= seconds_left:
        return GiveUp.DEADLINE
    return Wait(asked + backoff, Where.HERE)


class RetryBudgets:
    """How many retries each tenant has left. Only those below a full budget are remembered."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left: dict[str, float] = {}

    def succeeded(self, tenant: str) -> None:
        """An Ask of the tenant succeeded."""
        left = self._left.get(tenant)
        if left is None:
            return
        left += EARNED_BY_SUCCESS
        if left >= BUDGET_FULL:
            del self._left[tenant]
        else:
            self._left[tenant] = left

    def spend(self, tenant: str, where: Where) -> bool:
        """Pays for one more attempt there; False, and nothing is paid, if too little is left."""
        left = self._left.get(tenant, BUDGET_FULL) - COST[where]
        if left < 0.0:
            return False
        self._left[tenant] = left
        return True

    def left(self, tenant: str) -> float:
        """Retries left, 0 to 50."""
        return self._left.get(tenant, BUDGET_FULL)
