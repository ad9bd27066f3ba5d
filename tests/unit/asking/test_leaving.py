"""A caller who leaves: the call upstream ends at once, what came is billed, and nothing is left over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from atp_grpc.domain.ask import AskEvent, Decided, Delta, Final
from atp_grpc.domain.outcome import AttemptError
from atp_grpc.providers.contract import Event, FaultKind, Generation
from tests.unit.asking.scripted import Step, answer, fault, finished, texts, used
from tests.unit.asking.stage import DEPLOYMENTS, Stage
from tests.unit.asking.told import asking
from tests.unit.asking.virtual_time import play

HANGING: list[Step] = [*texts("half "), 4.0, *texts("more "), 4.0, used(), finished()]


def staged(*steps: Step) -> Stage:
    stage = Stage()
    for name in DEPLOYMENTS:
        stage.provider.script(name, steps)
    return stage


@pytest.mark.parametrize("events", [1, 2, 3])
def test_closing_between_two_events_ends_the_call_and_bills_what_came(events: int) -> None:
    async def story() -> None:
        stage = staged(*HANGING)
        await stage.give(10_000_000)
        answering = stage.answer()
        seen: list[AskEvent] = [await anext(answering) for _ in range(events)]
        await answering.aclose()
        assert stage.in_flight == 0
        assert stage.provider.open_calls == 0
        await stage.settle_down()
        assert isinstance(seen[0], Decided)
        cost = {1: 0, 2: 30_000, 3: 33_000}[events]
        assert (stage.spent(), stage.held()) == (cost, 0)
        (seen_report,) = stage.observations
        (attempt,) = seen_report.recorded.attempts
        assert (attempt.error, attempt.cost_nano_usd) == (AttemptError.CANCELLED, cost)
        assert stage.heard.answers == []
        await stage.close()

    play(story())


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_cancellation_reaches_the_provider_in_the_same_moment(is_streamed: bool) -> None:
    async def story() -> None:
        stage = staged(*HANGING)

        async def read() -> None:
            async for _ in stage.answer(asking(is_streamed=is_streamed)):
                pass

        reading = asyncio.get_running_loop().create_task(read())
        await asyncio.sleep(6.0)
        cancelled_at = stage.clock.monotonic()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert stage.clock.monotonic() == cancelled_at
        assert stage.provider.calls[0].ended == "cancelled"
        assert stage.in_flight == 0
        await stage.settle_down()
        (seen,) = stage.observations
        assert seen.recorded.attempts[0].error is AttemptError.CANCELLED
        assert seen.recorded.attempts[0].cost_nano_usd == 33_000
        await stage.close()

    play(story())


def test_leaving_during_a_backoff_begins_no_other_call() -> None:
    async def story() -> None:
        stage = Stage()
        for name in DEPLOYMENTS:
            stage.provider.script(name, [fault(FaultKind.UNAVAILABLE, 5.0)])
        stage.retries.spend("acme", fault(FaultKind.UNAVAILABLE).where)

        async def read() -> None:
            async for _ in stage.answer():
                pass

        reading = asyncio.get_running_loop().create_task(read())
        await asyncio.sleep(0.001)
        calls = len(stage.provider.calls)
        reading.cancel()
        await asyncio.wait([reading])
        await stage.settle_down()
        assert len(stage.provider.calls) == calls
        assert len(stage.observations) == 1
        assert stage.in_flight == 0
        await stage.close()

    play(story())


def test_leaving_while_the_bill_is_written_down_bills_once_and_as_answered() -> None:
    async def story() -> None:
        stage = staged(*answer())
        await stage.give(10_000_000)
        may_write = asyncio.Event()
        record = stage.store.record

        async def slowly(reports: object) -> object:
            await may_write.wait()
            return await record(reports)  # type: ignore[arg-type]

        stage.store.record = slowly  # type: ignore[method-assign, assignment]

        async def read() -> None:
            async for _ in stage.answer():
                pass

        reading = asyncio.get_running_loop().create_task(read())
        await asyncio.sleep(1.0)
        reading.cancel()
        await asyncio.wait([reading])
        may_write.set()
        await stage.settle_down()
        assert stage.heard.attempts[0][1] is None
        assert len(stage.observations) == 1
        assert (stage.spent(), stage.held()) == (39_000, 0)
        await stage.close()

    play(story())


def test_a_caller_who_leaves_before_reading_calls_and_decides_nothing() -> None:
    async def story() -> None:
        stage = staged(*answer())
        answering = stage.answer()
        await answering.aclose()
        assert stage.provider.calls == []
        assert stage.observations == []
        await stage.close()

    play(story())


def test_a_slow_reader_stops_the_provider_from_being_read() -> None:
    async def story() -> None:
        pulled = 0

        async def counting(generation: object):  # type: ignore[no-untyped-def] # noqa: ANN202
            nonlocal pulled
            for step in answer(*["x"] * 50):
                pulled += 1
                yield step

        stage = Stage()
        stage.provider.generate = counting  # type: ignore[method-assign]
        answering = stage.answer()
        for _ in range(4):
            await anext(answering)
            await asyncio.sleep(1.0)
        assert pulled == 3
        rest = [event async for event in answering]
        assert isinstance(rest[-1], Final)
        assert len([event for event in rest if isinstance(event, Delta)]) == 47
        await stage.close()

    play(story())


def test_a_provider_that_fails_while_its_call_is_ended_takes_nothing_back() -> None:
    async def story() -> None:
        stage = Stage()
        generate = stage.provider.generate

        async def sloppy(generation: Generation) -> AsyncGenerator[Event, None]:
            try:
                async for event in generate(generation):
                    yield event
            finally:
                raise RuntimeError("secret words")

        stage.provider.generate = sloppy  # type: ignore[method-assign]
        told = await stage.tell()
        assert told.final.cost_nano_usd == 39_000
        assert [type(one) for one in stage.heard.faults] == [RuntimeError]
        assert stage.in_flight == 0
        await stage.close()

    play(story())
