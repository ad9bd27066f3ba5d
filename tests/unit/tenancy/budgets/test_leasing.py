"""Leases: fetched ahead and together, given back when they are not needed, and never more than the limit."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from atp_grpc.domain.budget import Budget, BudgetPeriod, Grant
from atp_grpc.domain.errors import BudgetExhaustedError, StoreUnavailableError
from atp_grpc.store.memory import MemoryStore
from tests.unit.tenancy.budgets.examples import DAY, NOW, SECOND, Desk, counted


async def test_a_thousand_calls_ask_the_ledger_a_few_times() -> None:
    desk, ledger = counted()
    await desk.give(10**12)

    for _ in range(1_000):
        await desk.spend(1_000)

    assert 1 <= ledger.leases <= 3


async def test_calls_that_come_at_once_wait_for_one_lease_and_all_are_served() -> None:
    desk, ledger = counted()
    await desk.give(8_000_000)

    await asyncio.gather(*[desk.spend(1_000) for _ in range(200)])

    # 64 calls to a lease.
    assert ledger.leases <= 5


async def test_a_lease_is_fetched_ahead_while_calls_go_on() -> None:
    desk, ledger = counted()
    await desk.give(10**9)
    await desk.spend(10_000)
    fetched = ledger.leases
    while (desk.budgets.headroom("acme", NOW) or 0) >= desk.account().low_water:
        desk.budgets.hold("acme", 10_000, NOW)

    await desk.budgets.prepare("acme", 10_000, NOW)
    assert ledger.leases == fetched
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert ledger.leases == fetched + 1


async def test_a_ledger_with_nothing_left_is_not_asked_for_every_refusal() -> None:
    desk, ledger = counted()
    await desk.give(100)
    await desk.spend(100)
    asked = ledger.leases
    for step in range(20):
        with pytest.raises(BudgetExhaustedError):
            await desk.spend(1, NOW + step)
    assert ledger.leases <= asked + 1

    with pytest.raises(BudgetExhaustedError):
        await desk.spend(1, NOW + 2 * SECOND)

    assert ledger.leases <= asked + 2


async def test_a_call_that_comes_just_as_a_fetch_ends_does_not_wait_on_it_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk, ledger = counted()
    await desk.give(100)
    await desk.spend(100)
    lease = ledger.lease
    late: list[asyncio.Future[None]] = []

    async def ending(*asked: Any) -> Grant:
        grant = await lease(*asked)
        # Comes when the fetch has ended and nobody was told yet; of another moment, it does not see the ledger rest.
        if not late:
            late.append(asyncio.ensure_future(desk.spend(1, NOW + 5 * SECOND)))
        return grant

    monkeypatch.setattr(ledger, "lease", ending)
    with pytest.raises(BudgetExhaustedError):
        await desk.spend(1, NOW)
    with pytest.raises(BudgetExhaustedError):
        await late[0]


async def test_calls_of_many_moments_do_not_keep_each_other_waiting() -> None:
    desk, ledger = counted()
    await desk.give(100)
    await desk.spend(100)
    asked = ledger.leases
    moments = [NOW + step * 3 * SECOND for step in range(12)]

    refused = await asyncio.gather(*[desk.spend(1, moment) for moment in moments], return_exceptions=True)

    assert {type(one) for one in refused} == {BudgetExhaustedError}
    assert ledger.leases <= asked + len(moments)


async def test_what_was_leased_for_a_period_that_is_over_is_given_back() -> None:
    desk = Desk.in_memory()
    await desk.give(8_000, BudgetPeriod.DAY)
    await desk.spend(10)

    desk.budgets.expire(NOW + DAY)
    await desk.budgets.checkpoint()

    assert await desk.kept(desk.account().key) == (10, 0)


async def test_a_lowered_limit_takes_back_what_was_leased() -> None:
    desk = Desk.in_memory()
    await desk.give(100_000)
    await desk.spend(1_000)
    assert desk.budgets.headroom("acme", NOW)

    await desk.give(500)

    assert desk.budgets.headroom("acme", NOW) == 0
    with pytest.raises(BudgetExhaustedError):
        await desk.spend(1)
    await desk.give(1_001)
    await desk.spend(1)


async def test_a_ledger_that_is_away_refuses_what_the_lease_cannot_hold() -> None:
    desk, ledger = counted()
    await desk.give(1_000_000)
    await desk.spend(10)
    left = desk.budgets.headroom("acme", NOW) or 0
    ledger.is_away = True

    await desk.spend(left)
    with pytest.raises(StoreUnavailableError):
        await desk.budgets.prepare("acme", 10, NOW)

    assert len(desk.faults) >= 1
    ledger.is_away = False
    await desk.spend(10, NOW + 2 * SECOND)


async def test_a_grant_whose_answer_was_lost_is_not_counted_for_ever() -> None:
    desk, ledger = counted()
    await desk.give(64_000)
    ledger.loses_answers = True
    with pytest.raises(StoreUnavailableError):
        await desk.spend(100)
    ledger.loses_answers = False

    await desk.budgets.checkpoint()

    assert await desk.kept(desk.account().key) == (0, 0)
    await desk.spend(100, NOW + 2 * SECOND)


async def test_a_cancelled_caller_leaves_the_lease_to_the_others() -> None:
    desk, ledger = counted()
    await desk.give(1_000_000)
    first, second = [asyncio.create_task(desk.spend(10)) for _ in range(2)]
    await asyncio.sleep(0)

    first.cancel()
    await second

    assert ledger.leases == 1


async def test_a_checkpoint_sees_a_change_that_a_lease_hid() -> None:
    desk = Desk.in_memory()
    await desk.give(1_000)
    await desk.spend(500)
    await desk.bill("d1", hold=500, bill=600)
    await desk.budgets.checkpoint()
    kept = desk.account().exposed
    desk.account().give_back()
    await desk.bill("d2", hold=0, bill=kept - desk.account().exposed)
    await desk.budgets.prepare("acme", 1, NOW)
    desk.account().give_back()

    await desk.budgets.checkpoint()

    assert (await desk.kept(desk.account().key))[0] == desk.account().exposed == kept


async def test_two_replicas_never_set_aside_more_than_one_limit() -> None:
    ledger = MemoryStore("ledger")
    north, south = [Desk(MemoryStore(name), ledger, name) for name in ("north", "south")]
    await north.give(1_000)
    await south.budgets.refresh()
    taken = 0
    for turn in range(60):
        try:
            await (north, south)[turn % 2].spend(50)
        except BudgetExhaustedError:
            continue
        taken += 50

    assert 900 <= taken <= 1_000


async def test_a_change_that_comes_second_is_told_so() -> None:
    desk = Desk.in_memory()
    first = await desk.give(1_000)

    assert not await desk.budgets.replace("acme", None, Budget("acme", 5, BudgetPeriod.DAY, NOW))

    assert desk.budgets.standing == {"acme": first}


async def test_a_change_whose_caller_left_is_made_all_the_same() -> None:
    desk, ledger = counted()
    change = asyncio.create_task(desk.budgets.replace("acme", None, Budget("acme", 5, BudgetPeriod.DAY, NOW)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(await ledger.budgets()) == 1

    change.cancel()
    with pytest.raises(asyncio.CancelledError):
        await change
    await asyncio.sleep(0)

    assert list(desk.budgets.standing.values()) == await ledger.budgets()
