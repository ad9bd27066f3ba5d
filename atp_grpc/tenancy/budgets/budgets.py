"""Hard limits of money: sets aside what a decision is expected to cost, and puts the bill in its place.

Routing enters here before and inside a decision, learning after every commit, the app at start, on its ticks and at the
end. What may be set aside was leased from the ledger before, durably, so a limit holds through any crash. It never
judges what a call ought to cost, and a tenant without a budget costs it one look-up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

from atp_grpc.domain.budget import HOLD_SECONDS, Budget
from atp_grpc.domain.clock import NANOS_PER_SECOND
from atp_grpc.domain.decision import Lesson
from atp_grpc.domain.errors import BudgetExhaustedError, StoreUnavailableError
from atp_grpc.domain.outcome import Observation, Report
from atp_grpc.store.contract import Ledger, Store, StoreFailure
from atp_grpc.tenancy.budgets.account import OpenAccount
from atp_grpc.tenancy.budgets.line import KEPT_NANOS, Line

_LOW_WATER = 4
"""Below this part of a lease the next one is fetched, while calls go on with the rest."""
_MOST_FETCHES = 8
"""Others may take what was fetched, and calls of different moments judge differently whether asking is of use."""
_RETRY_SECONDS = 0.5
_REPLAY_PAGE = 1_000


class Budgets:
    """The budgets of one replica, on one event loop."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        store: Store,
        replica: str,
        bill_of: Callable[[Report, Lesson], int | None],
        on_fault: Callable[[Exception], None],
    ) -> None:
        """Takes the ledger, and the store whose observations it settles.

        `bill_of` says what reported attempts cost together, in nano-US-dollars, or None when that is not known;
        `on_fault` hears of a lease that could not be fetched.
        """
        self._ledger = ledger
        self._store = store
        self._replica = replica
        self._bill_of = bill_of
        self._on_fault = on_fault
        self._lines: dict[str, Line] = {}
        self._opened_nanos = 0
        self._settled_through = 0
        self._reported_through = 0
        self._forget_before_nanos: int | None = None
        # A replica has one write on its way at a time: each states a whole share, and must be the latest that is kept.
        self._writing = asyncio.Lock()
        self._fetching: dict[OpenAccount, asyncio.Task[None]] = {}

    @property
    def settled_through(self) -> int:
        """The highest observation sequence that is settled (not necessarily in the ledger yet)."""
        return self._settled_through

    @property
    def standing(self) -> Mapping[str, Budget]:
        """The budgets in force, by tenant."""
        return {tenant: self._lines[tenant].budget for tenant in sorted(self._lines)}

    async def restore(self, now_nanos: int) -> None:
        """Takes up what the ledger keeps, and settles every later observation. Comes before everything else.

        Raises:
            StoreFailure: the ledger or the store does not answer.
        """
        self._opened_nanos = now_nanos
        await self.refresh()
        shares, self._settled_through = await self._ledger.shares_of(self._replica)
        if not self._lines:
            self._settled_through = await self._store.last_sequence()
            return
        for key, share in shares.items():
            line = self._lines.get(key.tenant)
            if line is not None and line.budget.since_nanos == key.since_nanos:
                line.open(key, share)
        while page := await self._store.observations_after(self._settled_through, _REPLAY_PAGE):
            for observation in page:
                self.settle(observation)
        await self.checkpoint()

    async def refresh(self) -> None:
        """Takes up the budgets that stand now, also those that another replica was given.

        Raises:
            StoreFailure: the ledger does not answer.
        """
        async with self._writing:
            standing = {budget.tenant: budget for budget in await self._ledger.budgets()}
            for tenant in self._lines.keys() | standing.keys():
                self._adopt(tenant, standing.get(tenant))

    async def replace(self, tenant: str, before: Budget | None, after: Budget | None) -> bool:
        """Puts one budget in place of another, where None is no budget; False when `before` does not stand any more.

        A cancelled caller leaves, and the change is made all the same, in the ledger and here.

        Raises:
            StoreFailure: nothing is changed, or may be asked for again.
        """
        return await asyncio.shield(asyncio.ensure_future(self._replace(tenant, before, after)))

    def headroom(self, tenant: str, now_nanos: int) -> int | None:
        """What may be set aside for the tenant now without waiting, in nano-US-dollars; None without a budget."""
        line = self._lines.get(tenant)
        account = None if line is None else line.at(now_nanos)
        return None if account is None else account.lease

    async def prepare(self, tenant: str, needed_nano_usd: int, now_nanos: int) -> None:
        """Sees that as much as is needed may be set aside, if the limit has room for it.

        Waits only while the lease falls short of what is needed and the ledger may have more. Who comes after it must
        set aside before waiting for anything else.

        Raises:
            StoreUnavailableError: the lease falls short, and the ledger does not answer.
        """
        line = self._lines.get(tenant)
        account = None if line is None else line.at(now_nanos)
        if line is None or account is None or account.lease >= max(needed_nano_usd, account.low_water):
            return
        for _ in range(_MOST_FETCHES):
            if account.rests(now_nanos):
                break
            fetching = self._fetch(line, account, needed_nano_usd, now_nanos)
            if account.lease >= needed_nano_usd:
                return
            await asyncio.shield(fetching)
            if account.lease >= needed_nano_usd:
                return
        if account.lease < needed_nano_usd and account.is_cut_off:
            raise StoreUnavailableError(_RETRY_SECONDS)

    def hold(self, tenant: str, amount_nano_usd: int, decided_nanos: int) -> None:
        """Sets money aside for a decision.

        Args:
            tenant: whose decision it is.
            amount_nano_usd: what it is expected to cost, at least 0; its lesson carries the same figure.
            decided_nanos: the moment its lesson carries.

        Raises:
            BudgetExhaustedError: it is more than `headroom` says; nothing is set aside.
        """
        line = self._lines.get(tenant)
        account = None if line is None else line.at(decided_nanos)
        if account is None:
            return
        if amount_nano_usd > account.lease:
            raise self.refusal(tenant, amount_nano_usd, decided_nanos)
        account.hold(amount_nano_usd, decided_nanos)

    def release(self, tenant: str, amount_nano_usd: int, decided_nanos: int, *, charged_nano_usd: int = 0) -> None:
        """Gives back what was set aside for a decision on top of the hold of its lesson, once its bill is settled.

        Until then it is part of what may be spent. What is `charged` is spent, and no observation will say so.
        """
        line = self._lines.get(tenant)
        account = None if line is None else line.at(decided_nanos)
        if account is not None:
            account.settle(amount_nano_usd, charged_nano_usd, decided_nanos)

    def refusal(self, tenant: str, needed_nano_usd: int, now_nanos: int) -> BudgetExhaustedError:
        """The refusal of a call that needs more than is left; when to come back is when holds end, or the period."""
        line = self._lines.get(tenant)
        account = None if line is None else line.at(now_nanos)
        left_nano_usd, wait_seconds = 0, float(HOLD_SECONDS)
        if account is not None:
            left_nano_usd = account.lease
            wait_seconds = min(wait_seconds, (account.key.end_nanos - now_nanos) / NANOS_PER_SECOND)
        return BudgetExhaustedError(
            needed_nano_usd=needed_nano_usd, left_nano_usd=left_nano_usd, retry_after_seconds=wait_seconds
        )

    def settle(self, observation: Observation) -> None:
        """Puts the bill of a decision in place of its hold, if the observation brings one. Called in their order.

        An observation that was settled before changes nothing. A bill goes to the period that its decision was made in.
        """
        if observation.sequence <= self._settled_through:
            return
        self._settled_through = observation.sequence
        lesson = observation.lesson
        line = self._lines.get(lesson.tenant)
        # Attempts are recorded once for a decision, so it is billed once.
        if line is None or not observation.recorded.attempts:
            return
        bill = self._bill_of(observation.recorded, lesson)
        account = None if bill is None else line.at(lesson.decided_nanos)
        if bill is None or account is None or observation.sequence <= account.taken_through:
            return
        account.settle(lesson.hold_nano_usd, bill, lesson.decided_nanos)

    def expire(self, now_nanos: int) -> None:
        """Counts as spent what was set aside long ago and never billed, and closes periods that are long over."""
        for line in self._lines.values():
            if line.expire(now_nanos):
                self._forget_before_nanos = now_nanos - KEPT_NANOS

    async def checkpoint(self) -> int:
        """Writes down what changed since the last time.

        Returns the observation sequence through which a restart would find everything in the ledger.

        Raises:
            StoreFailure: it is not certain that anything was written; the next time everything is.
        """
        async with self._writing:
            through = self._settled_through
            changed = {
                account: share
                for line in self._lines.values()
                for account in line.accounts.values()
                if (share := account.share(through))[:2] != account.reported
            }
            if changed or (self._lines and through != self._reported_through):
                for account in changed:
                    account.reported = None
                shares = {account.key: share for account, share in changed.items()}
                await self._ledger.report_shares(self._replica, shares, through)
                self._reported_through = through
                for account, share in changed.items():
                    account.reported = share[:2]
            if self._forget_before_nanos is not None:
                await self._ledger.forget_shares(self._forget_before_nanos)
                self._forget_before_nanos = None
        return through

    async def close(self) -> None:
        """Gives back what was leased and not used, and writes everything down. Nothing may be set aside after it.

        Raises:
            StoreFailure: it was not written down; a restart then counts the leases as held, and later as spent.
        """
        if self._fetching:
            await asyncio.wait(self._fetching.values())
        for line in self._lines.values():
            for account in line.accounts.values():
                account.give_back()
        await self.checkpoint()

    async def _replace(self, tenant: str, before: Budget | None, after: Budget | None) -> bool:
        async with self._writing:
            if not await self._ledger.replace_budget(tenant, before, after):
                return False
            self._adopt(tenant, after)
            return True

    def _adopt(self, tenant: str, budget: Budget | None) -> None:
        line = self._lines.get(tenant)
        if budget is None:
            self._lines.pop(tenant, None)
        elif line is None or line.budget.since_nanos != budget.since_nanos:
            self._lines[tenant] = Line(budget, opened_nanos=self._opened_nanos)
        elif line.budget != budget:
            line.change_limit(budget)

    def _fetch(self, line: Line, account: OpenAccount, needed: int, now_nanos: int) -> asyncio.Task[None]:
        """The fetching of a lease that is on its way, or a new one."""
        fetching = self._fetching.get(account)
        # One that has just ended is still in its place until the loop turns: waiting for it would wait for nothing.
        if fetching is None or fetching.done():
            wanted = account.lease_for(needed, line.budget.limit_nano_usd)
            fetching = asyncio.get_running_loop().create_task(self._lease(account, wanted, now_nanos))
            self._fetching[account] = fetching
            fetching.add_done_callback(partial(self._fetched, account))
        return fetching

    def _fetched(self, account: OpenAccount, fetching: asyncio.Task[None]) -> None:
        if self._fetching.get(account) is fetching:
            del self._fetching[account]

    async def _lease(self, account: OpenAccount, wanted: int, now_nanos: int) -> None:
        async with self._writing:
            share = account.share(self._settled_through)
            account.reported = None
            try:
                grant = await self._ledger.lease(account.key, self._replica, share, wanted)
            except StoreFailure as fault:
                account.is_cut_off = True
                account.rest(now_nanos)
                self._on_fault(fault)
                return
            account.grant(granted := grant.granted_nano_usd)
            account.reported = (share.exposed_nano_usd + granted, share.held_nano_usd + granted)
            account.is_cut_off, account.left = False, grant.left_nano_usd
            account.low_water = max(1, wanted // _LOW_WATER)
            if granted < wanted:
                account.rest(now_nanos)
