"""A tenant's budget with its accounts: the one of now, and those of earlier periods whose bills still come in.

`Budgets` keeps one for each tenant that has a budget. Nothing here waits, and nothing here knows a ledger.
"""

from __future__ import annotations

from atp_grpc.domain.budget import Account, Budget, Share
from atp_grpc.domain.clock import NANOS_PER_SECOND
from atp_grpc.tenancy.budgets.account import OpenAccount

KEPT_NANOS = 9 * 86_400 * NANOS_PER_SECOND
"""How long an account outlives its period: bills are taken for seven days, and reports are kept for eight."""
_NOTHING = Share(0, 0, 0)


class Line:
    """One tenant's budget. `opened_nanos` is when this process began to count."""

    __slots__ = ("_latest", "_opened_nanos", "accounts", "budget")

    def __init__(self, budget: Budget, *, opened_nanos: int) -> None:
        self.budget = budget
        self.accounts: dict[Account, OpenAccount] = {}
        self._opened_nanos = opened_nanos
        self._latest: OpenAccount | None = None

    def at(self, moment_nanos: int) -> OpenAccount | None:
        """The account of a decision made at a moment; None before the budget was given."""
        latest = self._latest
        # Nearly every moment is in the period of the moment before, and what a month is costs microseconds.
        if latest is not None and latest.key.start_nanos <= moment_nanos < latest.key.end_nanos:
            return latest if moment_nanos >= latest.key.since_nanos else None
        key = self.budget.account_at(moment_nanos)
        if key is None:
            return None
        self._latest = self.accounts.get(key) or self.open(key, _NOTHING)
        return self._latest

    def open(self, key: Account, share: Share) -> OpenAccount:
        """Begins to count in an account, from what the ledger keeps of it."""
        account = OpenAccount(key, share, opened_nanos=self._opened_nanos, left=self.budget.limit_nano_usd)
        self.accounts[key] = account
        return account

    def change_limit(self, budget: Budget) -> None:
        """Takes another limit; what was leased under the one before is let go."""
        self.budget = budget
        for account in self.accounts.values():
            account.left = budget.limit_nano_usd
            account.give_back()

    def expire(self, now_nanos: int) -> bool:
        """Ends what is over; whether an account was closed for good."""
        closed = [key for key in self.accounts if key.end_nanos + KEPT_NANOS <= now_nanos]
        for key in closed:
            del self.accounts[key]
            self._latest = None
        for account in self.accounts.values():
            account.expire(now_nanos)
        return bool(closed)
