"""Callers of one id who leave: before the answer is whole the last one ends it, afterwards nobody does."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from atp_grpc.domain.errors import RequestIdForgottenError
from atp_grpc.services import ask_joining
from atp_grpc.shared.contract import Replay
from tests.unit.services.ask_stories import DECIDED, FINAL, PLAIN, WHOLE, Script, text, until
from tests.unit.services.test_ask_joining import KEY, Desk


def billing() -> tuple[Desk, asyncio.Event]:
    """A desk whose story waits for its bill, and what says that it is written."""
    written = asyncio.Event()
    return Desk(Script((*PLAIN[:3], WHOLE, written, *PLAIN[3:]))), written


async def leave(desk: Desk) -> None:
    """A caller comes, and leaves when the story waits."""
    caller = asyncio.ensure_future(desk.read())
    await until(lambda: desk.script.pulled == 3)
    for _ in range(3):
        await asyncio.sleep(0)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)


async def test_who_leaves_while_the_bill_is_written_and_asks_again_joins_and_gets_the_answer() -> None:
    desk, written = billing()
    await leave(desk)
    again = asyncio.ensure_future(desk.read())
    await asyncio.sleep(0)
    written.set()

    assert await again == list(PLAIN)
    assert (desk.script.told, desk.script.ends, desk.joined) == (1, ["done"], 1)


async def test_an_answer_whose_caller_left_while_its_bill_was_written_is_kept_for_later() -> None:
    desk, written = billing()
    await leave(desk)
    written.set()
    await until(lambda: not len(desk.runs))

    [replay] = await desk.read()

    assert isinstance(replay, Replay)
    assert (desk.script.told, desk.script.ends) == (1, ["done"])


async def test_an_answer_nobody_reads_any_more_is_kept_however_little_may_be_held_for_readers() -> None:
    many = [text("x" * 100, number) for number in range(50)]
    desk = Desk(Script((DECIDED, WHOLE, *many, FINAL)), buffer_bytes=1_000)
    async with aclosing(desk.runs.events(KEY, b"body", 1.0, desk.script.tell)) as events:
        await anext(events)
        await until(lambda: desk.script.pulled > 2)
    await until(lambda: not len(desk.runs))

    assert isinstance((await desk.read())[0], Replay)
    assert desk.script.ends == ["done"]


async def test_at_the_end_of_the_process_a_whole_answer_is_kept_before_its_run_is_closed() -> None:
    desk, written = billing()
    await leave(desk)
    closing = asyncio.ensure_future(desk.runs.close())
    for _ in range(5):
        await asyncio.sleep(0)
    written.set()
    await closing

    assert desk.script.ends == ["done"]
    assert isinstance((await desk.read())[0], Replay)


async def test_a_whole_answer_that_is_not_billed_before_the_end_of_the_process_is_never_executed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ask_joining, "LAST_SECONDS", 0.0)
    desk, _ = billing()
    await leave(desk)
    await desk.runs.close()

    with pytest.raises(RequestIdForgottenError):
        await desk.read()
    assert (desk.script.told, desk.script.ends) == (1, ["cancelled"])


async def test_a_run_lasts_as_long_as_the_most_patient_of_those_who_read_it() -> None:
    gate = asyncio.Event()
    desk = Desk(Script((DECIDED, gate, FINAL)))
    readers = []
    for deadline in (5.0, 9.0, 7.0):
        readers.append(asyncio.ensure_future(desk.read(deadline=deadline)))
        await until(lambda: desk.joined == len(readers) - 1 and desk.script.pulled)
    [audience] = desk.script.audiences
    assert audience.until == 9.0

    readers[1].cancel()
    await asyncio.gather(readers[1], return_exceptions=True)
    assert audience.until == 7.0
    gate.set()

    assert [await readers[0], await readers[2]] == [[DECIDED, FINAL], [DECIDED, FINAL]]
