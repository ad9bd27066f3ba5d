"""Setting money aside: what fits is taken, what does not is refused, and a budget concerns only what came after it."""

from __future__ import annotations

import pytest

from atp_grpc.domain.budget import HOLD_SECONDS, BudgetPeriod
from atp_grpc.domain.errors import BudgetExhaustedError
from tests.unit.tenancy.budgets.examples import DAY, NOW, SECOND, Desk, counted


async def test_a_tenant_without_a_budget_is_never_stopped() -> None:
    desk, ledger = counted()
    await desk.give(1, tenant="globex")

    await desk.budgets.prepare("acme", 10**15, NOW)
    desk.budgets.hold("acme", 10**15, NOW)

    assert desk.budgets.headroom("acme", NOW) is None
    assert ledger.leases == 0


async def test_what_is_set_aside_leaves_the_headroom() -> None:
    desk = Desk.in_memory()
    await desk.give(1_000_000)
    await desk.budgets.prepare("acme", 100, NOW)
    before = desk.budgets.headroom("acme", NOW)
    assert before is not None
    assert before >= 100

    desk.budgets.hold("acme", 60, NOW)

    assert desk.budgets.headroom("acme", NOW) == before - 60


async def test_more_than_the_headroom_is_refused_and_nothing_is_set_aside() -> None:
    desk = Desk.in_memory()
    await desk.give(1_000)
    await desk.spend(900)
    before = desk.budgets.headroom("acme", NOW)

    with pytest.raises(BudgetExhaustedError) as refusal:
        await desk.spend(101)

    assert desk.budgets.headroom("acme", NOW) == 100 >= (before or 0)
    assert refusal.value.metadata == {"needed_nano_usd": "101", "left_nano_usd": "100"}
    assert refusal.value.retry_after_seconds == HOLD_SECONDS
    await desk.spend(100)


async def test_a_refusal_says_to_come_back_when_the_period_ends() -> None:
    desk = Desk.in_memory()
    await desk.give(0, BudgetPeriod.DAY)
    almost_midnight = NOW - NOW % DAY + DAY - 5 * SECOND

    with pytest.raises(BudgetExhaustedError) as refusal:
        await desk.spend(1, almost_midnight)

    assert refusal.value.retry_after_seconds == 5.0


async def test_a_decision_from_before_the_budget_is_no_concern_of_it() -> None:
    desk = Desk.in_memory()
    await desk.give(100, since=NOW)
    desk.budgets.hold("acme", 50, NOW - 1)

    await desk.bill("d1", hold=0, bill=70, decided=NOW - 1)

    assert desk.budgets.headroom("acme", NOW - 1) is None
    assert desk.account().exposed == 0


async def test_a_budget_that_is_taken_away_stops_nobody() -> None:
    desk = Desk.in_memory()
    budget = await desk.give(0)

    assert await desk.budgets.replace("acme", budget, None)

    await desk.spend(10)
    assert desk.budgets.standing == {}
