"""Giving, changing, reading and taking away budgets."""

from __future__ import annotations

import asyncio

import pytest

from atp_grpc.domain.budget import BudgetPeriod
from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.errors import EtagMismatchError, ResourceNotFoundError, StoreUnavailableError
from atp_grpc.store.memory import MemoryStore
from atp_grpc.tenancy.budgets.desk import BudgetDesk
from tests.unit.tenancy.budgets.examples import NOW, SECOND, Desk


class Office:
    """A desk over one replica's budgets, with a clock that is moved by hand."""

    def __init__(self, counter: Desk | None = None) -> None:
        self.counter = counter or Desk.in_memory()
        self.clock = ManualClock(NOW)
        self.desk = BudgetDesk(budgets=self.counter.budgets, ledger=self.counter.ledger, clock=self.clock)

    async def give(self, limit: int, period: BudgetPeriod = BudgetPeriod.DAY, *, etag: str = "") -> str:
        return (await self.desk.give("acme", limit, period, etag=etag, validate_only=False)).etag


async def test_a_budget_that_was_given_stands() -> None:
    office = Office()

    given = await office.desk.give("acme", 500, BudgetPeriod.MONTH, etag="", validate_only=False)

    assert office.desk.budget("acme") == given
    assert (given.limit_nano_usd, given.period, given.since_nanos) == (500, BudgetPeriod.MONTH, NOW)
    assert await office.counter.ledger.budgets() == [given]


async def test_another_limit_takes_over_what_was_spent_and_another_period_begins_afresh() -> None:
    office = Office()
    await office.give(500)
    await office.counter.spend(100)
    office.clock.advance(5)

    await office.give(800)
    (standing,) = await office.desk.standings([office.desk.budget("acme")])
    assert standing.spent_nano_usd + standing.held_nano_usd >= 100

    await office.give(800, BudgetPeriod.TOTAL)
    (standing,) = await office.desk.standings([office.desk.budget("acme")])
    assert (standing.spent_nano_usd, standing.held_nano_usd, standing.left_nano_usd) == (0, 0, 800)
    assert standing.budget.since_nanos == NOW + 5 * SECOND


async def test_the_same_again_changes_nothing() -> None:
    office = Office()
    etag = await office.give(500)
    office.clock.advance(5)

    assert await office.give(500) == etag


async def test_a_change_of_what_no_longer_stands_is_refused() -> None:
    office = Office()
    with pytest.raises(EtagMismatchError):
        await office.give(500, etag="made-up")
    etag = await office.give(500)
    await office.give(600, etag=etag)

    with pytest.raises(EtagMismatchError):
        await office.give(700, etag=etag)
    with pytest.raises(EtagMismatchError):
        await office.desk.take_away("acme", etag=etag, validate_only=False)

    assert office.desk.budget("acme").limit_nano_usd == 600


async def test_what_is_only_judged_changes_nothing() -> None:
    office = Office()
    judged = await office.desk.give("acme", 500, BudgetPeriod.DAY, etag="", validate_only=True)
    assert judged.limit_nano_usd == 500
    assert office.desk.budgets == {}
    await office.give(600)

    await office.desk.take_away("acme", etag="", validate_only=True)

    assert office.desk.budget("acme").limit_nano_usd == 600


async def test_a_budget_that_was_taken_away_is_gone() -> None:
    office = Office()
    await office.give(500)

    await office.desk.take_away("acme", etag="", validate_only=False)

    with pytest.raises(ResourceNotFoundError):
        office.desk.budget("acme")
    with pytest.raises(ResourceNotFoundError):
        await office.desk.take_away("acme", etag="", validate_only=False)
    assert await office.counter.ledger.budgets() == []


async def test_changes_at_once_end_as_one_after_the_other() -> None:
    office = Office()

    await asyncio.gather(*[office.give(limit) for limit in range(20)])

    assert await office.counter.ledger.budgets() == [office.desk.budget("acme")]


async def test_a_change_that_another_replica_made_is_taken_up() -> None:
    ledger = MemoryStore("ledger")
    north, south = [Office(Desk(MemoryStore(name), ledger, name)) for name in ("north", "south")]
    await north.give(500)

    await south.give(700)

    assert [budget.limit_nano_usd for budget in await ledger.budgets()] == [700]
    assert south.desk.budget("acme").since_nanos == NOW


async def test_a_standing_tells_spent_held_and_left() -> None:
    office = Office()
    await office.give(10_000)
    await office.counter.spend(1_000)
    await office.counter.spend(500)
    await office.counter.bill("d1", hold=1_000, bill=400)

    (standing,) = await office.desk.standings([office.desk.budget("acme")])

    assert standing.spent_nano_usd == 400
    assert standing.held_nano_usd >= 500
    assert standing.spent_nano_usd + standing.held_nano_usd + standing.left_nano_usd == 10_000


async def test_a_ledger_that_is_away_is_said_to_be() -> None:
    office = Office()
    await office.give(500)
    budget = office.desk.budget("acme")
    await office.counter.store.close()

    with pytest.raises(StoreUnavailableError):
        await office.give(600)
    with pytest.raises(StoreUnavailableError):
        await office.desk.standings([budget])
