"""Who is let in when more calls come than can be answered in time."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.transport.admission import (
    FIRST_CAPACITY,
    LONGEST_WAIT_SECONDS,
    SAMPLE_SECONDS,
    SHORTEST_WAIT_SECONDS,
    AdaptiveAdmission,
    OpenAdmission,
)

TARGET, LEAST, LEAST_SHARE = 0.1, 10, 0.02


class Server:
    """A server of a known capacity, in its own time: calls come, some are sent away, the rest wait their turn."""

    def __init__(self, capacity: float, *, least_share: float = LEAST_SHARE) -> None:
        self.now = 0.0
        self.capacity = capacity
        self.waiting = 0.0
        self.dispatched = 0
        self.admitted = 0
        self.admission = AdaptiveAdmission(
            target_queue_seconds=TARGET,
            least_calls=LEAST,
            least_share=least_share,
            monotonic=lambda: self.now,
            chance=random.Random(1),
        )

    def live(self, seconds: float, *, calls_per_second: float, refusal_cost: float = 0.1) -> None:
        """Lets calls come at a rate; refusing one costs a part of serving one."""
        end = self.now + seconds
        while self.now < end:
            self.now += SAMPLE_SECONDS
            self.waiting += calls_per_second * SAMPLE_SECONDS
            work = self.capacity * SAMPLE_SECONDS
            while self.waiting >= 1 and work > 0:
                is_in = self.admission.refuses(0) is None
                self.admitted += is_in
                self.waiting -= 1
                self.dispatched += 1
                work -= 1.0 if is_in else refusal_cost
            self.admission.sample(waiting=int(self.waiting), dispatched=self.dispatched)


def test_a_server_with_room_sends_nobody_away() -> None:
    server = Server(capacity=2_000)

    server.live(10, calls_per_second=1_900)

    assert server.admission.refused_first_tries == 0


def test_in_overload_the_queue_stays_near_the_target() -> None:
    server = Server(capacity=2_000)

    server.live(20, calls_per_second=6_000)

    assert 0.5 * TARGET < server.admission.queue_seconds < 2 * TARGET


def test_most_of_the_capacity_still_answers_calls_when_refusing_is_cheap() -> None:
    server = Server(capacity=2_000)
    server.live(5, calls_per_second=6_000)
    before = server.admitted

    server.live(10, calls_per_second=6_000)

    assert (server.admitted - before) / 10 > 0.7 * server.capacity


def test_where_refusing_is_dear_at_least_half_of_those_who_come_are_answered() -> None:
    server = Server(capacity=2_000, least_share=0.5)
    server.live(5, calls_per_second=20_000, refusal_cost=0.75)
    before = server.admitted, server.dispatched

    server.live(10, calls_per_second=20_000, refusal_cost=0.75)

    admitted, dispatched = server.admitted - before[0], server.dispatched - before[1]
    assert admitted / dispatched == pytest.approx(0.5, abs=0.01)
    # Half of the work goes into answers and three eighths into refusals.
    assert admitted / 10 == pytest.approx(server.capacity * 0.5 / 0.875, rel=0.05)


def test_once_the_burst_is_over_everybody_is_let_in_again() -> None:
    server = Server(capacity=2_000)
    server.live(5, calls_per_second=20_000)

    server.live(3, calls_per_second=500)
    refused = server.admission.refused_first_tries
    server.live(5, calls_per_second=500)

    assert server.admission.refused_first_tries == refused


@pytest.mark.parametrize("capacity", [200.0, 1_000.0, 20_000.0])
def test_the_limit_follows_the_capacity(capacity: float) -> None:
    server = Server(capacity)

    server.live(20, calls_per_second=3 * capacity, refusal_cost=1.0)

    assert server.admission.limit == pytest.approx(max(LEAST, capacity * TARGET), rel=0.15)


def test_the_limit_falls_when_calls_become_dear_and_rises_again() -> None:
    server = Server(capacity=4_000)
    server.live(10, calls_per_second=8_000, refusal_cost=1.0)
    quick = server.admission.limit

    server.capacity = 400
    server.live(10, calls_per_second=8_000, refusal_cost=1.0)
    slow = server.admission.limit
    server.capacity = 4_000
    server.live(20, calls_per_second=8_000, refusal_cost=1.0)

    assert slow < quick / 5
    assert server.admission.limit > 0.8 * quick


def test_a_quiet_server_keeps_what_it_knows_of_itself() -> None:
    server = Server(capacity=2_000)
    server.live(10, calls_per_second=6_000, refusal_cost=1.0)
    server.live(5, calls_per_second=0)
    known = server.admission.limit

    server.live(60, calls_per_second=10)

    assert server.admission.limit == known


def test_a_few_that_always_wait_do_not_make_the_callers_pace_the_servers() -> None:
    server = Server(capacity=4_000)
    server.live(10, calls_per_second=8_000, refusal_cost=1.0)
    known = server.admission.limit

    # Calls on their way between the core and the door count as waiting, however quiet it is.
    for _ in range(200):
        server.now += SAMPLE_SECONDS
        server.dispatched += 20
        server.admission.sample(waiting=3, dispatched=server.dispatched)

    assert server.admission.limit == known


def test_a_server_that_was_seen_to_do_more_is_believed_before_it_is_full() -> None:
    server = Server(capacity=10_000)

    server.live(5, calls_per_second=5_000)

    assert server.admission.limit == pytest.approx(5_000 * TARGET, rel=0.1)


def test_a_burst_after_a_quiet_hour_is_taken_whole() -> None:
    server = Server(capacity=2_000)
    server.live(5, calls_per_second=1)

    server.admission.sample(waiting=round(FIRST_CAPACITY * TARGET), dispatched=server.dispatched)

    assert [server.admission.refuses(0) for _ in range(100)] == [None] * 100


def test_retries_are_sent_away_before_first_tries() -> None:
    server = Server(capacity=1_000)
    limit = server.admission.limit
    server.admission.sample(waiting=round(0.9 * limit), dispatched=0)

    assert server.admission.refuses(1) is not None
    assert server.admission.refuses(3) is not None
    assert server.admission.refuses(0) is None
    assert (server.admission.refused_retries, server.admission.refused_first_tries) == (2, 0)


def test_the_part_above_the_limit_is_sent_away_evenly_spread() -> None:
    server = Server(capacity=1_000)
    for _ in range(3):
        server.admission.sample(waiting=4 * server.admission.limit, dispatched=0)

    let_in = [server.admission.refuses(0) is None for _ in range(800)]

    share = sum(let_in) / 800
    assert 0.2 < share < 0.4
    assert all(abs(sum(let_in[start : start + 80]) - 80 * share) <= 1 for start in range(720))


def test_callers_are_told_to_come_back_at_different_times() -> None:
    server = Server(capacity=1_000)
    for _ in range(10):
        server.admission.sample(waiting=1_000 * server.admission.limit, dispatched=0)

    waits = [wait for _ in range(200) if (wait := server.admission.refuses(0)) is not None]

    assert len(set(waits)) > 150
    assert min(waits) >= SHORTEST_WAIT_SECONDS
    assert max(waits) <= LONGEST_WAIT_SECONDS


@given(
    st.lists(
        st.tuples(
            st.floats(0, 10, allow_nan=False), st.integers(0, 10_000_000), st.integers(0, 1_000_000), st.integers(0, 5)
        ),
        max_size=60,
    )
)
def test_whatever_happens_the_limit_keeps_its_floor_and_a_retry_never_passes_a_first_try(
    looks: list[tuple[float, int, int, int]],
) -> None:
    now, dispatched = 0.0, 0
    admission = AdaptiveAdmission(
        target_queue_seconds=TARGET,
        least_calls=LEAST,
        least_share=LEAST_SHARE,
        monotonic=lambda: now,
        chance=random.Random(1),
    )
    for seconds, waiting, done, attempt in looks:
        now += seconds
        dispatched += done
        admission.sample(waiting=waiting, dispatched=dispatched)

        assert admission.limit >= LEAST
        assert admission.queue_seconds >= 0
        if waiting > admission.limit:
            assert admission.refuses(1) is not None
        refused = admission.refused_first_tries + admission.refused_retries
        sent_away = admission.refuses(attempt)
        assert (sent_away is not None) == (admission.refused_first_tries + admission.refused_retries > refused)
    for _ in range(60):
        admission.sample(waiting=0, dispatched=dispatched)
    assert admission.refuses(5) is None


def test_an_open_admission_lets_everybody_in() -> None:
    assert OpenAdmission().refuses(5) is None
