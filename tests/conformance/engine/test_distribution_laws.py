"""Laws of the choice distribution: it is a distribution, it is the one drawn from, and it explores as promised."""

from __future__ import annotations

import dataclasses
import itertools
import math
from statistics import NormalDist, fmean, stdev
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.engine.contract import DRAW_COUNT, EXPLORATION_FLOOR, Arm, Learner, Offer
from atp_grpc.engine.self_test import pack
from tests.conformance.engine.strategies import outcomes, parameters, queries
from tests.conformance.engine.world import ARMS, EVERYONE, OFFERS, OWN, outcome, query

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Choice, Engine, Outcome, Query
    from tests.conformance.engine.conftest import EngineFactory

SEEDS = 3000


@pytest.mark.parametrize("learner", Learner)
@given(data=st.data(), lessons=st.lists(outcomes(1), max_size=6), question=queries())
@settings(max_examples=20)
def test_propensities_are_a_distribution_with_a_floor(
    make_engine: EngineFactory, learner: Learner, data: st.DataObject, lessons: list[Outcome], question: Query
) -> None:
    chosen_parameters = data.draw(parameters([learner]))
    engine = make_engine(chosen_parameters)
    engine.load(ARMS, OFFERS, 1)
    for sequence, lesson in enumerate(lessons):
        engine.learn(lesson._replace(sequence=sequence))
    choice = engine.choose(question)
    left = set(range(len(question.candidates))) - set(choice.exclusions)
    assert math.fsum(choice.propensities) == pytest.approx(1.0 if left else 0.0, abs=1e-12)
    least = chosen_parameters.epsilon * EXPLORATION_FLOOR / max(1, len(left))
    assert all(choice.propensities[position] >= least * (1 - 1e-12) for position in left)


@pytest.fixture(name="choices", params=list(Learner), scope="module")
def many_choices(request: pytest.FixtureRequest, make_engine: EngineFactory) -> list[Choice]:
    """Choices under many seeds and changing features, by an engine that is torn between its arms."""
    engine = make_engine(dataclasses.replace(OWN, learner=request.param, scale=0.3, epsilon=0.3))
    return _choices(_torn(engine))


def test_arms_are_drawn_as_often_as_their_propensities_say(choices: list[Choice]) -> None:
    statistic = 0.0
    for position in range(len(EVERYONE)):
        expected = math.fsum(choice.propensities[position] for choice in choices)
        found = sum(choice.chosen == position for choice in choices)
        assert expected > 20
        statistic += (found - expected) ** 2 / expected
    # Exceeded once in a million by chi-square with four degrees of freedom; unequal propensities only lower it.
    assert statistic < 33.4


def test_importance_weights_average_to_one(choices: list[Choice]) -> None:
    for position in range(len(EVERYONE)):
        weights = [(choice.chosen == position) / choice.propensities[position] for choice in choices]
        assert abs(fmean(weights) - 1.0) < 3 * stdev(weights) / math.sqrt(len(weights))


@pytest.mark.parametrize("learner", Learner)
def test_a_logged_run_is_worth_what_it_says_to_a_uniform_policy(make_engine: EngineFactory, learner: Learner) -> None:
    engine = _torn(make_engine(dataclasses.replace(OWN, learner=learner, epsilon=0.1, scale=0.3, alpha=0.3)))
    weights = []
    for step in range(1500):
        tenant = ("acme", "büro", None)[step % 3]
        asked = query(features=pack([step % 7 / 7, -(step % 3), step % 5 - 2]), seed=step * 0x9E3779B1, tenant=tenant)
        choice = engine.choose(asked._replace(cost_weight=0.002))
        assert choice.chosen is not None
        weights.append(1 / len(EVERYONE) / choice.propensities[choice.chosen])
        engine.learn(
            outcome(
                1000 + step,
                arm=ARMS[OFFERS[EVERYONE[choice.chosen]].arm].name,
                features=choice.features,
                quality=(0.3, 0.5, 0.6, 0.55, 0.7)[choice.chosen] + (step * 0.37) % 0.3,
                predicted_mean=choice.predicted_mean,
                predicted_linear=choice.predicted_linear,
                tenant=tenant,
            )
        )
    assert abs(fmean(weights) - 1.0) < 3 * stdev(weights) / math.sqrt(len(weights))


def test_the_pick_is_independent_of_the_posterior_draws(make_engine: EngineFactory) -> None:
    engine = _torn(make_engine(dataclasses.replace(OWN, scale=0.3, epsilon=0.0)))
    choices = _choices(engine)
    for position in range(len(EVERYONE)):
        deviations = [(choice.chosen == position) - choice.propensities[position] for choice in choices]
        products = [
            deviation * (choice.propensities[position] - 1 / len(EVERYONE))
            for deviation, choice in zip(deviations, choices, strict=True)
        ]
        assert abs(fmean(products)) < 3.5 * stdev(products) / math.sqrt(len(products))


def test_thompson_estimates_the_probability_that_an_arm_is_best(make_engine: EngineFactory) -> None:
    engine = make_engine(dataclasses.replace(OWN, scale=0.5, epsilon=0.0))
    engine.load([Arm("a", 0.9), Arm("b", 0.7)], [Offer(0, 0, 0), Offer(1, 0, 0)], 1)
    features = pack([0.0, 0.0, 0.0])
    for sequence in range(3):
        engine.learn(outcome(sequence, arm="a", features=features, quality=0.5))
    shares = [
        engine.choose(query(candidates=(0, 1), features=features, seed=seed, cost_weight=0.0)).propensities[0]
        for seed in range(1000)
    ]
    mean_a, sd_a = (0.9 + 3 * 0.5) / 4, 0.5 / math.sqrt(4)
    mean_b, sd_b = 0.7, 0.5
    gap = NormalDist(mean_a * 0.99 - mean_b * 0.99, 0.99 * math.hypot(sd_a, sd_b))
    assert all(share * DRAW_COUNT == int(share * DRAW_COUNT) for share in shares)
    assert abs(fmean(shares) - (1 - gap.cdf(0.0))) < 3 * stdev(shares) / math.sqrt(len(shares))


def test_linucb_is_greedy_with_a_bonus_for_the_unknown(make_engine: EngineFactory) -> None:
    features = pack([0.0, 0.0, 0.0])
    ask = query(candidates=(0, 1), features=features, cost_weight=0.0)
    for alpha, expected in ((0.0, 0), (1.0, 1)):
        engine = make_engine(dataclasses.replace(OWN, learner=Learner.LINUCB, alpha=alpha, epsilon=0.0))
        engine.load([Arm("known", 0.6), Arm("unknown", 0.5)], [Offer(0, 0, 0), Offer(1, 0, 0)], 1)
        for sequence in range(30):
            engine.learn(outcome(sequence, arm="known", quality=0.6))
        assert engine.choose(ask).chosen == expected
        assert engine.choose(ask).propensities[expected] == 1.0


def test_exploration_prefers_cheap_arms_and_spares_none(make_engine: EngineFactory) -> None:
    engine = make_engine(dataclasses.replace(OWN, epsilon=1.0, cost_scale_nano_usd=100.0))
    engine.load([Arm("a"), Arm("b"), Arm("c")], [Offer(i, 1_000_000 * (1 + i * i), 0) for i in range(3)], 1)
    choice = engine.choose(query(candidates=(0, 1, 2), features=pack([0, 0, 0]), input_tokens=100.0, cost_weight=2.0))
    ratios = [math.exp(-2.0 * (cost - 100.0) / 100.0) for cost in (100.0, 200.0, 500.0)]
    expected = [0.9 * ratio / sum(ratios) + 0.1 / 3 for ratio in ratios]
    assert choice.propensities == pytest.approx(expected, rel=1e-12)


def test_exploration_survives_any_weight_on_cost(make_engine: EngineFactory) -> None:
    engine = make_engine(dataclasses.replace(OWN, epsilon=1.0))
    engine.load(ARMS, OFFERS, 1)
    choice = engine.choose(query(features=pack([0, 0, 0]), cost_weight=1e9))
    assert choice.propensities == pytest.approx([0.92, 0.02, 0.02, 0.02, 0.02])


def test_a_single_candidate_is_certain(make_engine: EngineFactory) -> None:
    engine = make_engine(dataclasses.replace(OWN, epsilon=1.0))
    engine.load(ARMS, OFFERS, 1)
    assert list(engine.choose(query(candidates=(4,), features=pack([0, 0, 0]))).propensities) == [1.0]


def test_exact_ties_go_to_the_cheaper_then_to_the_earlier(make_engine: EngineFactory) -> None:
    engine = make_engine(dataclasses.replace(OWN, learner=Learner.GREEDY, epsilon=0.0))
    prices = [9, 3, 3, 5]
    engine.load([Arm(name) for name in "abcd"], [Offer(arm, 1000 * price, 0) for arm, price in enumerate(prices)], 1)
    for size in range(1, 5):
        for candidates in itertools.combinations(range(4), size):
            choice = engine.choose(query(candidates=candidates, features=pack([0, 0, 0]), cost_weight=0.0))
            assert choice.chosen == min(range(size), key=lambda position: (prices[candidates[position]], position))


def _torn(engine: Engine) -> Engine:
    engine.load(ARMS, OFFERS, 1)
    for sequence, arm in enumerate(ARMS):
        for repeat in range(3):
            engine.learn(outcome(10 * sequence + repeat, arm=arm.name, quality=0.5 + 0.02 * sequence))
    return engine


def _choices(engine: Engine) -> list[Choice]:
    return [
        engine.choose(
            query(features=pack([seed % 7 / 7, -(seed % 3), seed % 5 - 2]), seed=seed * 0x9E3779B1, cost_weight=0.002)
        )
        for seed in range(SEEDS)
    ]
