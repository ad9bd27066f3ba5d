"""A breaker, moment by moment."""

from __future__ import annotations

import math

import pytest

from atp_grpc.providers.breaker import (
    HALF_WINDOW_SECONDS,
    LEAST_CALLS,
    PROBE_RETRY_SECONDS,
    Breaker,
    BreakerMode,
    BreakerPhase,
    BreakerRules,
)
from atp_grpc.providers.contract import FaultKind

WAIT = 60.0
CLOSED, OPEN, HALF_OPEN = BreakerPhase.CLOSED, BreakerPhase.OPEN, BreakerPhase.HALF_OPEN


class Watched:
    """A breaker and the phases it has left."""

    def __init__(self) -> None:
        self.left: list[BreakerPhase] = []
        self.breaker = Breaker(BreakerRules(), 0.0, self.left.append)

    def end(self, how: str, at: float, *, slow: bool = False, retry_after: float = 0.0) -> None:
        assert self.breaker.wait_seconds(at) == 0.0
        self.tell(self.breaker.begin(), how, at, slow=slow, retry_after=retry_after)

    def tell(self, epoch: int, how: str, at: float, *, slow: bool = False, retry_after: float = 0.0) -> None:
        if how == "good":
            self.breaker.succeeded(epoch, at, is_slow=slow)
        else:
            self.breaker.failed(epoch, at, FaultKind.CUT, retry_after_seconds=retry_after)

    def break_down(self, at: float) -> None:
        for _ in range(5):
            self.end("bad", at)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_five_failures_in_a_row_open_it_and_four_do_not(watched: Watched) -> None:
    for _ in range(4):
        watched.end("bad", 1.0)
    assert watched.breaker.phase is CLOSED

    watched.end("good", 1.0)
    watched.break_down(1.0)

    assert watched.breaker.phase is OPEN
    assert watched.breaker.wait_seconds(1.0) == WAIT
    assert watched.breaker.state("d", 1.0).cause is FaultKind.CUT
    assert watched.left == [CLOSED]


def test_half_of_enough_calls_open_it_though_never_five_in_a_row(watched: Watched) -> None:
    for call in range(LEAST_CALLS - 1):
        watched.end("bad" if call % 2 else "good", call * 0.1)
    assert watched.breaker.phase is CLOSED

    watched.end("bad", 2.0)

    assert watched.breaker.phase is OPEN


def test_failures_older_than_the_window_count_no_more(watched: Watched) -> None:
    for call in range(LEAST_CALLS - 2):
        watched.end("bad" if call % 2 else "good", 0.0)
    for call in range(12):
        watched.end("bad" if call % 3 == 0 else "good", 2.0 * HALF_WINDOW_SECONDS)

    assert watched.breaker.state("d", 2.0 * HALF_WINDOW_SECONDS).calls == 12
    assert watched.breaker.phase is CLOSED


def test_answers_that_begin_late_open_it_when_most_do(watched: Watched) -> None:
    for call in range(LEAST_CALLS):
        watched.end("good", 1.0, slow=call >= 4)

    assert watched.breaker.phase is OPEN
    assert watched.breaker.state("d", 1.0).cause is None


def test_one_probe_then_two_then_three_and_three_good_ones_close_it(watched: Watched) -> None:
    watched.break_down(0.0)
    breaker = watched.breaker

    first = breaker.begin()
    assert breaker.phase is HALF_OPEN
    assert breaker.wait_seconds(WAIT) == PROBE_RETRY_SECONDS
    watched.tell(first, "good", WAIT)
    second, third = breaker.begin(), breaker.begin()
    assert breaker.wait_seconds(WAIT) == PROBE_RETRY_SECONDS
    watched.tell(second, "good", WAIT)
    assert breaker.phase is HALF_OPEN
    watched.tell(third, "good", WAIT)

    assert breaker.phase is CLOSED
    assert watched.left == [CLOSED, OPEN, HALF_OPEN]


@pytest.mark.parametrize("slow", [False, True])
def test_one_bad_or_slow_probe_opens_it_again_for_twice_as_long(watched: Watched, slow: bool) -> None:
    watched.break_down(0.0)

    watched.end("good" if slow else "bad", WAIT, slow=slow)

    assert watched.breaker.phase is OPEN
    assert watched.breaker.wait_seconds(WAIT) == 2 * WAIT


def test_the_wait_doubles_up_to_ten_times_and_is_forgotten_after_health(watched: Watched) -> None:
    at, waits = 0.0, []
    watched.break_down(at)
    for _ in range(5):
        waits.append(watched.breaker.wait_seconds(at))
        at += waits[-1]
        watched.end("bad", at)
    assert waits == [60.0, 120.0, 240.0, 480.0, 600.0]

    at += watched.breaker.wait_seconds(at)
    for _ in range(3):
        watched.end("good", at)
    at += 5 * WAIT * 5
    watched.break_down(at)

    assert watched.breaker.wait_seconds(at) == WAIT


def test_a_probe_that_says_nothing_gives_its_place_to_the_next(watched: Watched) -> None:
    watched.break_down(0.0)

    for _ in range(3):
        watched.breaker.said_nothing(watched.breaker.begin())

    assert watched.breaker.phase is HALF_OPEN
    assert watched.breaker.wait_seconds(WAIT) == 0.0


def test_a_late_end_of_a_call_from_before_changes_nothing(watched: Watched) -> None:
    early = watched.breaker.begin()
    watched.break_down(0.0)
    probe = watched.breaker.begin()

    watched.tell(early, "bad", WAIT)
    watched.breaker.said_nothing(early)
    assert watched.breaker.phase is HALF_OPEN
    assert watched.breaker.wait_seconds(WAIT) == PROBE_RETRY_SECONDS

    watched.tell(probe, "good", WAIT)
    watched.tell(early, "good", WAIT)
    assert watched.breaker.state("d", WAIT).phase is HALF_OPEN


def test_it_waits_as_long_as_the_provider_asks_within_reason(watched: Watched) -> None:
    for _ in range(4):
        watched.end("bad", 0.0)
    watched.end("bad", 0.0, retry_after=90.0)
    assert watched.breaker.wait_seconds(0.0) == 90.0

    watched.end("bad", 90.0, retry_after=1e9)

    assert watched.breaker.wait_seconds(90.0) == 10 * WAIT


def test_a_forced_breaker_obeys_and_counts_nothing_until_it_is_let_go(watched: Watched) -> None:
    breaker = watched.breaker
    breaker.force(BreakerMode.CLOSED, 0.0)
    watched.break_down(0.0)
    watched.break_down(0.0)
    assert breaker.wait_seconds(0.0) == 0.0

    breaker.force(BreakerMode.OPEN, 1.0)
    assert breaker.wait_seconds(1e9) == math.inf
    assert breaker.state("d", 1.0).phase is OPEN

    breaker.force(BreakerMode.AUTO, 2.0)
    assert breaker.phase is CLOSED
    for _ in range(4):
        watched.end("bad", 2.0)
    assert breaker.phase is CLOSED
    watched.end("bad", 2.0)
    assert breaker.wait_seconds(2.0) == WAIT


def test_letting_go_of_a_breaker_that_nobody_holds_does_not_close_it(watched: Watched) -> None:
    watched.break_down(0.0)

    watched.breaker.force(BreakerMode.AUTO, 1.0)

    assert watched.breaker.phase is OPEN
