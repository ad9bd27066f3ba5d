"""What a process keeps of its tenants' money: prices and budgets over a restart."""

from __future__ import annotations

import json

import pytest

from atp_grpc.app.money import Money
from atp_grpc.domain.budget import HOLD_SECONDS, Budget, BudgetPeriod
from atp_grpc.domain.clock import NANOS_PER_SECOND, ManualClock
from atp_grpc.domain.outcome import Attempt, NewObservation, Observation, Recorded, Report
from atp_grpc.store.contract import StoreFailure
from atp_grpc.store.memory import MemoryStore
from tests.unit.learning.examples import NOW, lesson

LIMIT = 1_000_000
HOLD = 180_000
"""What the lessons of these tests say was set aside."""


class Flaky(MemoryStore):
    """A store that writes no fact while it is unwell."""

    is_unwell = False

    async def write_fact(self, key: str, value: str) -> None:
        if self.is_unwell:
            raise StoreFailure("no space left")
        await super().write_fact(key, value)


async def money_on(store: MemoryStore, clock: ManualClock | None = None) -> Money:
    money = Money(
        store=store,
        clock=clock or ManualClock(NOW),
        snapshot_at=lambda _: pytest.fail("nobody prepares here"),
        tenants=10,
        on_fault=lambda fault: pytest.fail(str(fault)),
    )
    await money.restore()
    return money


async def give(money: Money) -> None:
    """Gives the tenant a budget, all of it at hand."""
    assert await money.budgets.replace("acme", None, Budget("acme", LIMIT, BudgetPeriod.TOTAL, NOW))
    await money.budgets.prepare("acme", LIMIT, NOW)


async def billed(store: MemoryStore, decision_id: str, bill: int) -> Observation:
    report = Report(attempts=(Attempt("small", cost_nano_usd=bill),))
    (answer,) = await store.record([NewObservation(lesson(decision_id), report, NOW)])
    assert isinstance(answer, Recorded)
    assert answer.observation is not None
    return answer.observation


async def kept(store: MemoryStore) -> tuple[int, int, int]:
    """What the ledger keeps of the only account: exposed, held, and through which observation."""
    shares, through = await store.shares_of("r1")
    (share,) = shares.values()
    return share.exposed_nano_usd, share.held_nano_usd, through


async def test_prices_survive_a_restart() -> None:
    store = MemoryStore("r1")
    money = await money_on(store)
    pacer = money.pacers.at("acme", "default")
    pacer.cost, pacer.owed, pacer.lean, pacer.variance = 0.1, -3.0, 1.5, 0.03
    money.pacers.at("globex", "night").cost = 2.0
    await money.checkpoint()
    again = await money_on(store)
    assert again.pacers.state() == money.pacers.state()
    assert again.pacers.at("acme", "default") == pacer


@pytest.mark.parametrize(
    "state",
    [
        "rubbish",
        "[]",
        "7",
        "null",
        "{}",
        '{"pacers": 7}',
        '{"pacers": [["acme", "default", 0.5]]}',
        '{"pacers": [["acme", "default", -0.5, 0.0, 0.0, 0.1]]}',
        '{"pacers": [["acme", "default", NaN, 0.0, 0.0, 0.1]]}',
    ],
)
async def test_prices_that_cannot_be_read_begin_anew_and_are_kept_from_then_on(state: str) -> None:
    store = MemoryStore("r1")
    await store.write_fact("pacing", state)
    money = await money_on(store)
    assert len(money.pacers) == 0
    money.pacers.at("acme", "default").cost = 0.5
    await money.checkpoint()
    assert (await money_on(store)).pacers.at("acme", "default").cost == 0.5


async def test_prices_are_written_only_when_they_moved() -> None:
    store = MemoryStore("r1")
    money = await money_on(store)
    money.pacers.at("acme", "default").cost = 0.5
    await money.checkpoint()
    await store.write_fact("pacing", "marker")
    await money.checkpoint()
    assert await store.read_fact("pacing") == "marker"
    money.pacers.at("acme", "default").cost = 0.25
    await money.checkpoint()
    assert json.loads(await store.read_fact("pacing") or "") == money.pacers.state()


async def test_prices_that_could_not_be_written_are_written_the_next_time() -> None:
    store = Flaky("r1")
    money = await money_on(store)
    money.pacers.at("acme", "default").cost = 0.5
    store.is_unwell = True
    with pytest.raises(StoreFailure):
        await money.checkpoint()
    store.is_unwell = False
    await money.checkpoint()
    assert (await money_on(store)).pacers.at("acme", "default").cost == 0.5


async def test_a_checkpoint_returns_the_observation_through_which_everything_is_settled() -> None:
    store = MemoryStore("r1")
    money = await money_on(store)
    await give(money)
    assert await money.checkpoint() == 0
    for number, bill in enumerate((500_000, 200_000), start=1):
        money.budgets.hold("acme", HOLD, NOW)
        money.settle(await billed(store, f"d{number}", bill))
        assert await money.checkpoint() == number
    # The whole limit was leased, and both bills were higher than what was set aside for them.
    assert await kept(store) == (LIMIT + 700_000 - 2 * HOLD, LIMIT - 2 * HOLD, 2)


async def test_what_was_reported_after_the_last_checkpoint_is_settled_by_a_restart_and_only_once() -> None:
    store = MemoryStore("r1")
    money = await money_on(store)
    await give(money)
    money.budgets.hold("acme", HOLD, NOW)
    await money.checkpoint()
    observation = await billed(store, "d1", 500_000)
    again = await money_on(store, ManualClock(NOW + NANOS_PER_SECOND))
    exposed, _, through = await kept(store)
    assert (exposed, through) == (LIMIT + 500_000 - HOLD, 1)
    again.settle(observation)
    assert await again.checkpoint() == 1
    assert await kept(store) == (exposed, LIMIT - HOLD, 1)


async def test_what_is_never_billed_counts_as_spent_after_a_while() -> None:
    store, clock = MemoryStore("r1"), ManualClock(NOW)
    money = await money_on(store, clock)
    await give(money)
    money.budgets.hold("acme", HOLD, NOW)
    for waited, held in ((HOLD_SECONDS - 1, LIMIT), (12, LIMIT - HOLD)):
        clock.advance(waited)
        await money.expire()
        await money.checkpoint()
        assert await kept(store) == (LIMIT, held, 0)


async def test_what_was_leased_and_not_used_is_given_back_at_the_end() -> None:
    store = MemoryStore("r1")
    money = await money_on(store)
    await give(money)
    money.budgets.hold("acme", HOLD, NOW)
    money.pacers.at("acme", "default").cost = 0.5
    await money.close()
    again = await money_on(store)
    assert again.pacers.at("acme", "default").cost == 0.5
    await again.budgets.prepare("acme", LIMIT - HOLD, NOW)
    assert again.budgets.headroom("acme", NOW) == LIMIT - HOLD
