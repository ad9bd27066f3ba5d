"""Laws of a request's own limits: cost is hard, the floor and the objective bend only when nobody meets them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.engine.contract import Arm, ContextMode, Exclusion, Learner, Offer
from atp_grpc.engine.self_test import pack
from tests.conformance.engine.strategies import outcomes, parameters, queries
from tests.conformance.engine.world import ARMS, OFFERS, OWN, outcome, query

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Choice, Engine, EngineParameters, Outcome, Query
    from tests.conformance.engine.conftest import EngineFactory

FEATURES = pack([0.0, 0.0, 0.0])
GREEDY = dataclasses.replace(OWN, learner=Learner.GREEDY, epsilon=0.0, cost_scale_nano_usd=100.0)
STEPS = (
    Arm("cheap", prior_quality=0.3, prior_latency_seconds=1.0),
    Arm("middle", prior_quality=0.6, prior_latency_seconds=2.0),
    Arm("best", prior_quality=0.9, prior_latency_seconds=4.0),
)
PRICES = [Offer(arm, 1_000_000 * 10**arm, 0) for arm in range(3)]
"""With 100 input tokens the calls cost 100, 1,000 and 10,000 nano-dollars."""


def _ask(engine: Engine, **limits: object) -> Choice:
    fields: dict[str, object] = {"cost_weight": 0.0, **limits}
    return engine.choose(query(candidates=(0, 1, 2), features=FEATURES, input_tokens=100.0, **fields))


@pytest.fixture
def engine(make_engine: EngineFactory) -> Engine:
    built = make_engine(GREEDY)
    built.load(STEPS, PRICES, 1)
    return built


@given(parameters(), st.lists(outcomes(1), max_size=6), queries())
@settings(max_examples=60)
def test_no_limit_is_ever_silently_broken(
    make_engine: EngineFactory, chosen_parameters: EngineParameters, lessons: list[Outcome], question: Query
) -> None:
    built = make_engine(chosen_parameters)
    built.load(ARMS, OFFERS, 1)
    for sequence, lesson in enumerate(lessons):
        built.learn(lesson._replace(sequence=sequence))
    choice = built.choose(question)
    for position, cost in enumerate(choice.cost_nano_usd):
        if question.max_cost_nano_usd is not None and cost > question.max_cost_nano_usd:
            assert choice.exclusions[position] is Exclusion.MAX_COST
    if choice.chosen is None:
        assert not choice.floor_unmet
        assert not choice.slo_unmet
        return
    if question.quality_floor is not None:
        assert choice.floor_unmet or choice.quality[choice.chosen] >= question.quality_floor
    if question.latency_slo_seconds is not None:
        assert choice.slo_unmet or choice.latency_seconds[choice.chosen] <= question.latency_slo_seconds


def test_max_cost_leaves_out_what_is_too_dear(engine: Engine) -> None:
    choice = _ask(engine, max_cost_nano_usd=1000.0)
    assert choice.chosen == 1
    assert dict(choice.exclusions) == {2: Exclusion.MAX_COST}


def test_when_everything_is_too_dear_nothing_is_chosen(engine: Engine) -> None:
    choice = _ask(engine, max_cost_nano_usd=99.0, quality_floor=1.0, latency_slo_seconds=0.0)
    assert choice.chosen is None
    assert list(choice.propensities) == [0.0, 0.0, 0.0]
    assert dict(choice.exclusions) == dict.fromkeys(range(3), Exclusion.MAX_COST)
    assert (choice.floor_unmet, choice.slo_unmet) == (False, False)
    assert (choice.predicted_mean, choice.predicted_linear) == (0.0, 0.0)


def test_a_quality_floor_takes_the_cheapest_that_reaches_it(engine: Engine) -> None:
    choice = _ask(engine, quality_floor=0.5, cost_weight=1.0)
    assert choice.chosen == 1
    assert dict(choice.exclusions) == {0: Exclusion.QUALITY_FLOOR}
    assert not choice.floor_unmet


def test_an_unreachable_floor_takes_the_best_whatever_it_costs(engine: Engine) -> None:
    assert _ask(engine, cost_weight=1.0, latency_weight=1.0).chosen == 0
    choice = _ask(engine, quality_floor=0.95, cost_weight=1.0, latency_weight=1.0)
    assert choice.chosen == 2
    assert choice.floor_unmet
    assert dict(choice.exclusions) == {}
    assert choice.utilities == pytest.approx([0.99 * 0.3, 0.99 * 0.6, 0.99 * 0.9])


def test_an_unreachable_floor_explores_without_regard_to_cost(make_engine: EngineFactory) -> None:
    curious = make_engine(dataclasses.replace(GREEDY, epsilon=1.0))
    curious.load(STEPS, PRICES, 1)
    assert _ask(curious, quality_floor=0.95, cost_weight=9.0).propensities == pytest.approx([1 / 3] * 3)


def test_a_latency_objective_leaves_out_what_is_too_slow(engine: Engine) -> None:
    choice = _ask(engine, latency_slo_seconds=2.0)
    assert choice.chosen == 1
    assert dict(choice.exclusions) == {2: Exclusion.LATENCY_SLO}
    assert not choice.slo_unmet


def test_an_unreachable_objective_takes_the_fastest(engine: Engine) -> None:
    choice = _ask(engine, latency_slo_seconds=0.5)
    assert choice.chosen == 0
    assert choice.slo_unmet
    assert dict(choice.exclusions) == {1: Exclusion.LATENCY_SLO, 2: Exclusion.LATENCY_SLO}


def test_an_unreachable_objective_keeps_all_that_are_equally_fast(make_engine: EngineFactory) -> None:
    built = make_engine(GREEDY)
    built.load([Arm("a", 0.2), Arm("b", 0.7), Arm("c", 0.9, prior_latency_seconds=2.0)], PRICES, 1)
    choice = _ask(built, latency_slo_seconds=0.5)
    assert choice.chosen == 1
    assert dict(choice.exclusions) == {2: Exclusion.LATENCY_SLO}


def test_limits_apply_in_order_to_who_is_left(engine: Engine) -> None:
    choice = _ask(engine, max_cost_nano_usd=1000.0, quality_floor=0.8, latency_slo_seconds=1.5)
    # The best is too dear, so nobody left reaches the floor; of those left, one meets the objective.
    assert choice.chosen == 0
    assert choice.floor_unmet
    assert not choice.slo_unmet
    assert dict(choice.exclusions) == {1: Exclusion.LATENCY_SLO, 2: Exclusion.MAX_COST}


def test_the_floor_judges_the_prediction_that_is_served(make_engine: EngineFactory) -> None:
    for context, reaches in ((ContextMode.ON, True), (ContextMode.OFF, False)):
        built = make_engine(dataclasses.replace(OWN, context=context))
        built.load([Arm("a", prior_quality=0.5)], [Offer(0, 1, 1)], 1)
        for sequence in range(40):
            side = 1.0 if sequence % 2 else -1.0
            features = pack([side, 0.0, 0.0])
            built.learn(outcome(sequence, arm="a", features=features, quality=0.5 + 0.4 * side))
        choice = built.choose(query(candidates=(0,), features=pack([1.0, 0.0, 0.0]), quality_floor=0.8))
        assert choice.floor_unmet is not reaches
