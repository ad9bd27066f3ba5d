"""A make-believe deployment with so many slots, calls that come at random, and a limiter between the two.

Time is a `ManualClock` that jumps from event to event, so that a minute costs milliseconds.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from atp_grpc.domain.clock import ManualClock
from atp_grpc.providers.limiter import Limiter


class Sample(NamedTuple):
    """What was seen at a moment: the limit, and the calls under way."""

    at: float
    limit: int
    in_flight: int


@dataclass
class World:
    """`seconds(at)` is how long the deployment works on a call that begins then; `spread` varies it by call (0..1)."""

    slots: int
    seconds: Callable[[float], float]
    arrivals_per_second: float
    most: int | None = None
    spread: float = 0.0
    seed: int = 1
    decoding_seconds: float = 0.0
    refuses_above: int | None = None
    trace: list[Sample] = field(default_factory=list)
    finished: list[float] = field(default_factory=list)
    refusals: int = 0

    def run(self, until: float) -> World:
        clock, chance = ManualClock(), Random(self.seed)
        limiter = Limiter(self.most, clock.monotonic())
        queue: deque[tuple[float, int]] = deque()
        working = 0
        events: list[tuple[float, int, str, float, int]] = []
        serial = 0

        def plan(at: float, what: str, admitted: float = 0.0, beside: int = 0) -> None:
            nonlocal serial
            serial += 1
            heapq.heappush(events, (at, serial, what, admitted, beside))

        def work(now: float, admitted: float, beside: int) -> None:
            nonlocal working
            working += 1
            took = self.seconds(now) * (1.0 + self.spread * (2.0 * chance.random() - 1.0))
            plan(now + took, "token", admitted, beside)

        plan(0.0, "arrival")
        while events and events[0][0] <= until:
            at, _, what, admitted, beside = heapq.heappop(events)
            clock.advance(max(0.0, at - clock.monotonic()))
            now = clock.monotonic()
            if what == "arrival":
                plan(now + chance.expovariate(self.arrivals_per_second), "arrival")
                if limiter.in_flight < limiter.limit:
                    beside = limiter.take()
                    if self.refuses_above is not None and beside > self.refuses_above:
                        self.refusals += 1
                        limiter.refused(now, now)
                        limiter.give_back()
                    elif working < self.slots:
                        work(now, now, beside)
                    else:
                        queue.append((now, beside))
            elif what == "token":
                limiter.first_token(admitted, beside, now)
                plan(now + self.decoding_seconds, "end")
            else:
                working -= 1
                limiter.give_back()
                self.finished.append(now)
                if queue:
                    work(now, *queue.popleft())
            self.trace.append(Sample(now, limiter.limit, limiter.in_flight))
        return self

    def limits(self, since: float, until: float) -> list[int]:
        return [sample.limit for sample in self.trace if since <= sample.at < until]

    def per_second(self, since: float, until: float) -> float:
        return sum(since <= at < until for at in self.finished) / (until - since)
