"""Calls of Route that come when they come, answered or not: an open loop, in a process of its own.

A call's time counts from the moment it was meant to be made. What the server has no room for waits with the caller, as
in every gRPC client, and a call is given up when its time is over. `storm` starts the process
(`python -m tests.faults.overload.storm`, its plan on standard input) and gives what became of the calls.
"""

from __future__ import annotations

import asyncio
import dataclasses
import heapq
import itertools
import json
import random
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import uvloop

from atp_grpc.pb.atp.v1.route_service_pb2 import RouteRequest
from tests.bench.messages import PROMPT
from tests.bench.processes import LOAD_CORE
from tests.faults.overload.wire import NOT_TAKEN, Wire

ROUTE = "/atp.v1.RouteService/Route"
UNAVAILABLE = 14
TICK_SECONDS = 0.001
WINDOW_SECONDS = 0.5


@dataclass(frozen=True)
class Phase:
    """A stretch of time with so many calls a second, or with so many at a time, each as fast as it is answered."""

    seconds: float
    rate: float = 0.0
    at_a_time: int = 0


@dataclass(frozen=True)
class Plan:
    """Who calls, how often, and how patiently. The callers share the connections, and these the credentials."""

    port: int
    credentials: tuple[str, ...]
    phases: tuple[Phase, ...]
    connections: int = 32
    deadline_seconds: float = 1.0
    attempts: int = 1
    """How often a caller tries in all: again at once, whatever it was told."""


@dataclass
class Fate:
    """What became of the calls that were meant to be made in a stretch of time."""

    seconds: float
    asked: int = 0
    answered: int = 0
    refused: int = 0
    """Ended without an answer, after all attempts."""
    given_up: int = 0
    """Not ended in time."""
    never_sent: int = 0
    """Of these, those that the server had no room for."""
    retries: int = 0
    """Attempts after the first of a call."""
    sent_away: int = 0
    """First attempts that ended with UNAVAILABLE."""
    retries_sent_away: int = 0
    advised: int = 0
    """Of all that were sent away, those with details and a pushback."""
    statuses: dict[str, int] = field(default_factory=dict)
    """Of all attempts that ended; -1 where a stream was reset without one."""
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    """Of the answered, counted from when they were meant to be made."""
    windows: list[Fate] = field(default_factory=list)
    """The same for every half second."""

    @property
    def goodput(self) -> float:
        """Calls answered in time, a second."""
        return self.answered / self.seconds


@dataclass(frozen=True)
class Storm:
    """All phases, and which part of its core the caller was busy: near one it was not the server that was measured."""

    fates: list[Fate]
    busy: float


async def storm(plan: Plan) -> Storm:
    """Lets the calls come; gives what became of them."""
    process = await asyncio.create_subprocess_exec(
        *("taskset", "-c", LOAD_CORE, sys.executable, "-m", "tests.faults.overload.storm"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        output, _ = await process.communicate(json.dumps(dataclasses.asdict(plan)).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    told = json.loads(output.decode().splitlines()[-1])
    fates = [Fate(**{**fate, "windows": [Fate(**window) for window in fate["windows"]]}) for fate in told["fates"]]
    return Storm(fates, told["busy"])


@dataclass(eq=False)
class _Stretch:
    """Counts the calls of a window."""

    fate: Fate
    times: list[float] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class _Call:
    due: float
    stretch: _Stretch
    phase: Phase
    attempt: int = 0
    wire: Wire | None = None
    stream: int = 0
    is_over: bool = False


class _Callers:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._wires: list[Wire] = []
        self._turn = 0
        self._waiting: deque[_Call] = deque()
        self._patience: list[tuple[float, int, _Call]] = []
        self._asked = 0
        self._phase: Phase | None = None
        self._began = 0.0
        self._stretches: list[_Stretch] = []

    async def run(self) -> list[Fate]:
        loop, plan = asyncio.get_running_loop(), self._plan
        payload = RouteRequest(prompt=PROMPT, max_output_tokens=512).SerializeToString()
        for number in range(plan.connections):
            credential = plan.credentials[number % len(plan.credentials)]
            wire = Wire(ROUTE, credential, payload, self._ended)
            await loop.create_connection(itertools.repeat(wire).__next__, "127.0.0.1", plan.port)
            await wire.is_ready
            self._wires.append(wire)
        lived = [await self._live(phase) for phase in plan.phases]
        self._phase = None
        while self._patience:
            self._look(time.monotonic())
            await asyncio.sleep(TICK_SECONDS)
        for wire in self._wires:
            wire.close()
        return [_summed(phase, stretches) for phase, stretches in zip(plan.phases, lived, strict=True)]

    async def _live(self, phase: Phase) -> list[_Stretch]:
        windows = max(1, round(phase.seconds / WINDOW_SECONDS))
        self._stretches = [_Stretch(Fate(phase.seconds / windows)) for _ in range(windows)]
        self._phase, self._began = phase, time.monotonic()
        due, chance = self._began, random.Random(1)
        for _ in range(phase.at_a_time):
            self._ask(self._began)
        while (now := time.monotonic()) < self._began + phase.seconds:
            while phase.rate and due <= now:
                self._ask(due)
                due += chance.expovariate(phase.rate)
            self._look(now)
            await asyncio.sleep(TICK_SECONDS)
        return self._stretches

    def _ask(self, due: float) -> None:
        """A call is meant to be made."""
        assert self._phase is not None
        place = int((due - self._began) / WINDOW_SECONDS)
        stretch = self._stretches[min(place, len(self._stretches) - 1)]
        stretch.fate.asked += 1
        self._asked += 1
        call = _Call(due, stretch, self._phase)
        heapq.heappush(self._patience, (due + self._plan.deadline_seconds, self._asked, call))
        # Also one whose time is over by now is sent, if nothing is before it: it is the server that has to find out.
        wire = None if self._waiting else self._with_room()
        if wire is None:
            self._waiting.append(call)
        else:
            self._send(wire, call, time.monotonic())

    def _look(self, now: float) -> None:
        """Gives up what has waited too long, and sends what there is room for."""
        while self._patience and (self._patience[0][0] <= now or self._patience[0][2].is_over):
            call = heapq.heappop(self._patience)[2]
            if not call.is_over:
                call.stretch.fate.given_up += 1
                call.stretch.fate.never_sent += call.wire is None and not call.attempt
                if call.wire is not None:
                    call.wire.give_up(call.stream)
                self._end(call)
        while self._waiting:
            if self._waiting[0].is_over:
                self._waiting.popleft()
                continue
            wire = self._with_room()
            if wire is None:
                return
            self._send(wire, self._waiting.popleft(), now)

    def _send(self, wire: Wire, call: _Call, now: float) -> None:
        left = call.due + self._plan.deadline_seconds - now
        call.stretch.fate.retries += call.attempt > 0
        call.wire = wire
        call.stream = wire.call(call, max(1, int(1_000 * left)), call.attempt)

    def _with_room(self) -> Wire | None:
        for _ in self._wires:
            self._turn = (self._turn + 1) % len(self._wires)
            if self._wires[self._turn].room > 0:
                return self._wires[self._turn]
        return None

    def _ended(self, tag: Any, status: int, pushback: str, has_details: bool) -> None:
        call: _Call = tag
        fate = call.stretch.fate
        if status == NOT_TAKEN:
            # Not an answer: every gRPC client sends such a call again by itself (gRFC A6).
            call.wire = None
            self._waiting.appendleft(call)
            return
        fate.statuses[str(status)] = fate.statuses.get(str(status), 0) + 1
        if status == 0:
            fate.answered += 1
            call.stretch.times.append(time.monotonic() - call.due)
            self._end(call)
            return
        if status == UNAVAILABLE:
            fate.sent_away += not call.attempt
            fate.retries_sent_away += call.attempt > 0
            fate.advised += bool(pushback) and has_details
        call.attempt += 1
        call.wire = None
        if call.attempt < self._plan.attempts:
            self._waiting.append(call)
            return
        fate.refused += 1
        self._end(call)

    def _end(self, call: _Call) -> None:
        call.is_over = True
        if call.phase is self._phase and call.phase.at_a_time:
            self._ask(time.monotonic())


def percentile(values: list[float], percent: float) -> float:
    """0 where there are none."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)] if ordered else 0.0


_SUMS = (
    *("asked", "answered", "refused", "given_up", "never_sent"),
    *("retries", "sent_away", "retries_sent_away", "advised"),
)


def _summed(phase: Phase, stretches: list[_Stretch]) -> Fate:
    whole = Fate(phase.seconds)
    for stretch in stretches:
        _time(stretch.fate, stretch.times)
        whole.windows.append(stretch.fate)
        for name in _SUMS:
            setattr(whole, name, getattr(whole, name) + getattr(stretch.fate, name))
        for status, count in stretch.fate.statuses.items():
            whole.statuses[status] = whole.statuses.get(status, 0) + count
    _time(whole, [one for stretch in stretches for one in stretch.times])
    return whole


def _time(fate: Fate, times: list[float]) -> None:
    fate.p50_ms, fate.p99_ms = (round(1_000 * percentile(times, percent), 2) for percent in (50, 99))


async def _main() -> None:
    given = json.loads(sys.stdin.read())
    plan = Plan(**{**given, "phases": tuple(Phase(**phase) for phase in given["phases"])})
    began, busy = time.monotonic(), time.process_time()
    fates = await _Callers(plan).run()
    share = (time.process_time() - busy) / (time.monotonic() - began)
    print(json.dumps({"fates": [dataclasses.asdict(fate) for fate in fates], "busy": round(share, 3)}))


if __name__ == "__main__":
    uvloop.run(_main())
