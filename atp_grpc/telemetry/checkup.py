"""The regular look at everything a process stands on: named checks, run together, each within its time.

The composition root names the checks and reads the results, which are kept: however often somebody asks, a check runs
at most once a second, and never twice at a time. It never decides what a result means for a service.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from atp_grpc.domain.clock import Clock
from atp_grpc.domain.health import Belief, CheckResult, Finding, State

HANG_FACTOR = 5
"""A check that takes longer than this many time limits counts as one that never answers."""
FRESH_SECONDS = 1.0
"""Who asks for a fresh look gets one that is no older than this."""


@dataclass(frozen=True, slots=True)
class Check:
    """Something to look at. `look` may raise; that is an incident and an unhealthy finding."""

    name: str
    look: Callable[[], Coroutine[Any, Any, Finding]]


@dataclass(slots=True)
class _Part:
    """A check, what it found, and the look at it that is under way."""

    check: Check
    belief: Belief
    result: CheckResult | None = None
    task: asyncio.Task[Finding] | None = None
    started: float = 0.0
    seconds: float = 0.0
    incident: str = ""


class Checkup:
    """Looks at every part of a process, again and again. Only its event loop touches it."""

    def __init__(
        self,
        checks: Iterable[Check],
        *,
        clock: Clock,
        limit_seconds: float,
        fall: int,
        rise: int,
        on_result: Callable[[CheckResult], None],
        on_change: Callable[[CheckResult, State], None],
        on_fault: Callable[[str, BaseException], str],
    ) -> None:
        """Takes the checks and whom to tell.

        Args:
            checks: what to look at, in the order of the results.
            clock: dates and times findings.
            limit_seconds: a check that takes longer is degraded; `HANG_FACTOR` times as long, unhealthy.
            fall: findings in a row until something worse is believed.
            rise: findings in a row until something better is believed.
            on_result: hears of every finding.
            on_change: hears of the finding that changed what is believed of a part, and of what is believed now.
            on_fault: hears of a check (by name) that raised; gives the id of the incident.
        """
        self._clock = clock
        self._limit_seconds = limit_seconds
        self._fall, self._rise = fall, rise
        self._on_result = on_result
        self._on_change = on_change
        self._on_fault = on_fault
        self._parts: dict[str, _Part] = {}
        self._round: asyncio.Task[None] | None = None
        self._looked = -FRESH_SECONDS
        for check in checks:
            self.add(check)

    def add(self, check: Check) -> None:
        """Looks at one thing more from now on.

        Raises:
            ValueError: there is a check of this name.
        """
        if check.name in self._parts:
            raise ValueError(f"there are two checks named {check.name}")
        self._parts[check.name] = _Part(check, Belief(fall=self._fall, rise=self._rise))

    @property
    def results(self) -> tuple[CheckResult, ...]:
        """The last finding of every check that was looked at."""
        return tuple(part.result for part in self._parts.values() if part.result is not None)

    def believed(self, name: str) -> State:
        """What is believed of a part; healthy until it was looked at.

        Raises:
            KeyError: there is no such check.
        """
        return self._parts[name].belief.state or State.HEALTHY

    async def look(self) -> None:
        """Looks at everything; returns when every check has answered or had its time."""
        while self._round is not None:
            await asyncio.wait([self._round])
        await self._begin(counts=True)

    async def refresh(self) -> None:
        """Makes the results no older than a second, or returns after the time limit of a check.

        What it finds is shown and does not count for what is believed: else the pace of whoever asks would.
        """
        if self._round is None and self._clock.monotonic() - self._looked >= FRESH_SECONDS:
            self._begin(counts=False)
        if self._round is not None:
            await asyncio.wait([self._round], timeout=self._limit_seconds)

    async def run(
        self,
        interval_seconds: float,
        *,
        after: Callable[[], None] = lambda: None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Looks at everything again and again, until cancelled; `after` is called after each time."""
        try:
            while True:
                await sleep(interval_seconds)
                await self.look()
                after()
        finally:
            self._cancel()

    def _begin(self, *, counts: bool) -> asyncio.Task[None]:
        self._looked = self._clock.monotonic()
        self._round = asyncio.get_running_loop().create_task(self._look_at_all(counts=counts), name="health checks")
        self._round.add_done_callback(self._ended)
        return self._round

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._round = None

    def _cancel(self) -> None:
        """Lets go of every look under way; a check that hangs must not hold up the end of the process."""
        under_way = [self._round, *(part.task for part in self._parts.values())]
        for task in under_way:
            if task is not None:
                task.cancel()

    async def _look_at_all(self, *, counts: bool) -> None:
        await asyncio.gather(*(self._look_at(part, counts=counts) for part in list(self._parts.values())))

    async def _look_at(self, part: _Part, *, counts: bool) -> None:
        """Looks at one part. A look that never ended is waited for again, and not joined by a second one."""
        hang_seconds = HANG_FACTOR * self._limit_seconds
        if part.task is None:
            part.started = self._clock.monotonic()
            part.task = asyncio.get_running_loop().create_task(self._timed(part), name=f"check {part.check.name}")
        left = hang_seconds - (self._clock.monotonic() - part.started)
        await asyncio.wait([part.task], timeout=max(left, 0.0))
        if part.task.done():
            finding, seconds = self._finding_of(part, part.task), part.seconds
            part.task = None
        else:
            seconds = self._clock.monotonic() - part.started
            finding = Finding(State.UNHEALTHY, f"has not answered for {seconds:.1f} s")
        if seconds > self._limit_seconds and finding.state is State.HEALTHY:
            finding = Finding(State.DEGRADED, f"took {seconds:.1f} s; {finding.sentence}")
        self._keep(part, finding, seconds, counts=counts)

    async def _timed(self, part: _Part) -> Finding:
        part.started = self._clock.monotonic()
        try:
            return await part.check.look()
        finally:
            part.seconds = self._clock.monotonic() - part.started

    def _finding_of(self, part: _Part, task: asyncio.Task[Finding]) -> Finding:
        """What a look that has ended came to. A check that raises again and again is one incident."""
        fault = asyncio.CancelledError() if task.cancelled() else task.exception()
        if fault is None:
            part.incident = ""
            return task.result()
        part.incident = part.incident or self._on_fault(part.check.name, fault)
        return Finding(State.UNHEALTHY, f"the check itself failed; incident {part.incident}")

    def _keep(self, part: _Part, finding: Finding, seconds: float, *, counts: bool) -> None:
        result = CheckResult(part.check.name, finding.state, finding.sentence, seconds, self._clock.now_nanos())
        part.result = result
        self._on_result(result)
        if counts:
            before = self.believed(part.check.name)
            now = part.belief.hear(finding.state)
            if now is not before:
                self._on_change(result, now)
