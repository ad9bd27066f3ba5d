"""The regular look: together, within limits, never twice at a time, and not more often than once a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from atp_grpc.domain.clock import ManualClock, SystemClock
from atp_grpc.domain.health import CheckResult, Finding, State
from atp_grpc.telemetry.checkup import HANG_FACTOR, Check, Checkup

WELL = Finding(State.HEALTHY, "fine")
ILL = Finding(State.UNHEALTHY, "broken")
LIMIT_SECONDS = 0.05


class Part:
    """Something to look at, that does what a test wants."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.behaviour: Callable[[], Coroutine[Any, Any, Finding]] = self.answer
        self.finding = WELL
        self.looks = self.inside = self.most_inside = 0

    async def answer(self) -> Finding:
        return self.finding

    async def look(self) -> Finding:
        self.looks += 1
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            return await self.behaviour()
        finally:
            self.inside -= 1


class Desk:
    """A checkup of two parts, and what it told."""

    def __init__(self, clock: ManualClock | SystemClock) -> None:
        self.store, self.disk = Part("store"), Part("disk")
        self.told: list[CheckResult] = []
        self.changes: list[tuple[str, State]] = []
        self.faults: list[tuple[str, BaseException]] = []
        self.checkup = Checkup(
            [Check("store", self.store.look), Check("disk", self.disk.look)],
            clock=clock,
            limit_seconds=LIMIT_SECONDS,
            fall=2,
            rise=2,
            on_result=self.told.append,
            on_change=lambda result, believed: self.changes.append((result.name, believed)),
            on_fault=self.failed,
        )

    def failed(self, check: str, fault: BaseException) -> str:
        self.faults.append((check, fault))
        return f"incident-{len(self.faults)}"

    def result(self, name: str) -> CheckResult:
        (found,) = [result for result in self.checkup.results if result.name == name]
        return found


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def desk(clock: ManualClock) -> Desk:
    return Desk(clock)


@pytest.fixture
def real() -> Desk:
    """On the machine's clock, for what is about time limits."""
    return Desk(SystemClock())


async def test_a_look_finds_everything_in_the_order_of_the_checks(desk: Desk, clock: ManualClock) -> None:
    assert not desk.checkup.results
    assert desk.checkup.believed("store") is State.HEALTHY

    await desk.checkup.look()

    assert [(one.name, one.state, one.sentence) for one in desk.checkup.results] == [
        ("store", State.HEALTHY, "fine"),
        ("disk", State.HEALTHY, "fine"),
    ]
    assert {one.checked_nanos for one in desk.checkup.results} == {clock.now_nanos()}
    assert sorted(one.name for one in desk.told) == ["disk", "store"]
    assert desk.changes == []


async def test_what_is_believed_follows_when_it_was_found_again(desk: Desk) -> None:
    await desk.checkup.look()
    desk.store.finding = ILL
    await desk.checkup.look()
    assert desk.result("store").state is State.UNHEALTHY
    assert desk.checkup.believed("store") is State.HEALTHY
    assert desk.changes == []

    await desk.checkup.look()

    assert desk.checkup.believed("store") is State.UNHEALTHY
    assert desk.changes == [("store", State.UNHEALTHY)]
    assert desk.checkup.believed("disk") is State.HEALTHY


async def test_what_is_ill_from_the_first_moment_is_believed_and_told(desk: Desk) -> None:
    desk.disk.finding = ILL
    await desk.checkup.look()

    assert desk.changes == [("disk", State.UNHEALTHY)]


async def test_a_check_that_is_slow_is_degraded_and_says_how_long_it_took(real: Desk) -> None:
    async def slow() -> Finding:
        await asyncio.sleep(2 * LIMIT_SECONDS)
        return WELL

    real.store.behaviour = slow
    await real.checkup.look()

    found = real.result("store")
    assert (found.state, found.sentence) == (State.DEGRADED, "took 0.1 s; fine")
    assert found.seconds >= 2 * LIMIT_SECONDS
    assert real.result("disk").state is State.HEALTHY


async def test_a_check_that_is_slow_and_ill_is_ill(real: Desk) -> None:
    async def slow() -> Finding:
        await asyncio.sleep(2 * LIMIT_SECONDS)
        return ILL

    real.store.behaviour = slow
    await real.checkup.look()

    assert (real.result("store").state, real.result("store").sentence) == ILL


async def test_a_check_that_hangs_is_given_up_holds_up_nobody_and_is_never_started_twice(real: Desk) -> None:
    gate = asyncio.Event()

    async def hang() -> Finding:
        await gate.wait()
        return WELL

    loop, real.store.behaviour = asyncio.get_running_loop(), hang
    began = loop.time()
    await real.checkup.look()
    assert HANG_FACTOR * LIMIT_SECONDS <= loop.time() - began < 20 * LIMIT_SECONDS
    assert real.result("store").state is State.UNHEALTHY
    assert real.result("store").sentence.startswith("has not answered for 0.")
    assert real.result("disk").state is State.HEALTHY

    began = loop.time()
    await real.checkup.look()
    assert loop.time() - began < LIMIT_SECONDS
    assert (real.store.looks, real.disk.looks) == (1, 2)
    assert real.checkup.believed("store") is State.UNHEALTHY

    gate.set()
    await real.checkup.look()
    assert real.result("store").state is State.DEGRADED
    await real.checkup.look()
    await real.checkup.look()
    assert real.store.most_inside == 1
    assert real.checkup.believed("store") is State.HEALTHY


async def test_a_check_that_raises_is_one_incident_and_none_of_its_text(desk: Desk) -> None:
    async def broken() -> Finding:
        raise RuntimeError("postgres://user:secret@host")

    desk.store.behaviour = broken
    await desk.checkup.look()
    await desk.checkup.look()
    found = desk.result("store")
    assert (found.state, found.sentence) == (State.UNHEALTHY, "the check itself failed; incident incident-1")
    assert [check for check, _ in desk.faults] == ["store"]

    desk.store.behaviour = desk.store.answer
    await desk.checkup.look()
    desk.store.behaviour = broken
    await desk.checkup.look()
    assert [check for check, _ in desk.faults] == ["store", "store"]


async def test_a_check_that_lets_a_cancellation_out_is_a_fault_like_any_other(desk: Desk) -> None:
    async def leaking() -> Finding:
        raise asyncio.CancelledError

    desk.store.behaviour = leaking
    await desk.checkup.look()

    assert desk.result("store").state is State.UNHEALTHY
    assert len(desk.faults) == 1


async def test_whoever_asks_gets_a_fresh_look_at_most_once_a_second(desk: Desk, clock: ManualClock) -> None:
    await desk.checkup.look()
    for _ in range(50):
        await asyncio.gather(*(desk.checkup.refresh() for _ in range(20)))
    assert desk.store.looks == 1

    clock.advance(1.0)
    await asyncio.gather(*(desk.checkup.refresh() for _ in range(1_000)))
    assert desk.store.looks == 2
    assert desk.store.most_inside == 1


async def test_whoever_asks_sees_what_is_now_and_does_not_hurry_what_is_believed(
    desk: Desk, clock: ManualClock
) -> None:
    await desk.checkup.look()
    desk.store.finding = ILL
    for _ in range(10):
        clock.advance(1.0)
        await desk.checkup.refresh()

    assert desk.store.looks == 11
    assert desk.result("store").state is State.UNHEALTHY
    assert desk.checkup.believed("store") is State.HEALTHY


async def test_whoever_asks_waits_no_longer_than_the_limit_of_a_check(real: Desk) -> None:
    real.store.behaviour = asyncio.Event().wait  # type: ignore[assignment]
    look = asyncio.create_task(real.checkup.look())
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    began = loop.time()

    await asyncio.gather(*(real.checkup.refresh() for _ in range(100)))

    assert loop.time() - began < HANG_FACTOR * LIMIT_SECONDS
    assert real.store.looks == 1
    look.cancel()


async def test_two_looks_at_once_come_one_after_the_other(desk: Desk) -> None:
    await asyncio.gather(*(desk.checkup.look() for _ in range(5)))

    assert (desk.store.looks, desk.store.most_inside) == (5, 1)


async def test_it_runs_at_its_interval_tells_after_each_time_and_lets_go_of_everything_at_the_end(desk: Desk) -> None:
    slept: list[float] = []
    turns: list[int] = []
    hung = asyncio.Event()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            desk.store.behaviour = hang

    async def hang() -> Finding:
        hung.set()
        await asyncio.Event().wait()
        return WELL

    running = asyncio.create_task(desk.checkup.run(2.0, after=lambda: turns.append(desk.store.looks), sleep=sleep))
    await asyncio.wait_for(hung.wait(), 5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert slept == [2.0, 2.0, 2.0]
    assert turns == [1, 2]
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith(("check", "health"))] == []


async def test_a_check_can_be_added_by_one_line_and_has_a_name_of_its_own(desk: Desk) -> None:
    certificate = Part("certificate")
    desk.checkup.add(Check("certificate", certificate.look))
    await desk.checkup.look()

    assert desk.result("certificate").state is State.HEALTHY
    with pytest.raises(ValueError, match="two checks named store"):
        desk.checkup.add(Check("store", certificate.look))
    with pytest.raises(KeyError):
        desk.checkup.believed("nowhere")
