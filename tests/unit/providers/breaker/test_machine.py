"""A breaker beside a plain one that keeps every end and counts anew each time, under any order of events."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from atp_grpc.providers.breaker import Breaker, BreakerMode, BreakerPhase, BreakerRules
from atp_grpc.providers.contract import FaultKind

RULES = BreakerRules(failures_in_row=5, wait_seconds=60.0)


@dataclass
class Plain:
    """The law of `docs/resilience.md`, without any thrift."""

    mode: str = "auto"
    phase: str = "closed"
    life: int = 0
    ends: list[tuple[float, str]] = field(default_factory=list)
    closed_at: float = 0.0
    doublings: int = 0
    may_probe_at: float = 0.0
    probing: int = 0
    good: int = 0

    def may_call(self, now: float) -> bool:
        if self.mode != "auto":
            return self.mode == "closed"
        if self.phase == "open":
            return now >= self.may_probe_at
        return self.phase == "closed" or self.probing < 1 + self.good

    def begin(self) -> int | None:
        if self.mode != "auto":
            return None
        if self.phase == "open":
            self.turn("half_open")
        if self.phase == "half_open":
            self.probing += 1
        return self.life

    def end(self, life: int | None, how: str, now: float) -> None:
        if life != self.life:
            return
        if self.phase == "half_open":
            self.probing -= 1
            if how in {"failed", "slow"}:
                self.open(now)
            elif how == "good":
                self.good += 1
                if self.good == 3:
                    self.close(now)
        elif how != "nothing":
            self.ends.append((now, how))
            if how != "good" and self.is_too_much(now):
                self.doublings = max(0, self.doublings - int((now - self.closed_at) // 300))
                self.open(now)

    def is_too_much(self, now: float) -> bool:
        row = [how for _, how in self.ends[-5:]]
        window = [how for at, how in self.ends if at // 30 >= now // 30 - 1]
        failed, slow = window.count("failed"), window.count("slow")
        return row == ["failed"] * 5 or (
            len(window) >= 20 and (failed * 2 >= len(window) or (failed + slow) * 10 >= len(window) * 8)
        )

    def turn(self, phase: str) -> None:
        self.phase = phase
        self.life += 1
        self.probing = self.good = 0

    def open(self, now: float) -> None:
        self.turn("open")
        self.may_probe_at = now + min(600, 60 * 2**self.doublings)
        self.doublings = min(self.doublings + 1, 4)

    def close(self, now: float) -> None:
        self.turn("closed")
        self.ends = []
        self.closed_at = now


class TwoBreakers(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.breaker = Breaker(RULES, 0.0, lambda _: None)
        self.plain = Plain()
        self.calls: list[tuple[int, int | None]] = []

    @rule(seconds=st.sampled_from([0.0, 1.0, 7.0, 31.0, 60.0, 400.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(count=st.integers(1, 4))
    def begin(self, count: int) -> None:
        for _ in range(count):
            if self.plain.may_call(self.now):
                self.calls.append((self.breaker.begin(), self.plain.begin()))

    @rule(how=st.sampled_from(["good", "failed", "slow", "nothing"]), count=st.integers(1, 12))
    def call_and_end(self, how: str, count: int) -> None:
        for _ in range(count):
            if self.plain.may_call(self.now):
                self.tell((self.breaker.begin(), self.plain.begin()), how)

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), how=st.sampled_from(["good", "failed", "slow", "nothing"]))
    def end(self, data: st.DataObject, how: str) -> None:
        self.tell(self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1))), how)

    @rule(mode=st.sampled_from(BreakerMode))
    def force(self, mode: BreakerMode) -> None:
        self.breaker.force(mode, self.now)
        if mode.value != self.plain.mode:
            self.plain.mode = mode.value
            self.plain.doublings = 0
            self.plain.close(self.now)

    def tell(self, call: tuple[int, int | None], how: str) -> None:
        epoch, life = call
        if how == "failed":
            self.breaker.failed(epoch, self.now, FaultKind.STALLED, retry_after_seconds=0.0)
        elif how == "nothing":
            self.breaker.said_nothing(epoch)
        else:
            self.breaker.succeeded(epoch, self.now, is_slow=how == "slow")
        self.plain.end(life, how, self.now)

    @invariant()
    def agree(self) -> None:
        state = self.breaker.state("d", self.now)
        assert (self.breaker.wait_seconds(self.now) == 0.0) == self.plain.may_call(self.now)
        if self.plain.mode == "auto":
            assert state.phase == self.plain.phase
            if self.plain.phase == "open":
                left = max(0.0, self.plain.may_probe_at - self.now)
                assert math.isclose(state.retry_after_seconds, left, abs_tol=1e-9)
        assert self.breaker.is_closed == (self.breaker.mode is BreakerMode.CLOSED or state.phase is BreakerPhase.CLOSED)


TestTwoBreakers = TwoBreakers.TestCase
TestTwoBreakers.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
