"""A pacer: what its prices do to a mean."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.decision import DualPrices
from atp_grpc.domain.request import Weights
from atp_grpc.tenancy.pacing import (
    COST_STEP,
    MOST_CEILINGS,
    MOST_COST_PRICE,
    MOST_LEAN,
    MOST_OWED,
    MOST_SAVED,
    MOST_WEIGHT,
    Pacer,
    Targets,
    effective,
)
from tests.bench.pacing_world import (
    CHEAP_AND_DEAR,
    COST_SCALE,
    GRADED,
    HARD_PROMPTS,
    THREE,
    Arm,
    World,
    ceiled,
    floor_kept,
    mean_cost,
)

CEILING = 1_000
CEILED = Targets(cost_ceiling_nano_usd=CEILING, cost_scale_nano_usd=4 * CEILING)
FLOORED = Targets(quality_floor=0.8)
BOTH = Targets(cost_ceiling_nano_usd=CEILING, quality_floor=0.8, quality_floor_of_best=0.9)

costs = st.integers(0, 50 * CEILING)
qualities = st.floats(-1.0, 2.0)
requests = st.lists(st.tuples(costs, costs, qualities, qualities, qualities), max_size=60)
pacers = st.builds(
    Pacer,
    cost=st.floats(0.0, MOST_COST_PRICE),
    owed=st.floats(MOST_SAVED, MOST_OWED),
    lean=st.floats(0.0, MOST_LEAN),
    variance=st.floats(0.0, 1.0),
)


def ask(pacer: Pacer, targets: Targets, cost: int, quality: float = 0.5, best: float = 1.0) -> None:
    pacer.decided(targets, cost_nano_usd=cost, quality=quality, best_quality=best)


@given(pacers, requests)
def test_prices_stay_within_their_range_whatever_happens(pacer: Pacer, stream: list[Any]) -> None:
    for expected, actual, quality, best, grade in stream:
        ask(pacer, BOTH, expected, quality, best)
        pacer.settled(BOTH, expected_nano_usd=expected, actual_nano_usd=actual)
        pacer.graded(BOTH, expected=quality, actual=grade)

        assert 0.0 <= pacer.cost <= MOST_COST_PRICE
        assert MOST_SAVED <= pacer.owed <= MOST_OWED
        assert 0.0 <= pacer.lean <= MOST_LEAN
        assert 0.0 <= pacer.variance <= 1.0


@given(
    st.floats(0.0, 3.0),
    st.floats(MOST_SAVED, MOST_OWED),
    st.lists(st.integers(0, 10 * CEILING), min_size=1, max_size=200),
)
def test_spend_above_the_ceiling_is_bounded_by_the_rise_of_its_price(
    first: float, owed: float, stream: list[int]
) -> None:
    pacer = Pacer(cost=first, owed=owed)
    for cost in stream:
        ask(pacer, CEILED, cost)

    spent = sum(stream) / CEILING
    assert spent <= len(stream) + (pacer.cost - first) / COST_STEP + 1e-6


@given(st.integers(1, 20 * CEILING), st.integers(0, 20 * CEILING))
def test_a_bill_leaves_the_price_where_it_would_be_had_it_been_known(expected: int, actual: int) -> None:
    settled, known = Pacer(cost=1.0, owed=7.0), Pacer(cost=1.0, owed=7.0)
    ask(settled, CEILED, expected)
    settled.settled(CEILED, expected_nano_usd=expected, actual_nano_usd=actual)
    ask(known, CEILED, actual)

    assert math.isclose(settled.cost, known.cost, abs_tol=1e-12)
    assert math.isclose(settled.owed, known.owed, abs_tol=1e-12)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_grade_leaves_the_price_where_it_would_be_had_it_been_known(expected: float, actual: float) -> None:
    graded, known = Pacer(lean=1.0), Pacer(lean=1.0)
    ask(graded, FLOORED, 0, expected)
    graded.graded(FLOORED, expected=expected, actual=actual)
    ask(known, FLOORED, 0, actual)

    assert math.isclose(graded.lean, known.lean, abs_tol=1e-12)


def test_the_margin_above_a_floor_follows_how_far_grades_lie_from_predictions() -> None:
    pacer = Pacer()
    for number in range(2_000):
        pacer.graded(Targets(), expected=0.7, actual=0.8 if number % 2 else 0.6)

    assert pacer.variance == pytest.approx(0.01, rel=0.01)


def test_a_bill_whose_expectation_is_not_known_corrects_nothing() -> None:
    pacer = Pacer(cost=1.0)
    pacer.settled(CEILED, expected_nano_usd=0, actual_nano_usd=5 * CEILING)

    assert pacer.cost == 1.0


@given(st.integers(0, CEILING - 1))
def test_a_constant_cost_below_the_ceiling_drives_its_price_to_nothing(cost: int) -> None:
    pacer = Pacer(cost=0.5 * (1.0 - cost / CEILING))
    for _ in range(200):
        ask(pacer, CEILED, cost)

    assert pacer.cost == 0.0


def test_one_enormous_bill_counts_as_ten_ceilings() -> None:
    pacer = Pacer()
    ask(pacer, CEILED, 1_000_000 * CEILING)

    assert math.isclose(pacer.cost, COST_STEP * (MOST_CEILINGS - 1.0))


def test_a_policy_that_promises_nothing_has_no_prices() -> None:
    pacer = Pacer(cost=1.0, lean=1.0)
    ask(pacer, Targets(), 100 * CEILING, 0.0)

    assert pacer.prices(Targets()) == DualPrices()
    assert (pacer.cost, pacer.lean) == (1.0, 1.0)
    assert pacer.prices(CEILED) == DualPrices(cost=4.0)
    assert pacer.prices(FLOORED) == DualPrices(quality=math.expm1(1.0))


def test_no_weight_is_beyond_what_engines_take() -> None:
    vast = Targets(cost_ceiling_nano_usd=1, cost_scale_nano_usd=1e24)

    assert Pacer(cost=MOST_COST_PRICE).prices(vast).cost == MOST_WEIGHT


def test_no_price_rises_for_more_quality_than_the_best_candidate_has() -> None:
    pacer = Pacer()
    ask(pacer, Targets(quality_floor=0.95), 0, quality=0.7, best=0.7)

    assert pacer.lean == 0.0


def test_of_two_floors_the_higher_one_holds() -> None:
    both = Targets(quality_floor=0.8, quality_floor_of_best=0.95)

    assert both.floor(0.9) == pytest.approx(0.855)
    assert both.floor(0.5) == 0.8
    assert Targets().floor(0.9) is None


def test_the_floor_divides_the_callers_weights_and_never_the_ceilings_price() -> None:
    weights = effective(Weights(cost=0.6, latency=0.3), DualPrices(cost=0.5, quality=2.0))

    assert weights.cost == pytest.approx(0.7)
    assert weights.latency == pytest.approx(0.1)


@pytest.mark.parametrize("arms", [CHEAP_AND_DEAR, THREE, HARD_PROMPTS], ids=["dear", "three", "hard"])
@pytest.mark.parametrize("ceiling", [COST_SCALE // 10, COST_SCALE * 3 // 10, COST_SCALE * 6 // 10])
@pytest.mark.parametrize("delay", [0, 50])
def test_a_ceiling_is_kept_and_used_within_two_percent(arms: tuple[Arm, ...], ceiling: int, delay: int) -> None:
    targets = ceiled(ceiling)
    served = World(arms, delay).serve(5_000, targets, seed=1, cost_weight=0.0)

    assert 0.98 * ceiling <= mean_cost(served) <= 1.02 * ceiling


def test_what_was_spent_above_the_ceiling_is_saved_again() -> None:
    ceiling = COST_SCALE // 10
    served = World(HARD_PROMPTS, delay=50).serve(5_000, ceiled(ceiling), seed=1, cost_weight=0.0)

    assert mean_cost(served[:100]) > 1.1 * ceiling
    assert mean_cost(served[100:500]) < 0.98 * ceiling
    assert mean_cost(served[3_000:]) == pytest.approx(ceiling, rel=0.03)


def test_the_ceiling_is_kept_although_every_bill_exceeds_what_was_expected() -> None:
    ceiling = ceiled(COST_SCALE * 3 // 10)
    served = World(CHEAP_AND_DEAR, delay=20, bill_factor=1.3).serve(5_000, ceiling, seed=1, cost_weight=0.0)

    assert mean_cost(served) <= 1.02 * COST_SCALE * 0.3


def test_a_first_price_from_a_prior_saves_the_money_that_finding_it_costs() -> None:
    ceiling = COST_SCALE // 10
    world = World(HARD_PROMPTS, delay=50)
    cold = world.serve(5_000, ceiled(ceiling), seed=1, cost_weight=0.0)
    warm = world.serve(5_000, ceiled(ceiling), seed=1, cost_weight=0.0, first_price=cold[-1].cost_price)

    assert mean_cost(cold[:100]) > 1.1 * ceiling
    assert mean_cost(warm[:100]) <= 1.05 * ceiling


@pytest.mark.parametrize("arms", [CHEAP_AND_DEAR, GRADED, THREE, HARD_PROMPTS], ids=["dear", "graded", "three", "hard"])
@pytest.mark.parametrize("cost_weight", [0.1, 0.5, 5.0])
def test_a_floor_is_kept_in_95_of_100_windows_after_300_requests(arms: tuple[Arm, ...], cost_weight: float) -> None:
    floor = Targets(quality_floor_of_best=0.95)
    kept = [
        window
        for seed in range(3)
        for window in floor_kept(World(arms, 20).serve(3_300, floor, seed=seed, cost_weight=cost_weight), 0.95)
    ]

    assert len(kept) == 45
    assert sum(kept) >= 0.95 * len(kept) - 1


def test_without_a_floor_the_same_world_stays_below_it() -> None:
    served = World(CHEAP_AND_DEAR).serve(3_300, Targets(), seed=0)

    assert not any(floor_kept(served, 0.95))


def test_where_ceiling_and_floor_contradict_each_other_the_ceiling_is_kept() -> None:
    ceiling = COST_SCALE * 3 // 10
    both = World(CHEAP_AND_DEAR, 20).serve(5_000, ceiled(ceiling)._replace(quality_floor_of_best=0.99), seed=1)
    alone = World(CHEAP_AND_DEAR, 20).serve(5_000, ceiled(ceiling), seed=1, cost_weight=0.0)

    assert mean_cost(both) <= 1.02 * ceiling
    assert mean_cost(both) == pytest.approx(mean_cost(alone), rel=0.02)
    assert not any(floor_kept(both, 0.99))


def test_a_ceiling_with_room_leaves_the_floor_its_money() -> None:
    targets = ceiled(2 * COST_SCALE)._replace(quality_floor_of_best=0.95)
    served = World(GRADED, 20).serve(3_300, targets, seed=1)

    assert all(floor_kept(served, 0.95))
