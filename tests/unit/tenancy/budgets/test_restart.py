"""What is written down, and what a new process makes of it."""

from __future__ import annotations

import pytest

from atp_grpc.domain.budget import HOLD_SECONDS, BudgetPeriod, Share
from atp_grpc.store.contract import StoreFailure
from tests.unit.tenancy.budgets.examples import DAY, NOW, SECOND, Desk, billed, counted


async def test_a_crash_costs_the_lease_and_nothing_else() -> None:
    desk = Desk.in_memory()
    await desk.give(100_000)
    await desk.spend(1_000)
    await desk.bill("d1", hold=1_000, bill=400)
    exposed = desk.account().exposed

    await desk.restart(NOW + SECOND)

    assert desk.account().exposed == exposed
    assert desk.budgets.headroom("acme", NOW + SECOND) == 0
    # The lease of the process that died counts as held for as long as one of its calls may be billed, then as spent.
    assert desk.account().share(1).held_nano_usd == exposed - 400
    desk.budgets.expire(NOW + (HOLD_SECONDS + 1) * SECOND)
    assert desk.account().share(1) == Share(exposed, 0, 1)


async def test_a_bill_that_comes_after_a_crash_lowers_what_the_dead_process_held() -> None:
    desk = Desk.in_memory()
    await desk.give(1_000)
    await desk.spend(1_000)
    await desk.restart(NOW + SECOND)

    await desk.bill("d1", hold=1_000, bill=100)

    assert desk.account().share(1) == Share(100, 0, 1)


async def test_a_bill_on_disk_that_was_not_settled_is_settled_at_the_start() -> None:
    desk = Desk.in_memory()
    await desk.give(1_000)
    await desk.spend(1_000)
    await desk.record(billed("d1", hold=1_000, bill=300, decided_nanos=NOW, observed_nanos=NOW))

    await desk.restart(NOW + SECOND)

    assert desk.account().exposed == 300
    assert desk.budgets.settled_through == 1


async def test_a_bill_that_a_lease_wrote_down_is_not_settled_again() -> None:
    desk = Desk.in_memory()
    await desk.give(1_000)
    await desk.budgets.checkpoint()
    await desk.spend(900)
    await desk.bill("d1", hold=900, bill=100)
    # The share goes with the lease; the mark of what is settled does not.
    await desk.spend(850)
    assert (await desk.ledger.shares_of("north"))[1] == 0

    await desk.restart(NOW + SECOND)

    assert desk.account().exposed == 100 + 850


async def test_a_checkpoint_writes_only_when_something_changed() -> None:
    desk, ledger = counted()
    assert await desk.budgets.checkpoint() == 0
    assert ledger.reports == 0
    await desk.give(1_000)
    await desk.spend(10)
    await desk.bill("d1", hold=10, bill=5)

    assert await desk.budgets.checkpoint() == 1
    assert await desk.budgets.checkpoint() == 1

    assert ledger.reports == 1


async def test_an_orderly_end_gives_the_lease_back() -> None:
    desk = Desk.in_memory()
    await desk.give(100_000)
    await desk.spend(1_000)
    await desk.bill("d1", hold=1_000, bill=400)

    await desk.budgets.close()

    assert await desk.kept(desk.account().key) == (400, 0)


async def test_a_start_without_budgets_reads_no_old_observations() -> None:
    desk = Desk.in_memory()
    await desk.bill("d1", hold=0, bill=5)

    await desk.restart(NOW)

    assert desk.budgets.settled_through == 1


async def test_an_account_is_closed_when_no_bill_can_come_any_more() -> None:
    desk = Desk.in_memory()
    await desk.give(1_000, BudgetPeriod.DAY)
    await desk.spend(10)
    key = desk.account().key
    await desk.budgets.checkpoint()

    desk.budgets.expire(NOW + 8 * DAY)
    await desk.budgets.checkpoint()
    assert key in await desk.ledger.exposures([key])
    desk.budgets.expire(NOW + 11 * DAY)
    await desk.budgets.checkpoint()

    assert await desk.ledger.exposures([key]) == {}


async def test_a_report_whose_answer_was_lost_is_made_good_even_when_nothing_differs_any_more() -> None:
    desk, ledger = counted()
    await desk.give(1_000)
    await desk.spend(100)
    await desk.budgets.checkpoint()
    before = desk.account().exposed
    await desk.bill("d1", hold=0, bill=50)
    ledger.loses_answers = True
    with pytest.raises(StoreFailure):
        await desk.budgets.checkpoint()
    ledger.loses_answers = False
    await desk.bill("d2", hold=50, bill=0, decided=NOW + 100 * SECOND)

    await desk.budgets.checkpoint()

    assert (await desk.kept(desk.account().key))[0] == before
