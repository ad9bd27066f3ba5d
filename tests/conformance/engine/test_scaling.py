"""Laws of scaling: n outcomes become worth a factor of n, and what they have in common is read from that."""

from __future__ import annotations

import dataclasses
import math
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.engine.checkpoint import ArmRecord, decode
from atp_grpc.engine.contract import EngineError
from atp_grpc.engine.merging import merge, scale
from atp_grpc.engine.self_test import pack
from tests.conformance.engine.states import HALF_LIVES, assert_same_sums, graded_lessons, learn, state_of, sums_of
from tests.conformance.engine.strategies import outcomes
from tests.conformance.engine.world import ARMS, HOUR, NOW, OFFERS, OWN, outcome

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Outcome
    from tests.conformance.engine.conftest import EngineFactory


@pytest.mark.parametrize("factor", [0.0, -1.0, math.nan, math.inf, -math.inf, 1.0000001e6])
def test_a_factor_out_of_range_is_refused(make_engine: EngineFactory, factor: float) -> None:
    with pytest.raises(EngineError):
        scale(make_engine(OWN).checkpoint(), factor)


@pytest.mark.parametrize("half_life", HALF_LIVES)
@given(lessons=st.lists(outcomes(0), min_size=1, max_size=8), copies=st.integers(1, 5))
@settings(max_examples=30)
def test_scaling_is_learning_as_many_copies(
    make_engine: EngineFactory, half_life: int | None, lessons: list[Outcome], copies: int
) -> None:
    chosen_parameters = dataclasses.replace(OWN, half_life_nanos=half_life)
    once = [lesson._replace(replica="r1", sequence=sequence) for sequence, lesson in enumerate(lessons)]
    often = [lesson._replace(replica=f"r1 {copy}") for copy in range(copies) for lesson in once]
    scaled = decode(scale(learn(make_engine, chosen_parameters, once), float(copies)))
    copied = decode(learn(make_engine, chosen_parameters, often))
    assert (scaled.learned, scaled.high_water) == (len(once), {"r1": len(once) - 1})
    assert_same_sums(dataclasses.replace(scaled, learned=copied.learned, high_water=copied.high_water), copied)


@pytest.mark.parametrize("half_lives", [1, 2, 7])
def test_scaling_by_a_weight_is_learning_at_the_age_of_that_weight(make_engine: EngineFactory, half_lives: int) -> None:
    chosen_parameters = dataclasses.replace(OWN, half_life_nanos=HOUR)
    chance = random.Random(half_lives)
    start = NOW // (32 * HOUR) * (32 * HOUR) + 10 * HOUR
    fresh = [
        outcome(
            sequence,
            arm=chance.choice(ARMS).name,
            features=pack([chance.uniform(-1, 1) for _ in range(3)]),
            decided_nanos=start + chance.randrange(HOUR),
            now_nanos=start + HOUR,
            quality=chance.random(),
            output_tokens=chance.uniform(0, 900),
            latency_seconds=chance.random(),
            failed=chance.random() < 0.3,
            predicted_mean=chance.random(),
            predicted_linear=chance.random(),
            tenant=chance.choice(["acme", "büro", None]),
        )
        for sequence in range(30)
    ]
    aged = [lesson._replace(decided_nanos=lesson.decided_nanos - half_lives * HOUR) for lesson in fresh]
    scaled = scale(learn(make_engine, chosen_parameters, fresh), 0.5**half_lives)
    assert_same_sums(decode(scaled), decode(learn(make_engine, chosen_parameters, aged)))


def test_a_factor_of_one_changes_nothing(make_engine: EngineFactory) -> None:
    state = learn(make_engine, OWN, [outcome(1, quality=0.3, predicted_mean=0.1, predicted_linear=0.2, tenant="t")])
    assert sums_of(scale(state, 1.0)) == sums_of(state)
    assert scale(scale(state, 1.0), 1.0) == scale(state, 1.0)


def test_what_the_arms_have_in_common_is_read_from_the_scaled_sums(make_engine: EngineFactory) -> None:
    lessons = graded_lessons(32, "a", 4)
    copies = [lesson._replace(replica=f"copy {copy}") for copy in range(3) for lesson in lessons]
    scaled = decode(scale(learn(make_engine, OWN, lessons[:31]), 3.0))
    assert scaled.common_age == 0
    scaled = decode(scale(learn(make_engine, OWN, lessons), 3.0))
    assert scaled.common == pytest.approx(decode(learn(make_engine, OWN, copies)).common, rel=1e-9)
    assert scaled.common != pytest.approx(decode(learn(make_engine, OWN, lessons)).common, rel=1e-3)


@pytest.mark.parametrize("moment", [1e100, 0.0])
def test_sums_at_the_limit_have_nothing_in_common_that_could_overflow(
    make_engine: EngineFactory, moment: float
) -> None:
    record = ArmRecord((1e-300, *(moment,) * 9), (1e100,) * 4, (0.0,) * 10, (0.0,) * 4, (0.0,) * 6)
    state = state_of(make_engine, arms={"tiny": record}, common_age=31)
    assert decode(scale(state, 1.0)).common == (0.0,) * 4
    engine = make_engine(OWN)
    engine.restore(state)
    engine.learn(outcome(1, quality=0.5))
    assert decode(engine.checkpoint()).common == (0.0,) * 4


def test_a_scaled_prior_and_what_was_learned_since_merge(make_engine: EngineFactory) -> None:
    prior = learn(make_engine, OWN, [outcome(number, replica="prior", quality=1.0) for number in range(100)])
    live = learn(make_engine, OWN, [outcome(number, quality=0.0) for number in range(10)])
    engine = make_engine(OWN)
    engine.load(ARMS, OFFERS, 1)
    engine.restore(merge([scale(prior, 0.1), live]))
    (tiny, *_) = engine.summary(NOW).arms
    assert tiny.observations == pytest.approx(20.0)
    assert tiny.quality == pytest.approx((10.0 + 1.0) / 21.0)
