"""Laws of what the arms have in common: one regression within all of them, where each arm's own slopes begin."""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.engine.checkpoint import decode
from atp_grpc.engine.contract import Arm, ContextMode, Learner, Offer
from atp_grpc.engine.self_test import pack, spell_choice
from tests.conformance.engine.strategies import FEATURES, UNIT
from tests.conformance.engine.world import ARMS, HOUR, NOW, OFFERS, OWN, outcome, query

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Choice, Engine, Outcome
    from atp_grpc.engine.reference.factor import Vector
    from tests.conformance.engine.conftest import EngineFactory

EPOCH = NOW // (32 * HOUR) * (32 * HOUR)
LINEAR = dataclasses.replace(OWN, context=ContextMode.ON)
GRADES = st.lists(st.tuples(st.sampled_from([arm.name for arm in ARMS]), FEATURES, UNIT), min_size=32, max_size=32)


def _lessons(grades: list[tuple[str, bytes, float]], *, begin: int = 0) -> list[Outcome]:
    return [
        outcome(sequence, arm=arm, features=features, quality=quality, decided_nanos=EPOCH, now_nanos=EPOCH)
        for sequence, (arm, features, quality) in enumerate(grades, begin)
    ]


def _random_grades(count: int, seed: int, arms: int = 4) -> list[tuple[str, bytes, float]]:
    """What is hard for one arm is hard for all of them; the last arm is not among those asked."""
    chance = random.Random(seed)
    grades = []
    for number in range(count):
        values = [chance.uniform(-1, 1) for _ in range(3)]
        quality = 0.5 + 0.3 * values[0] - 0.1 * values[1] + 0.02 * (number % arms) + 0.02 * chance.random()
        grades.append((ARMS[number % arms].name, pack(values), quality))
    return grades


def _within(grades: list[tuple[str, bytes, float]], precision: float) -> Vector:
    """[h0, g] by its definition: ridge regression of what is around each arm's own mean."""
    rows = np.array([np.frombuffer(features, "<f4").astype(np.float64) for _, features, _ in grades])
    qualities = np.array([quality for _, _, quality in grades])
    names = np.array([arm for arm, _, _ in grades])
    mean = rows.mean(axis=0)
    centred, differences = rows.copy(), qualities.copy()
    for name in set(names):
        centred[names == name] -= rows[names == name].mean(axis=0)
        differences[names == name] -= qualities[names == name].mean()
    slopes = np.linalg.solve(centred.T @ centred + precision * np.eye(rows.shape[1]), centred.T @ differences)
    return np.array([-slopes @ mean, *slopes])


def _taught(engine: Engine, lessons: list[Outcome]) -> Engine:
    engine.load(ARMS, OFFERS, 1)
    for lesson in lessons:
        assert engine.learn(lesson)
    return engine


def _ask(engine: Engine, offer: int, values: list[float]) -> Choice:
    return engine.choose(
        query(generation=engine.generation, candidates=(offer,), features=pack(values), now_nanos=EPOCH)
    )


@pytest.mark.parametrize("half_life", [None, 64 * HOUR])
@pytest.mark.parametrize("precision", [0.1, 1.0, 30.0])
@given(GRADES)
@settings(max_examples=15)
def test_the_common_part_is_the_regression_within_the_arms(
    make_engine: EngineFactory, half_life: int | None, precision: float, grades: list[tuple[str, bytes, float]]
) -> None:
    chosen = dataclasses.replace(LINEAR, half_life_nanos=half_life, common_precision=precision)
    common = decode(_taught(make_engine(chosen), _lessons(grades)).checkpoint()).common
    assert common == pytest.approx(_within(grades, precision), rel=1e-7, abs=1e-9)


@given(GRADES, st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_it_is_the_same_whatever_the_order_in_which_names_were_learned(
    make_engine: EngineFactory, grades: list[tuple[str, bytes, float]], order: random.Random
) -> None:
    straight = decode(_taught(make_engine(LINEAR), _lessons(grades)).checkpoint())
    order.shuffle(grades)
    muddled = decode(_taught(make_engine(LINEAR), _lessons(grades)).checkpoint())
    assert (straight.common_age, muddled.common_age) == (0, 0)
    assert straight.common == pytest.approx(muddled.common, rel=1e-9, abs=1e-9)


def test_an_arm_without_evidence_predicts_what_the_arms_have_in_common(make_engine: EngineFactory) -> None:
    grades = _random_grades(64, seed=1)
    engine = _taught(make_engine(LINEAR), _lessons(grades))
    h0, *slopes = _within(grades, 1.0)
    giant = ARMS[4]
    for values in ([0.0, 0.0, 0.0], [1.0, -1.0, 0.5], [-0.75, 0.25, 1.0]):
        expected = giant.prior_quality + h0 + float(np.dot(slopes, values))
        choice = _ask(engine, 5, values)
        assert choice.predicted_linear == pytest.approx(expected, rel=1e-6)
        assert choice.predicted_mean == giant.prior_quality
        assert choice.quality[0] == pytest.approx(min(1.0, expected), rel=1e-6)
    # Of the average prompt the others' slopes say nothing: there the prior stands as it is.
    average = np.mean([np.frombuffer(features, "<f4") for _, features, _ in grades], axis=0)
    assert _ask(engine, 5, average.tolist()).predicted_linear == pytest.approx(giant.prior_quality, abs=1e-6)


def test_a_difference_between_arms_is_no_slope(make_engine: EngineFactory) -> None:
    # One arm is asked what lies left and fails, the other what lies right and does not; within each nothing varies.
    grades = [("tiny", pack([-1.0, 0.0, 0.0]), 0.25), ("giant", pack([1.0, 0.0, 0.0]), 1.0)] * 16
    assert decode(_taught(make_engine(LINEAR), _lessons(grades)).checkpoint()).common == (0.0,) * 4


def test_an_arm_that_was_never_graded_has_no_say(make_engine: EngineFactory) -> None:
    lessons = _lessons(_random_grades(32, seed=8))
    plain, timed = make_engine(LINEAR), make_engine(LINEAR)
    timed.learn(outcome(0, arm="giant", replica="r2", latency_seconds=2.0, failed=False))
    for engine in (plain, timed):
        _taught(engine, lessons)
    assert decode(timed.checkpoint()).common == decode(plain.checkpoint()).common != (0.0,) * 4


def test_it_is_read_at_every_thirty_second_grade_and_at_no_other_time(make_engine: EngineFactory) -> None:
    engine = _taught(make_engine(LINEAR), [])
    lessons = _lessons(_random_grades(70, seed=2))
    seen = []
    for number, lesson in enumerate(lessons):
        engine.learn(lesson)
        # What is not graded does not count, and neither does what was learned before.
        engine.learn(outcome(number, replica="r2", output_tokens=9.0, failed=True))
        assert not engine.learn(lesson)
        state = decode(engine.checkpoint())
        assert state.common_age == (number + 1) % 32
        seen.append(state.common)
    assert set(seen[:31]) == {(0.0,) * 4}
    assert [number + 1 for number in range(1, 70) if seen[number] != seen[number - 1]] == [32, 64]


def test_every_arm_that_was_read_before_sees_it_at_once(make_engine: EngineFactory) -> None:
    engine, fresh = _taught(make_engine(LINEAR), []), _taught(make_engine(LINEAR), [])
    values = [0.75, -0.5, 0.25]
    for number, lesson in enumerate(_lessons(_random_grades(66, seed=9))):
        before = [_ask(engine, offer, values).predicted_linear for offer in (0, 5)]
        engine.learn(lesson._replace(arm="small" if number % 2 else "medium"))
        # The other engine has read nothing before, so there is nothing that it could have kept.
        fresh.restore(engine.checkpoint())
        after = [_ask(engine, offer, values).predicted_linear for offer in (0, 5)]
        assert after == [_ask(fresh, offer, values).predicted_linear for offer in (0, 5)]
        assert (after != before) is (number % 32 == 31)


def test_moving_the_epoch_does_not_change_it(make_engine: EngineFactory) -> None:
    engine = _taught(make_engine(dataclasses.replace(LINEAR, half_life_nanos=HOUR)), _lessons(_random_grades(32, 3)))
    before = decode(engine.checkpoint())
    later = EPOCH + 64 * HOUR
    engine.learn(outcome(99, failed=False, decided_nanos=later, now_nanos=later))
    after = decode(engine.checkpoint())
    assert after.epoch_nanos > before.epoch_nanos
    assert after.common == before.common != (0.0,) * 4


@pytest.mark.parametrize("count", [31, 32, 63])
def test_a_restored_state_keeps_it_and_goes_on_counting(make_engine: EngineFactory, count: int) -> None:
    lessons = _lessons(_random_grades(96, seed=4))
    whole, restored = _taught(make_engine(LINEAR), lessons[:count]), _taught(make_engine(LINEAR), [])
    restored.restore(whole.checkpoint())
    for lesson in [None, *lessons[count:]]:
        if lesson is not None:
            whole.learn(lesson)
            restored.learn(lesson)
        assert restored.checkpoint() == whole.checkpoint()
        assert spell_choice(_ask(restored, 5, [0.5, 0.5, 0.5])) == spell_choice(_ask(whole, 5, [0.5, 0.5, 0.5]))


@pytest.mark.parametrize(
    "change", [{"context": ContextMode.OFF}, {"learner": Learner.UCB1}, {"learner": Learner.THOMPSON_BETA}], ids=str
)
def test_without_context_nobody_sees_it(make_engine: EngineFactory, change: dict[str, object]) -> None:
    chosen = dataclasses.replace(LINEAR, **change)  # type: ignore[arg-type]
    engine = _taught(make_engine(chosen), _lessons(_random_grades(64, seed=5)))
    left, right = (_ask(engine, 5, [side, 0.0, 0.0]) for side in (-1.0, 1.0))
    assert list(left.quality) == list(right.quality) == [1.0]
    assert left.predicted_linear < right.predicted_linear - 0.3
    assert any(decode(engine.checkpoint()).common)


def test_an_arm_that_is_not_loaded_counts_as_well(make_engine: EngineFactory) -> None:
    lessons = _lessons(_random_grades(32, seed=6))
    everybody, newcomer = _taught(make_engine(LINEAR), lessons), make_engine(LINEAR)
    newcomer.load([Arm("new")], [Offer(0, 1, 1)], 1)
    for lesson in lessons:
        newcomer.learn(lesson)
    assert decode(newcomer.checkpoint()).common == decode(everybody.checkpoint()).common
    side = [_ask(newcomer, 0, [value, 0.0, 0.0]).predicted_linear for value in (-1.0, 1.0)]
    assert side[1] > side[0] + 0.4


def test_prompts_that_lie_far_out_leave_nothing_that_is_not_finite(make_engine: EngineFactory) -> None:
    chance = random.Random(7)
    for half_life in (None, HOUR):
        engine = _taught(make_engine(dataclasses.replace(LINEAR, half_life_nanos=half_life)), [])
        for sequence in range(32 * 40):
            # Nearly constant and collinear: what is left around the mean is rounding, of either sign.
            values = [1e6 * 0.1, 1e6 - chance.choice([0.0, 0.0625]), -7e5]
            moment = EPOCH + chance.randrange(300 * HOUR)
            lesson = outcome(sequence, arm=ARMS[sequence % 3].name, features=pack(values), quality=chance.random())
            engine.learn(lesson._replace(decided_nanos=moment, now_nanos=moment))
            if sequence % 32 == 31:
                h0, *slopes = decode(engine.checkpoint()).common
                assert abs(h0 + float(np.dot(slopes, values))) < 2.0
                assert abs(_ask(engine, 5, values).predicted_linear) < 10.0


def _slope(engine: Engine, arms: int) -> float:
    """What one arm among so many learned of a feature: 3 of quality for 16 of square, but for the shrinkage."""
    engine.load([Arm(f"arm {number}", 0.5) for number in range(arms)], [Offer(0, 1, 1)], engine.generation + 1)
    low, high = (_ask(engine, 0, [side, 0.0, 0.0]).predicted_linear for side in (0.0, 1.0))
    return high - low


@pytest.mark.parametrize("precision", [0.25, 2.0])
def test_each_pair_of_arms_that_are_loaded_adds_to_the_shrinkage(make_engine: EngineFactory, precision: float) -> None:
    engine = make_engine(dataclasses.replace(LINEAR, slope_precision=precision))
    for sequence in range(16):
        side = 1.0 if sequence % 2 else -1.0
        quality = 0.5 + 0.1875 * side
        engine.learn(outcome(sequence, arm="arm 0", features=pack([side, 0.0, 0.0]), quality=quality))
    # Loaded one after the other: another number of arms reads everything anew.
    for arms, pairs in ((1, 1), (2, 1), (3, 3), (5, 10), (45, 990), (46, 1000), (64, 1000), (1, 1)):
        assert _slope(engine, arms) == pytest.approx(3.0 / (16.0 + precision * pairs), rel=1e-9)
