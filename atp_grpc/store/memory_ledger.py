"""The ledger contract in dictionaries: budgets and shares that last as long as their process.

`MemoryStore` is built on it, so that a store in memory is a ledger too. It never waits, and never writes a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from atp_grpc.domain.budget import Account, Budget, Grant, Share
from atp_grpc.store.contract import StoreFailure


class MemoryLedger:
    """Money in dictionaries. No method ever waits, so concurrent calls cannot mix."""

    def __init__(self) -> None:
        self._budgets: dict[str, Budget] = {}
        self._shares: dict[tuple[Account, str], Share] = {}
        self._settled_through: dict[str, int] = {}
        self._is_closed = False

    async def budgets(self) -> list[Budget]:
        """As the contract says."""
        self._check_open()
        return [self._budgets[tenant] for tenant in sorted(self._budgets)]

    async def replace_budget(self, tenant: str, before: Budget | None, after: Budget | None) -> bool:
        """As the contract says."""
        self._check_open()
        if self._budgets.get(tenant) != before:
            return False
        if after is None:
            self._budgets.pop(tenant, None)
        else:
            self._budgets[tenant] = after
        self._shares = {
            key: share for key, share in self._shares.items() if key[0].tenant != tenant or self._stands(key[0])
        }
        return True

    async def lease(self, account: Account, replica: str, share: Share, wanted_nano_usd: int) -> Grant:
        """As the contract says; durable means until the process ends."""
        self._check_open()
        if not self._stands(account):
            return Grant(0, 0)
        self._shares[account, replica] = share
        exposed = sum(one.exposed_nano_usd for (key, _), one in self._shares.items() if key == account)
        left = max(0, self._budgets[account.tenant].limit_nano_usd - exposed)
        granted = min(wanted_nano_usd, left)
        self._shares[account, replica] = Share(
            share.exposed_nano_usd + granted, share.held_nano_usd + granted, share.sequence
        )
        return Grant(granted, left - granted)

    async def report_shares(self, replica: str, shares: Mapping[Account, Share], settled_through: int) -> None:
        """As the contract says; durable means until the process ends."""
        self._check_open()
        self._shares |= {(account, replica): share for account, share in shares.items() if self._stands(account)}
        self._settled_through[replica] = settled_through

    async def shares_of(self, replica: str) -> tuple[dict[Account, Share], int]:
        """As the contract says."""
        self._check_open()
        shares = {account: share for (account, name), share in self._shares.items() if name == replica}
        return shares, self._settled_through.get(replica, 0)

    async def exposures(self, accounts: Sequence[Account]) -> dict[Account, Share]:
        """As the contract says."""
        self._check_open()
        wanted, sums = set(accounts), dict[Account, Share]()
        for (account, _), share in self._shares.items():
            if account in wanted:
                exposed, held, _ = sums.get(account, Share(0, 0, 0))
                sums[account] = Share(exposed + share.exposed_nano_usd, held + share.held_nano_usd, 0)
        return sums

    async def forget_shares(self, ended_before_nanos: int) -> None:
        """As the contract says."""
        self._check_open()
        self._shares = {key: share for key, share in self._shares.items() if key[0].end_nanos >= ended_before_nanos}

    def _stands(self, account: Account) -> bool:
        """Whether the account's budget is the one that its tenant has."""
        budget = self._budgets.get(account.tenant)
        return budget is not None and budget.since_nanos == account.since_nanos

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreFailure("the store is closed")
