"""A tenant's budget: a limit, the period it holds for, and what may have been spent of it.

Stores, tenancy and services pass these values about. Moments are Unix nanoseconds, periods are those of UTC, money is
nano-US-dollars. Nothing here counts anything.
"""

from __future__ import annotations

import enum
import hashlib
from datetime import UTC, datetime
from typing import NamedTuple

from atp_grpc.domain.clock import NANOS_PER_SECOND

HOLD_SECONDS = 600
"""How long what was set aside for a decision waits for its bill; then it counts as spent."""
MOST_LIMIT_NANO_USD = 10**17
"""The greatest limit: a hundred million dollars."""
MOST_EXPOSED_NANO_USD = 2 * MOST_LIMIT_NANO_USD
"""Where counting ends: absurd bills stay far from where a sum of 64 bits ends."""
ENDLESS = 2**63 - 1
"""The end of a period that has none."""
_DAY_NANOS = 86_400 * NANOS_PER_SECOND


class BudgetPeriod(enum.StrEnum):
    """For how long a limit holds before it starts afresh. One to one with `atp.admin.v1.BudgetPeriod`, by test."""

    TOTAL = "total"
    DAY = "day"
    MONTH = "month"


class Account(NamedTuple):
    """One period of one budget: what money is counted in.

    `since_nanos` is the budget's. A period reaches from `start_nanos` to `end_nanos`, which is the next one's start.
    """

    tenant: str
    since_nanos: int
    start_nanos: int
    end_nanos: int


class Budget(NamedTuple):
    """What a tenant may spend in each period.

    `since_nanos` is when it was given, or when its period was changed: decisions made before are no concern of it.
    """

    tenant: str
    limit_nano_usd: int
    period: BudgetPeriod
    since_nanos: int

    @property
    def etag(self) -> str:
        """Names this content; another limit, period or beginning has another."""
        content = f"{self.tenant}\n{self.limit_nano_usd}\n{self.period}\n{self.since_nanos}"
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def account_at(self, moment_nanos: int) -> Account | None:
        """The account of a decision made at a moment; None before the budget was given."""
        if moment_nanos < self.since_nanos:
            return None
        start, end = _PERIODS[self.period](moment_nanos, self.since_nanos)
        return Account(self.tenant, self.since_nanos, start, end)


class Share(NamedTuple):
    """What one replica, or all of them together, may have spent of an account.

    `exposed_nano_usd` is the most that may have been spent: everything leased, each decision at its bill once that is
    known and at what was set aside for it until then. `held_nano_usd` is the part of it that may still turn out less.
    Every observation through `sequence` is in it.
    """

    exposed_nano_usd: int
    held_nano_usd: int
    sequence: int


class Grant(NamedTuple):
    """What a lease was given, and what it left of the limit."""

    granted_nano_usd: int
    left_nano_usd: int


class Standing(NamedTuple):
    """How a budget stands in the period of now, over all replicas."""

    budget: Budget
    account: Account
    spent_nano_usd: int
    held_nano_usd: int

    @property
    def left_nano_usd(self) -> int:
        """What is neither spent nor held; 0 also when bills went beyond the limit."""
        return max(0, self.budget.limit_nano_usd - self.spent_nano_usd - self.held_nano_usd)


def _total(_: int, since_nanos: int) -> tuple[int, int]:
    return since_nanos, ENDLESS


def _day(moment_nanos: int, _: int) -> tuple[int, int]:
    start = moment_nanos - moment_nanos % _DAY_NANOS
    return start, start + _DAY_NANOS


def _month(moment_nanos: int, _: int) -> tuple[int, int]:
    first = datetime.fromtimestamp(moment_nanos // NANOS_PER_SECOND, UTC).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return int(first.timestamp()) * NANOS_PER_SECOND, int(following.timestamp()) * NANOS_PER_SECOND


_PERIODS = {BudgetPeriod.TOTAL: _total, BudgetPeriod.DAY: _day, BudgetPeriod.MONTH: _month}
