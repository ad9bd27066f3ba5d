"""Laws of one choice: pure, repeatable, within its candidates, indifferent to the unit of money."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.engine.contract import (
    Arm,
    Choice,
    EngineError,
    InvalidQueryError,
    Learner,
    Offer,
    StaleGenerationError,
)
from atp_grpc.engine.self_test import pack, spell_choice
from tests.conformance.engine.strategies import outcomes, parameters, queries, worlds
from tests.conformance.engine.world import ARMS, OFFERS, OWN, outcome, query

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Engine, EngineParameters, Outcome, Query
    from tests.conformance.engine.conftest import EngineFactory

FEATURES = pack([0.5, -0.25, 1.0])


@pytest.mark.parametrize("learner", Learner)
@given(data=st.data(), lessons=st.lists(outcomes(1), max_size=6), question=queries())
@settings(max_examples=15)
def test_choose_is_pure_and_repeatable(
    make_engine: EngineFactory, learner: Learner, data: st.DataObject, lessons: list[Outcome], question: Query
) -> None:
    chosen_parameters = data.draw(parameters([learner]))
    first, second = (_taught(make_engine, chosen_parameters, lessons) for _ in range(2))
    before = first.checkpoint()
    answer = spell_choice(first.choose(question))
    assert spell_choice(first.choose(question)) == answer
    assert spell_choice(second.choose(question)) == answer
    assert first.checkpoint() == before


@pytest.mark.parametrize("learner", Learner)
@given(data=st.data(), lessons=st.lists(outcomes(1), max_size=6), question=queries())
@settings(max_examples=15)
def test_only_a_candidate_that_was_not_set_aside_is_chosen(
    make_engine: EngineFactory, learner: Learner, data: st.DataObject, lessons: list[Outcome], question: Query
) -> None:
    chosen_parameters = data.draw(parameters([learner]))
    choice = _taught(make_engine, chosen_parameters, lessons).choose(question)
    count = len(question.candidates)
    assert len(choice.propensities) == len(choice.utilities) == len(choice.quality) == count
    assert len(choice.cost_nano_usd) == len(choice.latency_seconds) == len(choice.failure_rate) == count
    assert all(choice.propensities[position] == 0.0 for position in choice.exclusions)
    if choice.chosen is None:
        assert set(choice.exclusions) == set(range(count))
    else:
        assert choice.chosen in set(range(count)) - set(choice.exclusions)
        assert choice.propensities[choice.chosen] > 0.0


@pytest.mark.parametrize("learner", Learner)
@given(data=st.data(), world=worlds(), lessons=st.lists(outcomes(1), max_size=4), question=queries())
@settings(max_examples=15)
def test_scaling_every_price_and_the_cost_scale_changes_nothing(
    make_engine: EngineFactory,
    learner: Learner,
    data: st.DataObject,
    world: tuple[list[Arm], list[Offer]],
    lessons: list[Outcome],
    question: Query,
) -> None:
    chosen_parameters = data.draw(parameters([learner]))
    arms, offers = world
    dearer = [Offer(offer.arm, 1000 * offer.input_price, 1000 * offer.output_price) for offer in offers]
    wider = dataclasses.replace(chosen_parameters, cost_scale_nano_usd=1000 * chosen_parameters.cost_scale_nano_usd)
    limit = question.max_cost_nano_usd
    plain = make_engine(chosen_parameters)
    scaled = make_engine(wider)
    plain.load(arms, offers, 1)
    scaled.load(arms, dearer, 1)
    for lesson in lessons:
        plain.learn(lesson)
        scaled.learn(lesson)
    one = plain.choose(question)
    other = scaled.choose(question._replace(max_cost_nano_usd=None if limit is None else 1000 * limit))
    assert other.cost_nano_usd == pytest.approx([1000 * cost for cost in one.cost_nano_usd])
    assert other.propensities == pytest.approx(list(one.propensities), abs=1e-9)
    assert other.chosen == one.chosen
    assert dict(other.exclusions) == dict(one.exclusions)


def test_a_price_change_applies_to_the_next_choice(make_engine: EngineFactory) -> None:
    engine = make_engine(OWN)
    engine.load([Arm("a", prior_output_tokens=100.0)], [Offer(0, 1_000_000, 2_000_000)], 1)
    ask = query(candidates=(0,), features=FEATURES, input_tokens=50.0)
    assert engine.choose(ask).cost_nano_usd[0] == pytest.approx(250.0)
    engine.load([Arm("a", prior_output_tokens=100.0)], [Offer(0, 3_000_000, 2_000_000)], 2)
    assert engine.choose(ask._replace(generation=2)).cost_nano_usd[0] == pytest.approx(350.0)


def test_the_answer_length_in_the_cost_is_capped_by_the_request(make_engine: EngineFactory) -> None:
    engine = make_engine(OWN)
    engine.load([Arm("a", prior_output_tokens=100.0)], [Offer(0, 1_000_000, 2_000_000)], 1)
    capped = query(candidates=(0,), features=FEATURES, input_tokens=50.0, max_output_tokens=10.0)
    assert engine.choose(capped).cost_nano_usd[0] == pytest.approx(70.0)


@pytest.mark.parametrize(
    ("learner", "decisions"),
    [
        # Exploration alone: half of epsilon for each of two, so 1 in 200; at most 2,000 decisions but for 1 in 20,000.
        (Learner.GREEDY, 2000),
        (Learner.LINUCB, 40),
        (Learner.THOMPSON, 40),
        (Learner.THOMPSON_BETA, 40),
        (Learner.UCB1, 40),
        (Learner.SQUARECB, 400),
    ],
)
def test_an_arm_with_one_bad_sample_is_tried_again(
    make_engine: EngineFactory, learner: Learner, decisions: int
) -> None:
    engine = make_engine(dataclasses.replace(OWN, learner=learner, alpha=1.0, scale=1.0))
    engine.load([Arm("steady"), Arm("unlucky")], [Offer(0, 1000, 1000), Offer(1, 1000, 1000)], 1)
    for sequence in range(20):
        engine.learn(outcome(sequence, arm="steady", quality=0.6))
    engine.learn(outcome(20, arm="unlucky", quality=0.0))
    least = engine.parameters.epsilon * 0.1 / 2
    for sequence in range(21, 21 + decisions):
        choice = engine.choose(query(candidates=(0, 1), features=FEATURES, seed=sequence))
        assert choice.propensities[1] >= least
        if choice.chosen == 1:
            return
        engine.learn(outcome(sequence, arm="steady", quality=0.6, features=FEATURES))
    pytest.fail("one bad sample shut the arm out")


@pytest.mark.parametrize("learner", Learner)
def test_the_best_arm_wins_once_it_is_known(make_engine: EngineFactory, learner: Learner) -> None:
    engine = make_engine(dataclasses.replace(OWN, learner=learner))
    engine.load([Arm("good"), Arm("bad")], [Offer(0, 1000, 1000), Offer(1, 1000, 1000)], 1)
    for sequence in range(50):
        engine.learn(outcome(2 * sequence, arm="good", quality=0.9))
        engine.learn(outcome(2 * sequence + 1, arm="bad", quality=0.2))
    choices = [engine.choose(query(candidates=(0, 1), features=FEATURES, seed=seed)) for seed in range(100)]
    # SquareCB leaves 1 / (2 + 50 * sqrt(102) * 0.67) to the other arm for ever; the rest of what is missing is epsilon.
    most = 0.99 if learner is not Learner.SQUARECB else 0.99 * (1 - 1 / 340) + 0.005
    assert all(choice.propensities[0] > most for choice in choices)


def test_unreliable_slow_and_dear_arms_lose_utility_as_documented(make_engine: EngineFactory) -> None:
    engine = make_engine(dataclasses.replace(OWN, cost_scale_nano_usd=1000.0, latency_scale_seconds=4.0))
    arm = Arm("a", prior_quality=0.8, prior_output_tokens=200.0, prior_latency_seconds=2.0, prior_failure_rate=0.25)
    engine.load([arm], [Offer(0, 2_000_000, 1_000_000)], 1)
    ask = query(candidates=(0,), features=FEATURES, input_tokens=100.0, cost_weight=0.5, latency_weight=0.1)
    assert engine.choose(ask).utilities[0] == pytest.approx(0.75 * 0.8 - 0.5 * 400 / 1000 - 0.1 * 2.0 / 4.0)


def test_a_stale_generation_is_refused(make_engine: EngineFactory) -> None:
    engine = make_engine(OWN)
    with pytest.raises(StaleGenerationError):
        engine.choose(query(features=FEATURES))
    engine.load(ARMS, OFFERS, 1)
    engine.load(ARMS, OFFERS, 4)
    for generation in (0, 1, 3, 5):
        with pytest.raises(StaleGenerationError):
            engine.choose(query(generation=generation, features=FEATURES))
    for generation in (1, 4):
        with pytest.raises(StaleGenerationError):
            engine.load(ARMS, OFFERS, generation)
    assert engine.generation == 4
    assert engine.choose(query(generation=4, features=FEATURES)).chosen is not None


def test_a_batch_answers_each_query_in_its_place(make_engine: EngineFactory) -> None:
    engine = make_engine(OWN)
    engine.load(ARMS, OFFERS, 1)
    good = [query(features=FEATURES, seed=seed) for seed in range(5)]
    questions = [good[0], query(features=FEATURES, candidates=()), good[1], query(generation=9, features=FEATURES)]
    answers = engine.choose_batch([*questions, *good[2:]])
    assert isinstance(answers[1], InvalidQueryError)
    assert isinstance(answers[3], StaleGenerationError)
    found = [_choice(answers[position]) for position in (0, 2, 4, 5, 6)]
    assert found == [spell_choice(engine.choose(question)) for question in good]
    assert engine.choose_batch([]) == []


def test_the_features_come_back_as_they_were_used(make_engine: EngineFactory) -> None:
    engine = make_engine(OWN)
    engine.load(ARMS, OFFERS, 1)
    assert engine.choose(query(features=FEATURES)).features == FEATURES


def _choice(answer: Choice | EngineError) -> dict[str, object]:
    assert not isinstance(answer, EngineError)
    return spell_choice(answer)


def _taught(make_engine: EngineFactory, chosen_parameters: EngineParameters, lessons: list[Outcome]) -> Engine:
    engine = make_engine(chosen_parameters)
    engine.load(ARMS, OFFERS, 1)
    for sequence, lesson in enumerate(lessons):
        engine.learn(lesson._replace(sequence=sequence))
    return engine
