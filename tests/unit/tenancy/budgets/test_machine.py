"""A random life of budgets, with crashes, late bills, changed limits and turning periods, beside a plain sum.

The promise: what decisions cost, or were expected to while nobody knows, is never more than the limit by more than
bills exceeded their holds, and nothing is ever forgotten. The model adds up decisions; it shares no code with the
rooms.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from atp_grpc.domain.budget import Account, Budget, BudgetPeriod
from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.errors import BudgetExhaustedError
from atp_grpc.domain.outcome import Observation
from atp_grpc.store.memory import MemoryStore
from atp_grpc.store.sqlite import open_sqlite_store
from tests.unit.tenancy.budgets.examples import DAY, NOW, SECOND, Desk, billed

Result = TypeVar("Result")
PERIODS = {"acme": BudgetPeriod.TOTAL, "globex": BudgetPeriod.DAY, "umbra": BudgetPeriod.MONTH}
LIMIT = 1_500
BILLS_TAKEN_NANOS = 7 * DAY
tenants = st.sampled_from(sorted(PERIODS))


@dataclass
class Decided:
    """One decision as the model knows it."""

    name: str
    tenant: str
    account: Account
    hold: int
    decided: int
    bill: int | None = None
    is_reported: bool = False

    @property
    def cost(self) -> int:
        return self.hold if self.bill is None else self.bill


class OneReplica(RuleBasedStateMachine):
    replicas = 1

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.now = NOW
        self.limits = dict.fromkeys(PERIODS, LIMIT)
        self.most = dict(self.limits)
        self.decisions: list[Decided] = []
        self.lost: defaultdict[Account, int] = defaultdict(int)
        self.waiting: list[list[Observation]] = [[] for _ in range(self.replicas)]
        self.gave_back = [False] * self.replicas
        self.desks = self.run(self.open())
        for desk in self.desks:
            self.run(desk.restart(NOW))
        for tenant, period in PERIODS.items():
            self.run(self.desks[0].give(LIMIT, period, tenant=tenant))
        self.tell_everybody()

    async def open(self) -> list[Desk]:
        ledger = MemoryStore("ledger")
        return [Desk(MemoryStore(f"r{n}"), ledger, f"r{n}") for n in range(self.replicas)]

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.loop.run(work)

    def tell_everybody(self) -> None:
        for desk in self.desks:
            self.run(desk.budgets.refresh())

    def account(self, tenant: str, moment: int) -> Account:
        account = Budget(tenant, 0, PERIODS[tenant], NOW).account_at(moment)
        assert account is not None
        return account

    def spent(self, account: Account) -> int:
        return sum(made.cost for made in self.decisions if made.account == account)

    def slack(self, account: Account) -> int:
        return sum(max(0, made.cost - made.hold) for made in self.decisions if made.account == account)

    def exposed(self, account: Account) -> int:
        """What the replicas count, with the bills that are on disk and not settled yet."""
        waiting = {seen.lesson.decision_id for queue in self.waiting for seen in queue}
        unsettled = sum(
            made.cost - made.hold for made in self.decisions if made.account == account and made.name in waiting
        )
        return unsettled + self.counted(account)

    def counted(self, account: Account) -> int:
        """What the replicas count."""
        return sum(
            opened.exposed
            for desk in self.desks
            for key, opened in desk.budgets._lines[account.tenant].accounts.items()
            if key == account
        )

    @rule(tenant=tenants, amount=st.integers(0, 60) | st.integers(0, 400), which=st.integers(0, 1))
    def decide(self, tenant: str, amount: int, which: int) -> None:
        desk, account = self.desks[which % self.replicas], self.account(tenant, self.now)
        self.run(desk.budgets.prepare(tenant, amount, self.now))
        headroom = desk.budgets.headroom(tenant, self.now)
        assert headroom is not None
        try:
            desk.budgets.hold(tenant, amount, self.now)
        except BudgetExhaustedError:
            assert amount > headroom
            # Refused only because the limit has no room, or the other replica holds it.
            assert self.replicas > 1 or self.counted(account) - headroom + amount > self.limits[tenant]
            return
        assert amount <= headroom
        self.decisions.append(
            Decided(f"d{len(self.decisions)}", tenant, account, amount, self.now),
        )
        # What costs nothing is let through whatever the limit is.
        assert amount == 0 or self.spent(account) <= self.limits[tenant] + self.slack(account)

    @precondition(lambda self: any(not made.is_reported for made in self.decisions))
    @rule(data=st.data(), bill=st.none() | st.integers(0, 800), which=st.integers(0, 1), is_settled=st.booleans())
    def report(self, data: st.DataObject, bill: int | None, which: int, is_settled: bool) -> None:
        made = data.draw(st.sampled_from([one for one in self.decisions if not one.is_reported]))
        if self.now - made.decided >= BILLS_TAKEN_NANOS:
            return
        place = which % self.replicas
        new = billed(
            made.name,
            hold=made.hold,
            bill=bill,
            decided_nanos=made.decided,
            observed_nanos=self.now,
            tenant=made.tenant,
        )
        self.waiting[place].append(self.run(self.desks[place].record(new)))
        made.bill, made.is_reported = bill, True
        if is_settled:
            self.settle(place)

    @rule(tenant=tenants, amount=st.integers(1, 60), charged=st.integers(0, 30), which=st.integers(0, 1))
    def set_aside_on_top_and_release(self, tenant: str, amount: int, charged: int, which: int) -> None:
        """What is set aside beside a decision's hold comes back, but for what was charged; no report speaks of it."""
        desk, account = self.desks[which % self.replicas], self.account(tenant, self.now)
        self.run(desk.budgets.prepare(tenant, amount, self.now))
        headroom = desk.budgets.headroom(tenant, self.now)
        if headroom is None or headroom < amount:
            return
        before = self.counted(account)
        desk.budgets.hold(tenant, amount, self.now)
        assert desk.budgets.headroom(tenant, self.now) == headroom - amount
        charged = min(charged, amount)
        desk.budgets.release(tenant, amount, self.now, charged_nano_usd=charged)
        assert self.counted(account) == before - amount + charged
        self.lost[account] += charged
        self.gave_back[which % self.replicas] = True

    @rule(which=st.integers(0, 1))
    def settle(self, which: int) -> None:
        place = which % self.replicas
        for observation in self.waiting[place]:
            self.desks[place].budgets.settle(observation)
            # The second time is as if it had not been.
            self.desks[place].budgets.settle(observation)
        self.waiting[place] = []

    @rule(seconds=st.sampled_from([1, 30, 400, 700, 86_400, 86_400 * 5]))
    def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @rule(which=st.integers(0, 1))
    def tick(self, which: int) -> None:
        place = which % self.replicas
        self.desks[place].budgets.expire(self.now)
        self.gave_back[place] = True

    @rule(which=st.integers(0, 1))
    def checkpoint(self, which: int) -> None:
        place = which % self.replicas
        self.run(self.desks[place].budgets.checkpoint())
        self.gave_back[place] = False

    @rule(tenant=tenants, limit=st.integers(0, 300) | st.integers(0, 2 * LIMIT))
    def change_limit(self, tenant: str, limit: int) -> None:
        self.run(self.desks[0].give(limit, PERIODS[tenant], tenant=tenant))
        self.tell_everybody()
        self.limits[tenant] = limit
        self.most[tenant] = max(self.most[tenant], limit)
        self.gave_back = [True] * self.replicas

    @rule(which=st.integers(0, 1))
    def crash(self, which: int) -> None:
        """Everything but the store is gone, and a bill that was on disk and not settled is settled at the start."""
        place = which % self.replicas
        desk = self.desks[place]
        self.run(self.fetched(desk))
        before = {key: self.exposed(key) for key in self.accounts()}
        leases = {key: opened.lease for line in desk.budgets._lines.values() for key, opened in line.accounts.items()}
        self.waiting[place] = []
        self.run(desk.restart(self.now))
        for key, exposed in before.items():
            rise = self.exposed(key) - exposed
            # What was given back and not written down is lost again; everything else is found to the nano-dollar.
            assert rise >= 0
            assert rise == 0 or self.gave_back[place]
            self.lost[key] += leases.get(key, 0) + rise
        self.gave_back[place] = False

    @rule()
    def leave_and_come_back(self) -> None:
        for place, desk in enumerate(self.desks):
            self.settle(place)
            self.run(desk.budgets.close())
            self.gave_back[place] = False
            self.run(desk.restart(self.now))
        for account in self.accounts():
            assert self.exposed(account) == self.spent(account) + self.lost[account]

    async def fetched(self, desk: Desk) -> None:
        if desk.budgets._fetching:
            await asyncio.wait(desk.budgets._fetching.values())

    def accounts(self) -> list[Account]:
        """The accounts that bills may still come in for."""
        known = {key for desk in self.desks for line in desk.budgets._lines.values() for key in line.accounts}
        return sorted(key for key in known if key.end_nanos > self.now - BILLS_TAKEN_NANOS)

    @invariant()
    def nothing_is_forgotten(self) -> None:
        for account in self.accounts():
            assert self.exposed(account) >= self.spent(account)

    @invariant()
    def the_limit_holds(self) -> None:
        for account in self.accounts():
            assert self.spent(account) <= self.most[account.tenant] + self.slack(account)

    def teardown(self) -> None:
        try:
            self.leave_and_come_back()
            self.now += 700 * SECOND
            self.everything_is_told_at_rest()
        finally:
            self.run(self.desks[0].store.close())
            self.loop.close()
            self.folder.cleanup()

    def everything_is_told_at_rest(self) -> None:
        for desk in self.desks:
            desk.budgets.expire(self.now)
            self.run(desk.budgets.checkpoint())
            assert desk.faults == []
        for account, share in self.run(self.desks[0].ledger.exposures(self.accounts())).items():
            assert share.held_nano_usd == 0
            assert share.exposed_nano_usd == self.spent(account) + self.lost[account]


class TwoReplicas(OneReplica):
    """Two replicas on one ledger; a bill may come in at either."""

    replicas = 2


class OneReplicaOnDisk(OneReplica):
    """The same on a SQLite file."""

    async def open(self) -> list[Desk]:
        store = await open_sqlite_store(Path(self.folder.name) / "atp.db", replica="r0", clock=ManualClock())
        return [Desk(store, store, "r0")]


OneReplica.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TwoReplicas.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
OneReplicaOnDisk.TestCase.settings = settings(
    max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestOneReplica = OneReplica.TestCase
TestTwoReplicas = TwoReplicas.TestCase
TestOneReplicaOnDisk = OneReplicaOnDisk.TestCase
