"""Background tasks: each has a name, its death is noticed, its end is waited for."""

from __future__ import annotations

import asyncio

import pytest

from atp_grpc.app.background import Background, every


class Desk:
    def __init__(self) -> None:
        self.deaths: list[tuple[str, str]] = []
        self.noticed = asyncio.Event()
        self.background = Background(self.died)

    def died(self, name: str, fault: BaseException) -> None:
        self.deaths.append((name, type(fault).__name__))
        self.noticed.set()


async def test_a_task_that_ends_by_a_fault_is_told_of_by_name() -> None:
    desk = Desk()

    async def doomed() -> None:
        raise ValueError("made for the test")

    desk.background.start("doomed", doomed())
    await asyncio.wait_for(desk.noticed.wait(), 5)
    assert desk.deaths == [("doomed", "ValueError")]
    await desk.background.cancel_all()


async def test_an_end_and_a_cancellation_are_no_deaths() -> None:
    desk, told = Desk(), asyncio.Event()

    async def obeys() -> None:
        await told.wait()

    async def forever() -> None:
        await asyncio.Event().wait()

    desk.background.start("obeys", obeys())
    desk.background.start("forever", forever())
    told.set()
    await desk.background.finish("obeys")
    await desk.background.cancel_all()
    await desk.background.cancel_all()
    assert desk.deaths == []


async def test_finish_waits_for_a_task_and_leaves_its_fault_to_the_notice() -> None:
    desk, told = Desk(), asyncio.Event()

    async def dies_late() -> None:
        await told.wait()
        raise ValueError("made for the test")

    desk.background.start("late", dies_late())
    finishing = asyncio.ensure_future(desk.background.finish("late"))
    await asyncio.sleep(0)
    assert not finishing.done()
    told.set()
    await finishing
    await asyncio.wait_for(desk.noticed.wait(), 5)
    assert desk.deaths == [("late", "ValueError")]


async def test_every_works_again_and_again_until_cancelled() -> None:
    enough, count = asyncio.Event(), 0

    async def work() -> None:
        nonlocal count
        count += 1
        if count == 3:
            enough.set()

    task = asyncio.create_task(every(0.0, work))
    await asyncio.wait_for(enough.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
