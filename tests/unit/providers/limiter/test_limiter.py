"""A limiter, call by call."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.providers.limiter import (
    FIRST_LIMIT,
    LEAST_LIMIT,
    MOST_GROWTH,
    REFUSAL_CUT,
    WINDOW_CALLS,
    WINDOW_SECONDS,
    Limiter,
)

UNBOUND = -1

events = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(1, 30)),
        st.tuples(st.just("token"), st.floats(0.0, 20.0)),
        st.tuples(st.just("end"), st.integers(1, 30)),
        st.tuples(st.just("refuse"), st.just(0)),
        st.tuples(st.just("bound"), st.integers(UNBOUND, 50)),
    ),
    max_size=120,
)


def fill(limiter: Limiter) -> int:
    beside = 0
    while limiter.in_flight < limiter.limit:
        beside = limiter.take()
    return beside


def windows(limiter: Limiter, at: float, waits: list[float]) -> float:
    """Full windows of calls that each waited so long; gives when the last one ended."""
    for wait in waits:
        beside = fill(limiter)
        for _ in range(WINDOW_CALLS):
            limiter.first_token(at, beside, at + max(wait, WINDOW_SECONDS))
        for _ in range(limiter.in_flight):
            limiter.give_back()
        at += max(wait, WINDOW_SECONDS)
    return at


@given(st.one_of(st.none(), st.integers(1, 40)), events)
def test_a_limit_of_n_never_admits_one_more_even_while_it_changes(
    most: int | None, events: list[tuple[str, float]]
) -> None:
    limiter, now, under_way, outside = Limiter(most, 0.0), 0.0, list[tuple[float, int]](), most
    for what, value in events:
        match what:
            case "take":
                for _ in range(int(value)):
                    if limiter.in_flight < limiter.limit:
                        under_way.append((now, limiter.take()))
                        assert len(under_way) == limiter.in_flight <= limiter.limit
                        assert len(under_way) <= (math.inf if outside is None else outside)
            case "token":
                now += value
                for admitted, beside in under_way:
                    limiter.first_token(admitted, beside, now)
            case "end":
                for _ in range(min(int(value), len(under_way))):
                    under_way.pop(0)
                    limiter.give_back()
            case "refuse":
                limiter.refused(now, now)
            case _:
                outside = None if value == UNBOUND else int(value)
                limiter.bound(outside)
        assert limiter.in_flight == len(under_way)
        assert math.isfinite(limiter.limit)
        assert limiter.limit >= min(LEAST_LIMIT, LEAST_LIMIT if outside is None else outside)
        assert outside is None or limiter.limit <= outside


def test_it_begins_where_the_operator_says() -> None:
    assert Limiter(7, 0.0).limit == 7
    assert Limiter(None, 0.0).limit == FIRST_LIMIT


def test_it_grows_while_waiting_stays_as_it_is_and_the_places_are_used() -> None:
    limiter = Limiter(None, 0.0)

    windows(limiter, 0.0, [0.5])

    assert limiter.limit == int(FIRST_LIMIT * MOST_GROWTH + FIRST_LIMIT**0.5)


def test_it_does_not_grow_on_places_that_nobody_uses() -> None:
    limiter = Limiter(None, 0.0)
    beside = limiter.take()

    for _ in range(WINDOW_CALLS):
        limiter.first_token(0.0, beside, 1.0)

    assert limiter.limit == FIRST_LIMIT


def test_it_never_grows_above_the_operators_limit_nor_winds_up_beyond_it() -> None:
    limiter = Limiter(20, 0.0)

    at = windows(limiter, 0.0, [0.5] * 20)
    assert limiter.limit == 20

    limiter.take()
    limiter.refused(at, at)
    assert limiter.limit == int(20 * REFUSAL_CUT)


def test_a_queue_shrinks_it() -> None:
    limiter = Limiter(None, 0.0)
    at = windows(limiter, 0.0, [0.5])
    before = limiter.limit

    windows(limiter, at, [1.5])

    assert limiter.limit == int(before * 2.0 * 0.5 / 1.5)


def test_a_longer_wait_that_cutting_does_not_shorten_becomes_the_normal_one() -> None:
    limiter = Limiter(None, 0.0)
    at = windows(limiter, 0.0, [0.5])
    before = limiter.limit

    at = windows(limiter, at, [5.0, 5.0])
    assert limiter.limit < before
    windows(limiter, at, [5.0] * 3)

    assert limiter.limit > before


def test_a_burst_of_refusals_is_one_cut() -> None:
    limiter = Limiter(100, 0.0)
    fill(limiter)

    for _ in range(50):
        limiter.refused(0.0, 1.0)

    assert limiter.limit == 70


def test_after_a_refusal_it_grows_by_one_so_that_few_calls_are_spent_on_the_next() -> None:
    limiter = Limiter(None, 0.0)
    limiter.refused(0.0, 0.0)
    after = limiter.limit

    windows(limiter, 0.0, [0.5] * 5)

    assert limiter.limit == after + 5


def test_a_call_from_before_the_last_change_does_not_judge_it() -> None:
    limiter = Limiter(100, 0.0)
    limiter.refused(1.0, 1.0)

    for _ in range(WINDOW_CALLS):
        limiter.first_token(0.5, 60, 100.0)
        limiter.refused(0.5, 100.0)

    assert limiter.limit == 70


def test_a_pause_from_outside_forgets_nothing() -> None:
    limiter = Limiter(40, 0.0)
    limiter.refused(0.0, 0.0)

    limiter.bound(0)
    assert limiter.limit == 0
    limiter.bound(40)

    assert limiter.limit == 28
