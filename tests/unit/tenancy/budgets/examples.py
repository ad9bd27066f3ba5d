"""Budgets over a real store, and decisions whose bills they settle."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from atp_grpc.domain.budget import Account, Budget, BudgetPeriod, Grant, Share
from atp_grpc.domain.clock import NANOS_PER_SECOND
from atp_grpc.domain.outcome import Attempt, NewObservation, Observation, Recorded, Report
from atp_grpc.learning.rewards import total_cost_nano_usd
from atp_grpc.store.contract import Ledger, Store, StoreFailure
from atp_grpc.store.memory import MemoryStore
from atp_grpc.tenancy.budgets.account import OpenAccount
from atp_grpc.tenancy.budgets.budgets import Budgets
from tests.conformance.store.samples import lesson

NOW = 1_700_000_000 * NANOS_PER_SECOND
"""2023-11-14 22:13:20 UTC."""
SECOND = NANOS_PER_SECOND
DAY = 86_400 * SECOND


def bill_report(bill: int | None) -> Report:
    """What a caller reports of a call that cost so much, or so much as nobody knows."""
    return Report(attempts=(Attempt("large", cost_nano_usd=bill),))


def billed(
    decision_id: str, *, hold: int, bill: int | None, decided_nanos: int, observed_nanos: int, tenant: str = "acme"
) -> NewObservation:
    """A report of a decision's bill, on its way to the store."""
    decided = lesson(decision_id, tenant=tenant, decided_nanos=decided_nanos)._replace(hold_nano_usd=hold)
    return NewObservation(decided, bill_report(bill), observed_nanos)


@dataclass
class Desk:
    """One replica's budgets, with the store behind them."""

    store: Store
    ledger: Ledger
    replica: str = "north"
    faults: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.budgets = self.opened()

    @classmethod
    def in_memory(cls) -> Desk:
        store = MemoryStore("north")
        return cls(store, store)

    def opened(self) -> Budgets:
        return Budgets(
            ledger=self.ledger,
            store=self.store,
            replica=self.replica,
            bill_of=total_cost_nano_usd,
            on_fault=self.faults.append,
        )

    async def restart(self, now: int) -> None:
        """What a crash leaves is the store."""
        self.budgets = self.opened()
        await self.budgets.restore(now)

    async def give(
        self, limit: int, period: BudgetPeriod = BudgetPeriod.TOTAL, *, tenant: str = "acme", since: int = NOW
    ) -> Budget:
        before = self.budgets.standing.get(tenant)
        after = Budget(tenant, limit, period, since)
        assert await self.budgets.replace(tenant, before, after)
        return after

    async def spend(self, amount: int, now: int = NOW, *, tenant: str = "acme") -> None:
        """Prepares for and sets aside what one decision needs."""
        await self.budgets.prepare(tenant, amount, now)
        self.budgets.hold(tenant, amount, now)

    async def record(self, new: NewObservation) -> Observation:
        """Makes a report durable."""
        (answer,) = await self.store.record([new])
        assert isinstance(answer, Recorded)
        assert answer.observation is not None
        return answer.observation

    async def bill(
        self, decision_id: str, *, hold: int, bill: int | None, decided: int = NOW, observed: int = NOW + SECOND
    ) -> Observation:
        """Makes a bill durable and settles it."""
        observation = await self.record(
            billed(decision_id, hold=hold, bill=bill, decided_nanos=decided, observed_nanos=observed)
        )
        self.budgets.settle(observation)
        return observation

    def account(self, now: int = NOW, *, tenant: str = "acme") -> OpenAccount:
        account = self.budgets._lines[tenant].at(now)
        assert account is not None
        return account

    async def kept(self, account: Account) -> tuple[int, int]:
        """What the ledger keeps: exposed and held by all replicas."""
        exposed, held, _ = (await self.ledger.exposures([account]))[account]
        return exposed, held


class CountingLedger(MemoryStore):
    """A ledger in memory that counts what is asked of it, waits as a disk does, and fails when it is told to."""

    def __init__(self) -> None:
        super().__init__("north")
        self.leases = 0
        self.reports = 0
        self.is_away = False
        self.loses_answers = False

    async def lease(self, account: Account, replica: str, share: Share, wanted_nano_usd: int) -> Grant:
        self.leases += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise StoreFailure("away")
        grant = await super().lease(account, replica, share, wanted_nano_usd)
        if self.loses_answers:
            raise StoreFailure("the answer was lost")
        return grant

    async def replace_budget(self, tenant: str, before: Budget | None, after: Budget | None) -> bool:
        is_replaced = await super().replace_budget(tenant, before, after)
        await asyncio.sleep(0)
        return is_replaced

    async def report_shares(self, replica: str, shares: Mapping[Account, Share], settled_through: int) -> None:
        self.reports += 1
        await super().report_shares(replica, shares, settled_through)
        if self.loses_answers:
            raise StoreFailure("the answer was lost")


def counted() -> tuple[Desk, CountingLedger]:
    ledger = CountingLedger()
    return Desk(ledger, ledger), ledger
