"""A limiter in make-believe deployments: where it ends up, how soon, and that it comes back."""

from __future__ import annotations

import statistics

import pytest

from tests.unit.providers.limiter.world import World

SLOW_FROM, SLOW_UNTIL, END = 30.0, 60.0, 90.0
FAST_SECONDS, SLOW_SECONDS = 0.05, 0.5
GRACE = 10.0
"""Seconds in which the limit has to follow."""

PHASES = (
    ("50 ms", GRACE, SLOW_FROM, FAST_SECONDS),
    ("500 ms", SLOW_FROM + GRACE, SLOW_UNTIL, SLOW_SECONDS),
    ("50 ms again", SLOW_UNTIL + GRACE, END, FAST_SECONDS),
)


def step(at: float) -> float:
    """50 ms, then 500 ms for half a minute, then 50 ms again."""
    return SLOW_SECONDS if SLOW_FROM <= at < SLOW_UNTIL else FAST_SECONDS


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("spread", [0.0, 0.9])
@pytest.mark.parametrize("slots", [10, 20])
def test_a_deployment_that_becomes_ten_times_slower_and_recovers_is_followed_within_ten_seconds(
    slots: int, spread: float, seed: int
) -> None:
    """Half as many calls again come as the fast deployment can take. Followed: no place wanting, no long queue."""
    world = World(slots, step, arrivals_per_second=1.5 * slots / FAST_SECONDS, spread=spread, seed=seed).run(END)

    for _, since, until, seconds in PHASES:
        limits = world.limits(since, until)
        assert slots <= statistics.mean(limits) <= 3.5 * slots
        assert max(limits) <= 6 * slots
        assert world.per_second(since, until) >= 0.85 * slots / seconds


def test_a_deployment_that_is_only_slower_and_has_no_queue_keeps_its_calls() -> None:
    """Ten times the wait, but places without end: 100 calls at once are needed, and soon allowed."""
    world = World(100_000, step, arrivals_per_second=200.0, spread=0.5).run(SLOW_UNTIL)

    assert min(world.limits(SLOW_FROM + GRACE, SLOW_UNTIL)) >= 100
    assert world.per_second(SLOW_FROM + GRACE, SLOW_UNTIL) >= 0.95 * 200.0


def test_refusals_above_a_hidden_limit_become_rare_and_its_places_are_used() -> None:
    world = World(100_000, lambda _: 0.3, arrivals_per_second=300.0, spread=0.5, refuses_above=30).run(END)

    assert world.refusals <= END / 2.0
    assert world.per_second(GRACE, END) >= 0.75 * 30 / 0.3


def test_a_queue_that_never_empties_is_seen_through_by_taking_a_look() -> None:
    """From the first moment on far too much comes, so that no wait without a queue is ever seen by itself."""
    world = World(4, lambda _: 0.2, arrivals_per_second=100.0, spread=0.5, most=200).run(END)

    assert statistics.mean(world.limits(END / 2.0, END)) <= 5 * 4
