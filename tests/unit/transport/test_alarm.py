"""An alarm ends one task's work and can be told from everybody else's cancellation."""

import asyncio

import pytest

from atp_grpc.transport.alarm import Alarm


async def until_cancelled(alarm_seconds: float) -> bool:
    """What `clear` says after the task was cancelled."""
    alarm = Alarm(alarm_seconds)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return alarm.clear()
    return False


async def test_an_alarm_that_rings_owns_the_cancellation_and_takes_it_back() -> None:
    task = asyncio.create_task(until_cancelled(0.0))

    assert await task is True
    assert task.cancelling() == 0


async def test_a_cancellation_from_elsewhere_is_not_the_alarms() -> None:
    task = asyncio.create_task(until_cancelled(60.0))
    await asyncio.sleep(0)
    task.cancel()

    assert await task is False
    assert task.cancelling() == 1


async def test_when_both_cancel_the_other_one_wins() -> None:
    async def both() -> bool:
        alarm = Alarm(0.0)
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().call_soon(task.cancel)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            while task.cancelling() < 2:
                try:
                    await asyncio.sleep(0)
                except asyncio.CancelledError:
                    continue
            return alarm.clear()
        return True

    assert await asyncio.create_task(both()) is False


async def test_a_cleared_alarm_never_rings() -> None:
    alarm = Alarm(0.0)

    assert alarm.clear() is False
    await asyncio.sleep(0.01)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_an_alarm_outside_of_a_task_has_nothing_to_cancel() -> None:
    loop = asyncio.get_running_loop()
    made: asyncio.Future[Alarm] = loop.create_future()

    def make() -> None:
        try:
            made.set_result(Alarm(1.0))
        except RuntimeError as fault:
            made.set_exception(fault)

    loop.call_soon(make)
    with pytest.raises(RuntimeError, match="needs a task"):
        await made
