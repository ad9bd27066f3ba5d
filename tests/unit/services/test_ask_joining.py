"""One request id, one run: executed once, read by everybody who comes, bounded in memory, ended by its last reader."""

from __future__ import annotations

import asyncio
import math
import random
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.ask import Audience, Decided, Delta, Final
from atp_grpc.domain.claim import ClaimKey
from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.errors import (
    DrainingError,
    NoEligibleModelError,
    ProvidersUnavailableError,
    RequestIdForgottenError,
    RequestIdReusedError,
)
from atp_grpc.pb.atp.v1 import ask_service_pb2 as pb
from atp_grpc.services.ask_joining import BUFFER_BYTES, EVENT_BYTES, AskRuns, Told
from atp_grpc.services.convert.answers import UnfinishedAnswerError
from atp_grpc.shared.contract import Replay
from atp_grpc.shared.durable import DurableClaims
from atp_grpc.store.memory_claims import MemoryClaims
from tests.unit.services.ask_stories import DECIDED, FINAL, PLAIN, Script, Step, text, until

KEY = ClaimKey("acme", "atp.v1.AskService", "r-1")


class Desk:
    """Runs over durable claims in memory, with a script as their story."""

    def __init__(self, script: Script, *, buffer_bytes: int = BUFFER_BYTES, keeper: MemoryClaims | None = None) -> None:
        self.script = script
        self.joined = 0
        self.runs = AskRuns(
            claims=DurableClaims(
                ManualClock(),
                keeper or MemoryClaims(),
                ids_per_tenant=10,
                bytes_per_tenant=100_000,
                chance=random.Random(1),
                on_fault=lambda _: None,
            ),
            ttl_seconds=60,
            on_joined=self.count,
            buffer_bytes=buffer_bytes,
        )

    def count(self) -> None:
        self.joined += 1

    async def read(self, *, digest: bytes = b"body", deadline: float = math.inf) -> list[Told]:
        return [event async for event in self.runs.events(KEY, digest, deadline, self.script.tell)]


async def test_everybody_who_comes_while_it_runs_gets_every_event_and_it_runs_once() -> None:
    gate = asyncio.Event()
    desk = Desk(Script((*PLAIN[:2], gate, *PLAIN[2:])))
    readers = [asyncio.ensure_future(desk.read()) for _ in range(3)]
    await until(lambda: desk.script.pulled == 2)
    late = asyncio.ensure_future(desk.read())
    await asyncio.sleep(0)
    gate.set()

    assert await asyncio.gather(*readers, late) == [list(PLAIN)] * 4
    assert (desk.script.told, desk.joined, len(desk.runs)) == (1, 3, 0)
    assert desk.script.ends == ["done"]


async def test_who_comes_after_it_gets_the_whole_answer_again() -> None:
    desk = Desk(Script())
    await desk.read()

    [replay] = await desk.read()

    assert isinstance(replay, Replay)
    answer = pb.AskResponse.FromString(replay.response)
    assert (answer.decision.decision_id, answer.text, answer.final.total_cost_nano_usd) == ("d-1", "Hello", 70)
    assert desk.script.told == 1


async def test_another_body_under_a_running_id_is_refused_and_disturbs_nobody() -> None:
    gate = asyncio.Event()
    desk = Desk(Script((DECIDED, gate, FINAL)))
    first = asyncio.ensure_future(desk.read())
    await until(lambda: desk.script.pulled)

    with pytest.raises(RequestIdReusedError):
        await desk.read(digest=b"another body")
    gate.set()

    assert await first == [DECIDED, FINAL]


async def test_a_failure_is_told_to_every_reader_after_what_was_told_before_and_is_not_kept() -> None:
    failure = ProvidersUnavailableError(attempts=1, error=None, cost_nano_usd=0, retry_after_seconds=1)
    gate = asyncio.Event()
    desk = Desk(Script((DECIDED, gate, failure)))
    got: list[list[Told]] = [[], []]

    async def read(into: list[Told]) -> None:
        async with aclosing(desk.runs.events(KEY, b"body", math.inf, desk.script.tell)) as events:
            while True:
                into.append(await anext(events))

    readers = [asyncio.ensure_future(read(into)) for into in got]
    await until(lambda: desk.script.pulled)
    gate.set()
    failed = await asyncio.gather(*readers, return_exceptions=True)

    assert [type(one) for one in failed] == [ProvidersUnavailableError] * 2
    assert got == [[DECIDED], [DECIDED]]
    desk.script.steps = PLAIN
    assert await desk.read() == list(PLAIN)


async def test_a_story_that_ends_without_its_end_is_a_fault_and_never_an_answer() -> None:
    desk = Desk(Script(PLAIN[:3]))
    with pytest.raises(UnfinishedAnswerError):
        await desk.read()

    desk.script.steps = PLAIN
    assert await desk.read() == list(PLAIN)


async def test_one_reader_that_leaves_takes_nothing_from_the_other() -> None:
    gate = asyncio.Event()
    desk = Desk(Script((*PLAIN[:2], gate, *PLAIN[2:])))
    first, second = (asyncio.ensure_future(desk.read()) for _ in range(2))
    await until(lambda: desk.script.pulled == 2)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    gate.set()

    assert await second == list(PLAIN)
    assert desk.script.ends == ["done"]


async def test_the_last_reader_to_leave_ends_the_run_at_once_and_the_id_is_free() -> None:
    desk = Desk(Script((DECIDED, asyncio.Event(), FINAL)))
    readers = [asyncio.ensure_future(desk.read()) for _ in range(2)]
    await until(lambda: desk.script.pulled)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    await until(lambda: desk.script.ends == ["cancelled"])

    desk.script.steps = PLAIN
    assert await desk.read() == list(PLAIN)
    assert (desk.script.told, len(desk.runs)) == (2, 0)


async def test_who_comes_while_a_left_run_still_ends_waits_for_it_and_begins_anew() -> None:
    closing = asyncio.Event()

    class Slow(Script):
        async def tell(self, audience: Audience):  # type: ignore[no-untyped-def]  # noqa: ANN202
            async with aclosing(super().tell(audience)) as events:
                try:
                    async for event in events:
                        yield event
                finally:
                    if not closing.is_set():
                        await closing.wait()

    desk = Desk(Slow((DECIDED, asyncio.Event())))
    first = asyncio.ensure_future(desk.read())
    await until(lambda: desk.script.pulled)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    desk.script.steps = PLAIN
    second = asyncio.ensure_future(desk.read())
    await asyncio.sleep(0)
    assert desk.script.told == 1

    closing.set()

    assert await second == list(PLAIN)
    assert desk.script.ends == ["cancelled", "done"]


async def test_a_slow_reader_makes_the_run_wait_and_memory_stays_bounded() -> None:
    many = [text("x" * 100, number) for number in range(1_000)]
    desk = Desk(Script((DECIDED, *many, FINAL)), buffer_bytes=10 * (EVENT_BYTES + 100))
    async with aclosing(desk.runs.events(KEY, b"body", math.inf, desk.script.tell)) as events:
        await anext(events)
        for _ in range(100):
            await asyncio.sleep(0)
        assert desk.script.pulled <= 12
        rest = [event async for event in events]

    assert rest == [*many, FINAL]


async def test_who_comes_when_the_beginning_is_let_go_of_is_refused_and_never_executes_again() -> None:
    gate = asyncio.Event()
    many = [text("x" * 100, number) for number in range(50)]
    desk = Desk(Script((DECIDED, *many, gate, FINAL)), buffer_bytes=10 * (EVENT_BYTES + 100))
    first = asyncio.ensure_future(desk.read())
    await until(lambda: desk.script.pulled == 51)

    with pytest.raises(RequestIdForgottenError) as forgotten:
        await desk.read()
    gate.set()

    assert forgotten.value.metadata["decision_id"] == "d-1"
    assert len(await first) == 52
    assert desk.script.told == 1


async def test_a_slow_reader_that_leaves_lets_the_others_go_on() -> None:
    many = [text("x" * 100, number) for number in range(100)]
    desk = Desk(Script((DECIDED, *many, FINAL)), buffer_bytes=10 * (EVENT_BYTES + 100))
    slow = desk.runs.events(KEY, b"body", math.inf, desk.script.tell)
    await anext(slow)
    fast = asyncio.ensure_future(desk.read())
    await until(lambda: desk.script.pulled > 10)
    assert not fast.done()

    await slow.aclose()

    assert len(await fast) == 102


async def test_at_the_end_of_the_process_runs_are_closed_and_their_readers_told() -> None:
    desk = Desk(Script((DECIDED, asyncio.Event(), FINAL)))
    reader = asyncio.ensure_future(desk.read())
    await until(lambda: desk.script.pulled)

    await desk.runs.close()

    with pytest.raises(DrainingError):
        await reader
    assert (desk.script.open, len(desk.runs)) == (0, 0)


@given(
    readers=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 12)), min_size=1, max_size=5),
    failure=st.integers(0, 9),
    room=st.sampled_from([1, 3, 100]),
)
async def test_whoever_comes_and_goes_one_story_is_told_at_a_time_and_nothing_is_left(
    readers: list[tuple[int, int]], failure: int, room: int
) -> None:
    events: tuple[Step, ...] = (DECIDED, *[text("ab", 2 * number) for number in range(1, 7)], FINAL)
    steps = (*events[:failure], NoEligibleModelError([])) if failure < len(events) else events
    desk = Desk(Script(steps), buffer_bytes=room * (EVENT_BYTES + 2))
    most_open = 0

    async def read(come: int, leave: int) -> list[Told]:
        nonlocal most_open
        got: list[Told] = []
        for _ in range(come):
            await asyncio.sleep(0)
        async with aclosing(desk.runs.events(KEY, b"body", math.inf, desk.script.tell)) as told:
            async for event in told:
                got.append(event)
                most_open = max(most_open, desk.script.open)
                await asyncio.sleep(0)
                if len(got) > leave:
                    return []
        return got

    done = await asyncio.gather(*(read(come, leave) for come, leave in readers), return_exceptions=True)
    await until(lambda: len(desk.runs) == 0 and desk.script.open == 0)

    assert most_open <= 1
    for got in done:
        if isinstance(got, BaseException):
            assert isinstance(got, NoEligibleModelError | RequestIdForgottenError)
        elif got and not isinstance(got[0], Replay):
            assert isinstance(got[0], Decided)
            assert isinstance(got[-1], Final)
            assert "".join(one.text for one in got if isinstance(one, Delta)) == "ab" * 6
    assert desk.script.ends.count("done") <= 1


async def test_a_run_that_is_closed_before_its_first_step_leaves_no_reader_waiting() -> None:
    desk = Desk(Script((DECIDED, asyncio.Event(), FINAL)))
    reader = asyncio.ensure_future(desk.read())
    await asyncio.sleep(0)

    await desk.runs.close()

    async with asyncio.timeout(5.0):
        with pytest.raises(DrainingError):
            await reader
    assert (desk.script.open, len(desk.runs)) == (0, 0)
