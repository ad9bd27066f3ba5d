"""A wait can be given up without cancelling what is waited for, and loses nothing that has come."""

import asyncio
import gc
from typing import Any

import pytest

from atp_grpc.transport.waiting import GivenUpError, Wait


class Source:
    """Gives one message when told to, as a transport does, and tells what became of its reader."""

    def __init__(self) -> None:
        self.future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.ended_with: list[object] = []

    async def read(self) -> bytes:
        try:
            message = await self.future
        except BaseException as fault:
            self.ended_with.append(fault)
            raise
        self.ended_with.append(message)
        return message


async def waiting(wait: Wait, source: Source) -> asyncio.Task[Any]:
    """A task that waits now."""

    async def run() -> Any:
        return await wait.of(source.read())

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    return task


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_comes_is_delivered_again_and_again() -> None:
    wait = Wait()
    for number in range(5):
        source = Source()
        task = await waiting(wait, source)
        source.future.set_result(bytes([number]))

        assert await task == bytes([number])


async def test_work_that_waits_several_times_or_never_is_done_like_any_other() -> None:
    loop, wait = asyncio.get_running_loop(), Wait()

    async def several() -> int:
        for _ in range(3):
            future = loop.create_future()
            loop.call_soon(future.set_result, None)
            await future
        return 3

    async def never() -> int:
        return 0

    assert await wait.of(several()) == 3
    assert await wait.of(never()) == 0


async def test_what_the_work_raises_comes_out_of_the_wait() -> None:
    source, wait = Source(), Wait()
    task = await waiting(wait, source)
    source.future.set_exception(ConnectionError("gone"))

    with pytest.raises(ConnectionError, match="gone"):
        await task
    assert isinstance(source.ended_with[0], ConnectionError)


async def test_a_wait_that_is_given_up_ends_and_the_read_goes_on_to_its_own_end() -> None:
    source, wait = Source(), Wait()
    task = await waiting(wait, source)

    wait.give_up()

    with pytest.raises(GivenUpError):
        await task
    assert not source.future.cancelled()
    source.future.set_result(b"late")
    await turns()
    assert source.ended_with == [b"late"]


@pytest.mark.parametrize("comes_first", ["the message", "the end"])
async def test_a_message_that_came_in_the_same_moment_is_delivered_and_not_lost(comes_first: str) -> None:
    source, wait = Source(), Wait()
    task = await waiting(wait, source)
    if comes_first == "the end":
        wait.give_up()
    source.future.set_result(b"just in time")
    wait.give_up()

    assert await task == b"just in time"


async def test_a_wait_that_was_given_up_before_ends_at_once() -> None:
    source, wait = Source(), Wait()
    wait.give_up()

    with pytest.raises(GivenUpError):
        await wait.of(source.read())


async def test_a_task_that_is_cancelled_leaves_the_read_alone() -> None:
    source, wait = Source(), Wait()
    task = await waiting(wait, source)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelling() == 1
    source.future.set_result(b"late")
    await turns()
    assert source.ended_with == [b"late"]


async def test_a_task_that_is_cancelled_while_its_message_comes_is_cancelled_and_the_read_ends() -> None:
    source, wait = Source(), Wait()
    task = await waiting(wait, source)

    source.future.set_result(b"too late")
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    await turns()
    assert source.ended_with == [b"too late"]


@pytest.mark.parametrize("comes_first", ["the cancellation", "the end"])
async def test_a_cancellation_wins_over_giving_up_in_either_order(comes_first: str) -> None:
    source, wait = Source(), Wait()
    task = await waiting(wait, source)
    if comes_first == "the end":
        wait.give_up()
    task.cancel()
    wait.give_up()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_read_that_was_cancelled_by_somebody_else_is_a_cancellation() -> None:
    source, wait = Source(), Wait()
    task = await waiting(wait, source)

    source.future.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_read_that_fails_after_it_was_given_up_bothers_nobody() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    source, wait = Source(), Wait()
    task = await waiting(wait, source)
    wait.give_up()
    with pytest.raises(GivenUpError):
        await task

    source.future.set_exception(ConnectionError("gone"))
    await turns()
    del source, task
    gc.collect()

    assert told == []
