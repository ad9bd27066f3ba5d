"""What a ledger promises about money: no lease beyond the limit, whole shares, and nothing of a budget that is gone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from atp_grpc.domain.budget import ENDLESS, Account, Budget, BudgetPeriod, Grant, Share
from atp_grpc.domain.clock import ManualClock
from atp_grpc.store.contract import Ledger, StoreFailure
from atp_grpc.store.memory import MemoryStore
from atp_grpc.store.sqlite import open_sqlite_store

BUDGET = Budget("acme", 1_000, BudgetPeriod.TOTAL, 5)
ACCOUNT = Account("acme", 5, 5, ENDLESS)
NOTHING = Share(0, 0, 0)


@pytest.fixture
async def given(ledger: Ledger) -> Ledger:
    """A ledger in which acme may spend 1,000."""
    assert await ledger.replace_budget("acme", None, BUDGET)
    return ledger


async def test_budgets_are_listed_by_tenant(ledger: Ledger) -> None:
    others = [Budget(name, 7, BudgetPeriod.DAY, 9) for name in ("zoo", "\x00🦉", "b", "Z")]
    for budget in (BUDGET, *others):
        assert await ledger.replace_budget(budget.tenant, None, budget)

    assert await ledger.budgets() == sorted([BUDGET, *others])


async def test_a_budget_is_replaced_only_when_it_still_stands(given: Ledger) -> None:
    more, less = BUDGET._replace(limit_nano_usd=2_000), BUDGET._replace(limit_nano_usd=1)

    assert await given.replace_budget("acme", BUDGET, more)
    assert not await given.replace_budget("acme", BUDGET, less)
    assert not await given.replace_budget("acme", None, less)
    assert not await given.replace_budget("globex", more, less)

    assert await given.budgets() == [more]
    assert await given.replace_budget("acme", more, None)
    assert await given.budgets() == []


async def test_a_lease_is_granted_whole_while_there_is_room_and_then_what_is_left(given: Ledger) -> None:
    assert await given.lease(ACCOUNT, "north", NOTHING, 600) == Grant(600, 400)
    assert await given.lease(ACCOUNT, "north", Share(600, 600, 0), 600) == Grant(400, 0)
    assert await given.lease(ACCOUNT, "north", Share(1_000, 1_000, 0), 600) == Grant(0, 0)

    assert await given.shares_of("north") == ({ACCOUNT: Share(1_000, 1_000, 0)}, 0)


async def test_a_lease_counts_what_every_replica_may_have_spent(given: Ledger) -> None:
    await given.lease(ACCOUNT, "north", NOTHING, 700)

    assert await given.lease(ACCOUNT, "south", NOTHING, 700) == Grant(300, 0)

    assert await given.exposures([ACCOUNT]) == {ACCOUNT: Share(1_000, 1_000, 0)}
    assert await given.shares_of("south") == ({ACCOUNT: Share(300, 300, 0)}, 0)


async def test_leases_asked_for_at_once_share_the_limit(given: Ledger) -> None:
    grants = await asyncio.gather(*[given.lease(ACCOUNT, f"replica-{n}", NOTHING, 300) for n in range(10)])

    assert sorted(grant.granted_nano_usd for grant in grants) == [0] * 6 + [100, 300, 300, 300]


async def test_a_share_that_is_stated_again_takes_back_a_grant_whose_answer_was_lost(given: Ledger) -> None:
    await given.lease(ACCOUNT, "north", NOTHING, 600)

    assert await given.lease(ACCOUNT, "north", NOTHING, 600) == Grant(600, 400)


async def test_a_bill_below_what_was_held_makes_room(given: Ledger) -> None:
    await given.lease(ACCOUNT, "north", NOTHING, 1_000)

    assert await given.lease(ACCOUNT, "north", Share(900, 850, 3), 600) == Grant(100, 0)

    assert await given.shares_of("north") == ({ACCOUNT: Share(1_000, 950, 3)}, 0)


async def test_nothing_is_granted_while_more_is_exposed_than_the_limit(given: Ledger) -> None:
    assert await given.lease(ACCOUNT, "north", Share(1_300, 0, 3), 600) == Grant(0, 0)
    assert await given.replace_budget("acme", BUDGET, BUDGET._replace(limit_nano_usd=1_350))
    assert await given.lease(ACCOUNT, "north", Share(1_300, 0, 3), 600) == Grant(50, 0)


async def test_a_share_below_zero_makes_room_for_others(given: Ledger) -> None:
    await given.lease(ACCOUNT, "north", NOTHING, 1_000)
    await given.report_shares("south", {ACCOUNT: Share(-250, 0, 4)}, 4)

    assert await given.lease(ACCOUNT, "north", Share(1_000, 1_000, 0), 600) == Grant(250, 0)


async def test_each_period_and_each_tenant_has_its_own_account(ledger: Ledger) -> None:
    for tenant in ("acme", "globex"):
        await ledger.replace_budget(tenant, None, Budget(tenant, 1_000, BudgetPeriod.DAY, 5))
    accounts = [Account(tenant, 5, start, start + 10) for tenant in ("acme", "globex") for start in (0, 10)]

    grants = [await ledger.lease(account, "north", NOTHING, 900) for account in accounts]

    assert grants == [Grant(900, 100)] * 4
    assert (await ledger.shares_of("north"))[0].keys() == set(accounts)


async def test_reported_shares_and_the_mark_are_kept_together(given: Ledger) -> None:
    await given.report_shares("north", {ACCOUNT: Share(500, 20, 7)}, 8)
    await given.report_shares("south", {ACCOUNT: Share(1, 1, 2)}, 2)
    await given.report_shares("north", {ACCOUNT: Share(400, 10, 9)}, 9)

    assert await given.shares_of("north") == ({ACCOUNT: Share(400, 10, 9)}, 9)
    assert await given.shares_of("south") == ({ACCOUNT: Share(1, 1, 2)}, 2)
    assert await given.shares_of("west") == ({}, 0)
    assert await given.exposures([ACCOUNT, ACCOUNT._replace(start_nanos=6)]) == {ACCOUNT: Share(401, 11, 0)}


async def test_the_shares_of_a_budget_end_with_it(given: Ledger) -> None:
    await given.lease(ACCOUNT, "north", NOTHING, 600)
    renewed = BUDGET._replace(since_nanos=6)
    await given.replace_budget("acme", BUDGET, renewed)

    assert await given.shares_of("north") == ({}, 0)
    assert await given.lease(ACCOUNT, "north", Share(600, 600, 0), 100) == Grant(0, 0)
    await given.report_shares("north", {ACCOUNT: Share(600, 600, 0)}, 3)
    assert await given.shares_of("north") == ({}, 3)
    assert await given.lease(renewed.account_at(6) or ACCOUNT, "north", NOTHING, 1_000) == Grant(1_000, 0)
    await given.replace_budget("acme", renewed, None)
    assert await given.shares_of("north") == ({}, 3)


async def test_another_limit_keeps_the_shares(given: Ledger) -> None:
    await given.lease(ACCOUNT, "north", NOTHING, 600)

    await given.replace_budget("acme", BUDGET, BUDGET._replace(limit_nano_usd=700))

    assert await given.lease(ACCOUNT, "south", NOTHING, 600) == Grant(100, 0)


async def test_only_periods_that_ended_before_are_forgotten(ledger: Ledger) -> None:
    await ledger.replace_budget("acme", None, BUDGET._replace(period=BudgetPeriod.DAY))
    old, young = Account("acme", 5, 0, 10), Account("acme", 5, 10, 20)
    await ledger.report_shares("north", {old: Share(1, 0, 1), young: Share(2, 0, 1), ACCOUNT: Share(3, 0, 1)}, 1)

    await ledger.forget_shares(20)

    assert (await ledger.shares_of("north"))[0].keys() == {young, ACCOUNT}


async def test_a_closed_ledger_says_so() -> None:
    closed = MemoryStore("north")
    await closed.close()

    with pytest.raises(StoreFailure):
        await closed.lease(ACCOUNT, "north", NOTHING, 1)


async def test_money_survives_a_restart(tmp_path: Path) -> None:
    first = await open_sqlite_store(tmp_path / "atp.db", replica="north", clock=ManualClock())
    await first.replace_budget("acme", None, BUDGET)
    await first.lease(ACCOUNT, "north", NOTHING, 600)
    await first.report_shares("south", {ACCOUNT: Share(100, 0, 2)}, 2)
    await first.close()

    again = await open_sqlite_store(tmp_path / "atp.db", replica="north", clock=ManualClock())

    assert await again.budgets() == [BUDGET]
    assert await again.lease(ACCOUNT, "north", Share(600, 600, 0), 600) == Grant(300, 0)
    assert await again.shares_of("south") == ({ACCOUNT: Share(100, 0, 2)}, 2)
    await again.close()
