"""The report of an Ask: written once, whatever the store and the caller do meanwhile, and lost never in silence."""

from __future__ import annotations

import asyncio

import pytest

from atp_grpc.asking import settling
from atp_grpc.domain.ask import Final, Spent
from atp_grpc.domain.errors import DrainingError, StoreUnavailableError
from atp_grpc.domain.outcome import Attempt, NewObservation, Report
from atp_grpc.store.contract import StoreFailure
from tests.unit.asking.priced import EXPECTED, LONGEST, staged
from tests.unit.asking.scripted import answer
from tests.unit.asking.stage import Stage
from tests.unit.asking.virtual_time import play


def test_a_caller_who_reports_his_own_bill_meanwhile_pays_all_the_same() -> None:
    async def story() -> None:
        stage = staged(1.0, *answer())
        await stage.give(10**9)
        answering = stage.answer()
        await anext(answering)
        lesson = (stage.router._ledger.find("acme", "d1") or pytest.fail("the decision is open")).lesson
        free = Report(attempts=(Attempt("good", cost_nano_usd=0),))
        await stage.journal.submit(NewObservation(lesson, free, stage.clock.now_nanos()))
        assert stage.spent() == LONGEST - EXPECTED
        rest = [event async for event in answering]
        assert isinstance(rest[-1], Final)
        assert stage.spent() == 39_000
        await stage.close()

    play(story())


def fail(stage: Stage, times: int) -> None:
    """Has the next commits of the store fail."""
    record, left = stage.store.record, times

    async def failing(reports: object) -> object:
        nonlocal left
        if left:
            left -= 1
            raise StoreFailure("away")
        return await record(reports)  # type: ignore[arg-type]

    stage.store.record = failing  # type: ignore[method-assign, assignment]


def test_a_store_that_is_away_for_a_moment_delays_the_final_and_changes_nothing_else() -> None:
    async def story() -> None:
        stage = staged(*answer())
        await stage.give(10**9)
        fail(stage, 3)
        told = await stage.tell()
        assert told.final.cost_nano_usd == 39_000
        assert (stage.spent(), stage.held()) == (39_000, 0)
        assert len(stage.observations) == 1
        await stage.close()

    play(story())


def test_a_store_that_stays_away_keeps_the_final_back_and_the_bill_is_written_later() -> None:
    async def story() -> None:
        stage = staged(*answer())
        await stage.give(10**9)
        fail(stage, 20)
        told = await stage.tell()
        assert isinstance(told.error, StoreUnavailableError)
        assert isinstance(told.events[-1], Spent)
        assert told.said_cost == 39_000
        assert (stage.spent(), stage.held()) == (39_000, 0)
        assert len(stage.observations) == 1
        await stage.close()

    play(story())


def test_a_full_journal_loses_no_bill() -> None:
    async def story() -> None:
        stage = staged(*answer())
        await stage.give(10**9)
        stage.journal._limit = 0
        reading = asyncio.get_running_loop().create_task(stage.tell())
        await asyncio.sleep(3.0)
        assert not reading.done()
        stage.journal._limit = 64
        stage.journal._room.set()
        assert (await reading).final.cost_nano_usd == 39_000
        assert (stage.spent(), stage.held()) == (39_000, 0)
        await stage.close()

    play(story())


def test_a_bill_that_cannot_be_written_before_the_end_stays_counted_and_is_told() -> None:
    async def story() -> None:
        stage = staged(*answer())
        await stage.give(10**9)
        stage.journal._limit = 0
        reading = asyncio.get_running_loop().create_task(stage.tell())
        await asyncio.sleep(1.0)
        await stage.asker.close()
        assert isinstance((await reading).error, StoreUnavailableError)
        assert stage.heard.unsettled == [("acme", 39_000)]
        assert stage.spent() == LONGEST
        stage.journal._limit = 64
        stage.journal.close()
        told = await stage.tell()
        assert isinstance(told.error, DrainingError)
        assert stage.heard.unsettled == [("acme", 39_000)] * 2
        await stage.close()

    play(story())


def test_while_too_many_bills_wait_for_the_store_nobody_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        monkeypatch.setattr(settling, "MOST_LATE", 2)
        stage = staged(*answer())
        fail(stage, 50)
        first = [asyncio.get_running_loop().create_task(stage.tell()) for _ in range(2)]
        await asyncio.sleep(1.0)
        with pytest.raises(StoreUnavailableError):
            await anext(stage.answer())
        assert len(stage.provider.calls) == 2
        await asyncio.gather(*first)
        assert (await stage.tell()).final.cost_nano_usd == 39_000
        assert len(stage.observations) == 3
        await stage.close()

    play(story())
