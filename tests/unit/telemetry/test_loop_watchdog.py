"""A loop that stands still is noticed by a thread beside it, which says where it stands; watching costs little."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from atp_grpc.telemetry.loop_watchdog import PLACES, LoopWatchdog

STALL_SECONDS = 0.1
HERE = __name__
SECRET = "a value that must not be told"

pytestmark = pytest.mark.alone


class Desk:
    """A watchdog on the running loop, and what it told from where."""

    def __init__(self) -> None:
        self.beats: list[float] = []
        self.came = asyncio.Event()
        self.stalls: list[tuple[list[str], int]] = []
        self.ends: list[tuple[float, float, float]] = []
        self.told = threading.Event()
        self.watchdog = LoopWatchdog(
            stall_seconds=STALL_SECONDS,
            on_beat=self.beat,
            on_stall=self.stalled,
            on_stall_end=lambda *lengths: self.ends.append(lengths),
        )

    def beat(self, lag_seconds: float) -> None:
        self.beats.append(lag_seconds)
        self.came.set()

    def stalled(self, places: list[str]) -> None:
        self.stalls.append((places, threading.get_ident()))
        self.told.set()

    async def turned(self, beats: int) -> None:
        """Waits for that many more beats."""
        goal = len(self.beats) + beats
        while len(self.beats) < goal:
            self.came.clear()
            await self.came.wait()

    def stalls_in(self, function: str) -> list[list[str]]:
        """The stalls in one function; a machine that is busy elsewhere makes others."""
        return [places for places, _ in self.stalls if any(f"{HERE}:{function}:" in place for place in places[-2:])]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    desk.watchdog.start()
    await desk.turned(2)
    yield desk
    desk.watchdog.stop()


def blocking_call(seconds: float) -> None:
    hidden = SECRET
    time.sleep(seconds)
    assert hidden


def busy_call(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@contextmanager
def interpreter_held() -> Iterator[None]:
    """No other thread gets its turn: like a call into C that keeps the interpreter to itself."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1_000.0)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


async def test_a_call_that_blocks_for_as_long_as_a_stall_is_told_once_by_name_and_without_values(desk: Desk) -> None:
    for round_number in range(1, 6):
        blocking_call(STALL_SECONDS)
        await desk.turned(2)

        assert len(desk.stalls) == len(desk.ends)
        assert len(desk.stalls_in("blocking_call")) == round_number
        assert SECRET not in str(desk.stalls)


async def test_the_thread_tells_while_the_loop_still_stands(desk: Desk) -> None:
    blocked_in = threading.get_ident()

    def waiting() -> None:
        assert desk.told.wait(5), "nobody told while the loop stood still"

    waiting()
    await desk.turned(2)

    places, told_by = desk.stalls[-1]
    assert told_by != blocked_in
    assert any(f"{HERE}:test_the_thread_tells_while_the_loop_still_stands.<locals>.waiting:" in one for one in places)


async def test_the_end_says_how_long_and_whether_the_loop_was_computing(desk: Desk) -> None:
    blocking_call(3 * STALL_SECONDS)
    await desk.turned(2)
    busy_call(3 * STALL_SECONDS)
    await desk.turned(2)

    (waited, waited_cpu, _), (computed, computed_cpu, _) = (end for end in desk.ends if end[0] >= 3 * STALL_SECONDS)
    assert waited_cpu < STALL_SECONDS < computed_cpu
    assert waited > waited_cpu
    assert computed >= computed_cpu


async def test_a_stall_that_no_thread_could_see_is_told_all_the_same(desk: Desk) -> None:
    with interpreter_held():
        busy_call(2 * STALL_SECONDS)
    await desk.turned(2)

    assert len(desk.stalls) == len(desk.ends) >= 1
    assert desk.ends[-1][1] >= 2 * STALL_SECONDS


async def test_a_stall_that_ends_before_the_thread_gets_its_turn_is_named_by_what_it_saw_before(desk: Desk) -> None:
    def slow_then_busy() -> None:
        time.sleep(0.9 * STALL_SECONDS)
        with interpreter_held():
            busy_call(STALL_SECONDS)

    # On a machine with other work the thread may come too late to see one of them.
    for _ in range(5):
        slow_then_busy()
        await desk.turned(2)

    assert any("slow_then_busy:" in place for places, _ in desk.stalls for place in places)


async def test_garbage_collection_is_named_as_such_and_nothing_breaks(desk: Desk) -> None:
    def collect() -> None:
        end = time.monotonic() + 2 * STALL_SECONDS
        while time.monotonic() < end:
            gc.collect()

    collect()
    await desk.turned(2)

    length, _, collected = max(desk.ends)
    assert STALL_SECONDS < collected <= length
    assert desk.watchdog._note_collection in gc.callbacks
    desk.watchdog.stop()
    assert desk.watchdog._note_collection not in gc.callbacks


async def test_a_deep_stack_is_told_by_its_innermost_calls(desk: Desk) -> None:
    def descend(depth: int) -> None:
        if depth:
            descend(depth - 1)
        else:
            blocking_call(2 * STALL_SECONDS)

    descend(100)
    await desk.turned(2)

    (places,) = desk.stalls_in("blocking_call")
    assert len(places) == PLACES


async def test_the_lag_is_known_now_and_the_greatest_is_remembered_for_a_while(desk: Desk) -> None:
    assert desk.watchdog.lag_seconds < STALL_SECONDS
    blocking_call(3 * STALL_SECONDS)
    assert desk.watchdog.lag_seconds >= 2 * STALL_SECONDS
    await desk.turned(3)

    assert desk.watchdog.lag_seconds < STALL_SECONDS
    assert desk.watchdog.recent_lag_seconds >= 2 * STALL_SECONDS
    assert max(desk.beats) >= 2 * STALL_SECONDS


async def test_what_is_shorter_than_half_a_stall_is_none(desk: Desk) -> None:
    for _ in range(10):
        blocking_call(STALL_SECONDS / 4)
        await desk.turned(1)

    assert desk.stalls_in("blocking_call") == []


async def test_it_stops_cleanly_however_often_and_can_start_again() -> None:
    desk = Desk()
    desk.watchdog.stop()
    for _ in range(3):
        desk.watchdog.start()
        await desk.turned(2)
        desk.watchdog.stop()
        desk.watchdog.stop()
        heard = len(desk.beats)
        blocking_call(STALL_SECONDS)
        await asyncio.sleep(STALL_SECONDS)
        assert len(desk.beats) == heard
        assert desk.watchdog.lag_seconds == 0.0

    assert [thread.name for thread in threading.enumerate() if thread.name == "loop-watchdog"] == []


async def test_a_heartbeat_costs_next_to_nothing(desk: Desk) -> None:
    """Beside the work of a loop that is busy; an idle machine pays more, because it has to be woken."""
    beat, rounds = desk.watchdog._beat, 2_000

    def cost() -> float:
        began = time.thread_time()
        for _ in range(rounds):
            beat()
            assert desk.watchdog._timer is not None
            desk.watchdog._timer.cancel()
        return (time.thread_time() - began) / rounds

    assert min(cost() for _ in range(5)) < 50e-6
