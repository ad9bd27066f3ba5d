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


async def test_what_was_set_aside_on_top_counts_until_it_is_released() -> None:
    desk = Desk.in_memory()
    await desk.give(1_000)
    await desk.spend(100)
    await desk.spend(300)
    account = desk.account()
    assert account.exposed - account.lease == 400

    await desk.bill("d", hold=100, bill=250)
    assert account.exposed - account.lease == 550
    desk.budgets.release("acme", 300, NOW)

    assert account.exposed - account.lease == 250
    assert sum(account._open.values()) == 0
    await desk.budgets.checkpoint()
    assert await desk.kept(account.key) == (250 + account.lease, account.lease)


async def test_money_that_came_back_may_be_set_aside_at_once() -> None:
    desk = Desk.in_memory()
    await desk.give(1_000)
    await desk.spend(1_000)
    with pytest.raises(BudgetExhaustedError):
        await desk.spend(1)

    desk.budgets.release("acme", 600, NOW)

    await desk.spend(600)


async def test_what_is_charged_with_a_release_stays_spent() -> None:
    desk = Desk.in_memory()
    await desk.give(1_000)
    await desk.spend(300)

    desk.budgets.release("acme", 300, NOW, charged_nano_usd=120)

    account = desk.account()
    assert account.exposed - account.lease == 120


async def test_a_release_goes_to_the_period_of_its_decision_and_to_no_budget_that_came_later() -> None:
    desk = Desk.in_memory()
    await desk.give(1_000, BudgetPeriod.DAY)
    await desk.spend(300)
    yesterday = desk.account()
    await desk.spend(50, NOW + DAY)

    desk.budgets.release("acme", 300, NOW)

    assert yesterday.exposed - yesterday.lease == 0
    today = desk.account(NOW + DAY)
    assert today.exposed - today.lease == 50
    desk.budgets.release("globex", 300, NOW)
    await desk.give(1_000, BudgetPeriod.TOTAL, since=NOW + SECOND)
    desk.budgets.release("acme", 50, NOW)
    await desk.spend(1_000, NOW + SECOND)
