"""Bills: each takes the place of what was set aside for it, whenever and wherever it comes in."""

from __future__ import annotations

import pytest

from atp_grpc.domain.budget import HOLD_SECONDS, MOST_EXPOSED_NANO_USD, BudgetPeriod, Share
from atp_grpc.domain.errors import BudgetExhaustedError
from atp_grpc.store.memory import MemoryStore
from tests.unit.tenancy.budgets.examples import DAY, NOW, SECOND, Desk


async def test_a_bill_below_its_hold_makes_room_at_once() -> None:
    desk = Desk.in_memory()
    await desk.give(100)
    await desk.spend(100)
    with pytest.raises(BudgetExhaustedError):
        await desk.spend(40)

    await desk.bill("d1", hold=100, bill=60)

    await desk.spend(40)
    with pytest.raises(BudgetExhaustedError):
        await desk.spend(1)


async def test_a_bill_above_its_hold_is_counted_beyond_the_limit() -> None:
    desk = Desk.in_memory()
    await desk.give(100)
    await desk.spend(100)

    await desk.bill("d1", hold=100, bill=150)

    assert desk.account().exposed == 150
    with pytest.raises(BudgetExhaustedError):
        await desk.spend(1)


async def test_a_call_that_cost_nothing_gives_everything_back() -> None:
    desk = Desk.in_memory()
    await desk.give(100)
    await desk.spend(100)

    await desk.bill("d1", hold=100, bill=0)

    await desk.spend(100)


async def test_a_cost_that_nobody_knows_leaves_the_hold_as_it_is() -> None:
    desk = Desk.in_memory()
    await desk.give(100)
    await desk.spend(100)

    await desk.bill("d1", hold=100, bill=None)

    assert desk.account().share(1) == Share(100, 100, 1)


async def test_a_hold_without_a_bill_counts_as_spent_after_ten_minutes() -> None:
    desk = Desk.in_memory()
    await desk.give(100)
    await desk.spend(100)

    desk.budgets.expire(NOW + HOLD_SECONDS * SECOND - 1)
    assert desk.account().share(0)[:2] == (100, 100)
    desk.budgets.expire(NOW + (HOLD_SECONDS + 10) * SECOND)
    assert desk.account().share(0)[:2] == (100, 0)

    late = NOW + 2 * HOLD_SECONDS * SECOND
    await desk.bill("d1", hold=100, bill=30, observed=late)
    assert desk.account().share(1)[:2] == (30, 0)


async def test_a_bill_goes_to_the_period_of_its_decision() -> None:
    desk = Desk.in_memory()
    await desk.give(100, BudgetPeriod.DAY)
    await desk.spend(100)
    tomorrow = NOW + DAY
    await desk.spend(100, tomorrow)

    await desk.bill("d1", hold=100, bill=20, observed=tomorrow)

    assert desk.account().exposed == 20
    assert desk.account(tomorrow).exposed == 100


async def test_a_bill_that_comes_in_at_the_other_replica_counts_once() -> None:
    ledger = MemoryStore("ledger")
    north, south = [Desk(MemoryStore(name), ledger, name) for name in ("north", "south")]
    await north.give(1_000)
    await south.budgets.refresh()
    await north.spend(1_000)

    await south.bill("d1", hold=1_000, bill=300)
    await south.budgets.checkpoint()

    assert (await ledger.exposures([north.account().key]))[north.account().key].exposed_nano_usd == 300
    await north.spend(700, NOW + 2 * SECOND)


async def test_absurd_bills_never_leave_what_a_ledger_can_count() -> None:
    desk = Desk.in_memory()
    await desk.give(1_000)

    for number in range(20):
        await desk.bill(f"d{number}", hold=0, bill=10**18)

    assert desk.account().exposed == MOST_EXPOSED_NANO_USD
