"""Laws of favour: it moves the utility of one candidate, by as much as it says, and no limit ever."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.engine.contract import Arm, Learner, Offer
from atp_grpc.engine.self_test import pack, spell_choice
from tests.conformance.engine.strategies import outcomes, parameters, queries
from tests.conformance.engine.world import ARMS, EVERYONE, OFFERS, OWN, outcome, query

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Engine, EngineParameters, Outcome, Query
    from tests.conformance.engine.conftest import EngineFactory

FEATURES = pack([0.5, -0.25, 1.0])


def _engine(make_engine: EngineFactory, chosen: EngineParameters, lessons: list[Outcome]) -> Engine:
    engine = make_engine(chosen)
    engine.load(ARMS, OFFERS, 1)
    for sequence, lesson in enumerate(lessons):
        engine.learn(lesson._replace(sequence=sequence))
    return engine


@given(parameters(), st.lists(outcomes(1), max_size=6), queries(), st.data())
@settings(max_examples=80)
def test_one_utility_moves_and_no_limit_does(
    make_engine: EngineFactory,
    chosen_parameters: EngineParameters,
    lessons: list[Outcome],
    question: Query,
    data: st.DataObject,
) -> None:
    engine = _engine(make_engine, chosen_parameters, lessons)
    place = data.draw(st.integers(0, len(question.candidates) - 1))
    favour = data.draw(st.floats(0, 10))
    plain = spell_choice(engine.choose(question._replace(favoured=None)))
    moved = spell_choice(engine.choose(question._replace(favoured=question.candidates[place], favour=favour)))
    expected = list(plain["utilities"])
    expected[place] += favour
    assert moved["utilities"] == pytest.approx(expected, rel=1e-12, abs=1e-9)
    assert [u for i, u in enumerate(moved["utilities"]) if i != place] == [
        u for i, u in enumerate(plain["utilities"]) if i != place
    ]
    decided = {"utilities", "chosen", "propensities", "predicted_mean", "predicted_linear"}
    for field in plain.keys() - decided:
        assert moved[field] == plain[field]


@given(parameters(), queries(), st.sampled_from([None, 0, 1, 2, 3, 4, 5, 6, 700, 2**63 - 1]), st.floats(0, 1e9))
@settings(max_examples=80)
def test_without_such_a_candidate_it_says_nothing(
    make_engine: EngineFactory,
    chosen_parameters: EngineParameters,
    question: Query,
    favoured: int | None,
    favour: float,
) -> None:
    engine = _engine(make_engine, chosen_parameters, [])
    plain = spell_choice(engine.choose(question._replace(favoured=None, favour=0.0)))
    if favoured is None or favoured not in question.candidates:
        assert spell_choice(engine.choose(question._replace(favoured=favoured, favour=favour))) == plain
    else:
        assert spell_choice(engine.choose(question._replace(favoured=favoured, favour=0.0))) == plain


@pytest.mark.parametrize("learner", [Learner.GREEDY, Learner.LINUCB, Learner.UCB1, Learner.THOMPSON])
def test_a_favour_beyond_every_difference_decides(make_engine: EngineFactory, learner: Learner) -> None:
    engine = _engine(make_engine, dataclasses.replace(OWN, learner=learner, epsilon=0.0), [])
    for place, offer in enumerate(EVERYONE):
        choice = engine.choose(query(features=FEATURES, favoured=offer, favour=1e3))
        assert choice.chosen == place
        assert choice.propensities[place] == 1.0


@pytest.mark.parametrize("learner", Learner)
def test_the_more_favour_the_more_often(make_engine: EngineFactory, learner: Learner) -> None:
    engine = _engine(make_engine, dataclasses.replace(OWN, learner=learner, scale=0.3, gamma=5.0), [])
    asked = query(features=FEATURES, cost_weight=0.3, favoured=4)
    shares = [engine.choose(asked._replace(favour=favour)).propensities[3] for favour in (0.0, 0.1, 0.2, 0.5, 2.0)]
    assert shares == sorted(shares)
    assert shares[-1] > shares[0]


def test_exploration_does_not_see_it(make_engine: EngineFactory) -> None:
    engine = _engine(make_engine, dataclasses.replace(OWN, epsilon=1.0), [])
    plain, favoured = (engine.choose(query(features=FEATURES, favoured=5, favour=favour)) for favour in (0.0, 9.0))
    assert list(plain.propensities) == list(favoured.propensities)


def test_no_favour_saves_from_a_limit(make_engine: EngineFactory) -> None:
    engine = make_engine(OWN)
    engine.load(
        [Arm("good", 0.9), Arm("poor", 0.1, prior_latency_seconds=9.0)], [Offer(0, 1, 1), Offer(1, 10**9, 0)], 1
    )
    asked = query(candidates=(0, 1), features=FEATURES, favoured=1, favour=1e9)
    assert engine.choose(asked).chosen == 1
    for limit in ({"max_cost_nano_usd": 1.0}, {"quality_floor": 0.5}, {"latency_slo_seconds": 2.0}):
        choice = engine.choose(asked._replace(**limit))  # type: ignore[arg-type]
        assert choice.chosen == 0
        assert list(choice.exclusions) == [1]


def test_where_nobody_reaches_the_floor_favour_still_counts(make_engine: EngineFactory) -> None:
    engine = make_engine(dataclasses.replace(OWN, learner=Learner.GREEDY, epsilon=0.0))
    engine.load([Arm("a", 0.4), Arm("b", 0.3)], [Offer(0, 1, 1), Offer(1, 1, 1)], 1)
    for sequence in range(2):
        engine.learn(outcome(sequence, arm="ab"[sequence], failed=False))
    asked = query(candidates=(0, 1), features=FEATURES, quality_floor=0.9, favoured=1)
    choices = [engine.choose(asked._replace(favour=favour)) for favour in (0.05, 0.15)]
    assert all(choice.floor_unmet for choice in choices)
    assert [choice.chosen for choice in choices] == [0, 1]
