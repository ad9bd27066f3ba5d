"""Laws of a discount: a share of an arm's graded answers is kept, for everybody and each tenant; nothing else moves."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.engine.checkpoint import decode
from atp_grpc.engine.contract import ContextMode
from atp_grpc.engine.self_test import pack, spell_choice
from tests.conformance.engine.strategies import outcomes, parameters, queries
from tests.conformance.engine.world import ARMS, HOUR, NOW, OFFERS, OWN, outcome, query

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Engine, EngineParameters, Outcome, Query
    from tests.conformance.engine.conftest import EngineFactory

TAUGHT = ("tiny", "small", "tiny", "groß", "tiny", "small")


def _taught(make_engine: EngineFactory, parameters: EngineParameters = OWN, rounds: int = 6) -> Engine:
    engine = make_engine(parameters)
    engine.load(ARMS, OFFERS, 1)
    for number in range(rounds * len(TAUGHT)):
        engine.learn(
            outcome(
                number,
                arm=TAUGHT[number % len(TAUGHT)],
                features=pack([number % 3 - 1.0, number % 5 / 5, 0.25]),
                quality=number % 7 / 10,
                output_tokens=40.0 + number,
                latency_seconds=0.5 + number % 4,
                failed=number % 6 == 0,
                predicted_mean=0.5,
                predicted_linear=0.25,
                tenant=("acme", "büro", None)[number % 3],
            )
        )
    return engine


@given(parameters(), st.lists(outcomes(1), max_size=10), queries(), st.sampled_from([arm.name for arm in ARMS]))
@settings(max_examples=40)
def test_to_keep_everything_changes_nothing(
    make_engine: EngineFactory, chosen: EngineParameters, lessons: list[Outcome], question: Query, arm: str
) -> None:
    engine = make_engine(chosen)
    engine.load(ARMS, OFFERS, 1)
    for sequence, lesson in enumerate(lessons):
        engine.learn(lesson._replace(sequence=sequence))
    state, answer = engine.checkpoint(), spell_choice(engine.choose(question))
    assert engine.discount(arm, 1.0) is (arm in decode(state).arms)
    assert engine.checkpoint() == state
    assert spell_choice(engine.choose(question)) == answer


@pytest.mark.parametrize("half_life", [None, HOUR])
@pytest.mark.parametrize("keep", [0.0, 0.25, 0.5, 0.7])
def test_the_graded_answers_of_one_arm_are_multiplied_and_nothing_else(
    make_engine: EngineFactory, half_life: int | None, keep: float
) -> None:
    engine = _taught(make_engine, dataclasses.replace(OWN, half_life_nanos=half_life))
    before = decode(engine.checkpoint())
    assert engine.discount("tiny", keep)
    after = decode(engine.checkpoint())

    def times(sums: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(keep * number for number in sums)

    tiny = before.arms["tiny"]
    squares, *others = tiny.figures
    discounted = dataclasses.replace(
        tiny, moments=times(tiny.moments), rewards=times(tiny.rewards), figures=(keep * squares, *others)
    )
    tenants = {
        name: dataclasses.replace(
            tenant, arms={arm: times(sums) if arm == "tiny" else sums for arm, sums in tenant.arms.items()}
        )
        for name, tenant in before.tenants.items()
    }
    assert {"tiny"} < {arm for tenant in tenants.values() for arm in tenant.arms}
    assert any(before.common)
    assert after == dataclasses.replace(before, arms={**before.arms, "tiny": discounted}, tenants=tenants)


def test_half_of_the_evidence_is_half_as_many_observations(make_engine: EngineFactory) -> None:
    engine = _taught(make_engine)
    before = {arm.name: arm for arm in engine.summary(NOW).arms}
    engine.discount("tiny", 0.5)
    after = {arm.name: arm for arm in engine.summary(NOW).arms}
    tiny, was = after["tiny"], before["tiny"]
    assert tiny.observations == was.observations / 2 == 9.0
    assert tiny.quality == pytest.approx((1.0 + (19.0 * was.quality - 1.0) / 2) / 10.0)
    assert (tiny.output_tokens, tiny.latency_seconds, tiny.failure_rate) == (
        was.output_tokens,
        was.latency_seconds,
        was.failure_rate,
    )
    assert {name: arm for name, arm in after.items() if name != "tiny"} == {
        name: arm for name, arm in before.items() if name != "tiny"
    }


def test_to_keep_nothing_leaves_the_prior_and_what_the_arms_have_in_common(make_engine: EngineFactory) -> None:
    engine = _taught(make_engine, dataclasses.replace(OWN, context=ContextMode.ON))
    asked = query(features=pack([1.0, 0.5, 0.25]), candidates=(0, 5))
    assert engine.choose(asked).quality[0] < engine.choose(asked).quality[1]
    engine.discount("tiny", 0.0)
    # The second of the two was never asked anything, and both have the same prior.
    choice = engine.choose(asked)
    assert choice.quality[0] == pytest.approx(choice.quality[1], rel=1e-12)
    assert engine.summary(NOW).arms[0].quality == 1.0


def test_new_outcomes_after_a_discount_count_in_full(make_engine: EngineFactory) -> None:
    engine = _taught(make_engine)
    engine.discount("tiny", 0.5)
    engine.learn(outcome(99, quality=1.0))
    assert engine.summary(NOW).arms[0].observations == 10.0


def test_an_arm_that_is_away_is_discounted_as_well(make_engine: EngineFactory) -> None:
    engine = _taught(make_engine)
    engine.load(ARMS[1:2], OFFERS[:0], 2)
    assert engine.discount("tiny", 0.5)
    engine.load(ARMS, OFFERS, 3)
    assert engine.summary(NOW).arms[0].observations == 9.0


@pytest.mark.parametrize("arm", ["giant", "nobody's"])
def test_an_arm_that_nothing_is_known_of_is_not_begun(make_engine: EngineFactory, arm: str) -> None:
    engine = _taught(make_engine)
    state = engine.checkpoint()
    assert not engine.discount(arm, 0.5)
    assert engine.checkpoint() == state


def test_an_arm_that_was_only_timed_is_known(make_engine: EngineFactory) -> None:
    engine = make_engine(OWN)
    engine.learn(outcome(1, arm="giant", latency_seconds=2.0))
    state = engine.checkpoint()
    assert engine.discount("giant", 0.5)
    assert engine.checkpoint() == state
