"""Where operators give, change, read and take away budgets.

Services enter here. A change is durable and in force when it returns; a change that is only judged changes nothing. It
never sets money aside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from atp_grpc.domain.budget import Account, Budget, BudgetPeriod, Share, Standing
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.errors import EtagMismatchError, ResourceNotFoundError, StoreUnavailableError
from atp_grpc.store.contract import Ledger, StoreFailure
from atp_grpc.tenancy.budgets.budgets import Budgets

_RETRY_SECONDS = 0.5
_NOTHING = Share(0, 0, 0)


class BudgetDesk:
    """Reads and changes the budgets of one deployment."""

    def __init__(self, *, budgets: Budgets, ledger: Ledger, clock: Clock) -> None:
        self._budgets = budgets
        self._ledger = ledger
        self._clock = clock

    @property
    def budgets(self) -> Mapping[str, Budget]:
        """The budgets in force, by tenant."""
        return self._budgets.standing

    def budget(self, tenant: str) -> Budget:
        """A tenant's budget.

        Raises:
            ResourceNotFoundError: it has none.
        """
        budget = self.budgets.get(tenant)
        if budget is None:
            raise ResourceNotFoundError("budget", tenant)
        return budget

    async def give(
        self, tenant: str, limit_nano_usd: int, period: BudgetPeriod, *, etag: str, validate_only: bool
    ) -> Budget:
        """Gives a tenant a budget, or changes the one it has; the same again changes nothing.

        What was spent counts on under another limit. Another period begins afresh.

        Args:
            tenant: whose budget.
            limit_nano_usd: what it may spend in each period; below what it has spent, nothing more is set aside.
            period: for how long the limit holds.
            etag: of the budget that is changed; empty to change whatever stands.
            validate_only: whether to say what would come of it, and change nothing.

        Raises:
            EtagMismatchError: another budget stands, or none.
            StoreUnavailableError: the ledger does not answer.
        """
        while True:
            before = self._standing(tenant, etag)
            is_kept = before is not None and before.period is period
            since = before.since_nanos if before is not None and is_kept else self._clock.now_nanos()
            after = Budget(tenant, limit_nano_usd, period, since)
            if validate_only or after == before or await self._replaced(tenant, before, after):
                return after

    async def take_away(self, tenant: str, *, etag: str, validate_only: bool) -> None:
        """Takes a tenant's budget away, and with it what was counted.

        Raises:
            ResourceNotFoundError: it has none. EtagMismatchError: another budget stands.
            StoreUnavailableError: the ledger does not answer.
        """
        while True:
            self.budget(tenant)
            before = self._standing(tenant, etag)
            if validate_only or await self._replaced(tenant, before, None):
                return

    async def standings(self, budgets: Sequence[Budget]) -> list[Standing]:
        """How budgets stand in the period of now, over all replicas.

        Raises:
            StoreUnavailableError: the ledger does not answer.
        """
        now = self._clock.now_nanos()
        # A clock that was set back below a budget's beginning finds its first period.
        accounts = [_account(budget, now) for budget in budgets]
        try:
            await self._budgets.checkpoint()
            exposures = await self._ledger.exposures(accounts)
        except StoreFailure:
            _unavailable()
        return [
            _standing(budget, account, exposures.get(account, _NOTHING))
            for budget, account in zip(budgets, accounts, strict=True)
        ]

    def _standing(self, tenant: str, etag: str) -> Budget | None:
        before = self.budgets.get(tenant)
        if etag and (before is None or before.etag != etag):
            raise EtagMismatchError(tenant)
        return before

    async def _replaced(self, tenant: str, before: Budget | None, after: Budget | None) -> bool:
        try:
            if await self._budgets.replace(tenant, before, after):
                return True
            await self._budgets.refresh()
        except StoreFailure:
            _unavailable()
        return False


def _account(budget: Budget, now_nanos: int) -> Account:
    account = budget.account_at(max(now_nanos, budget.since_nanos))
    if account is None:
        raise AssertionError("a budget has an account from its beginning on")
    return account


def _standing(budget: Budget, account: Account, share: Share) -> Standing:
    held = max(0, share.held_nano_usd)
    return Standing(budget, account, spent_nano_usd=max(0, share.exposed_nano_usd - held), held_nano_usd=held)


def _unavailable() -> NoReturn:
    raise StoreUnavailableError(_RETRY_SECONDS) from None
