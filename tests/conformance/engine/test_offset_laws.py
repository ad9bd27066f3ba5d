"""Laws of a tenant's offset: told apart from the others and never from itself, and moved no further than the bound."""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from atp_grpc.engine.checkpoint import TenantRecord, decode, encode
from atp_grpc.engine.contract import Arm, ContextMode, Exclusion, Learner, Offer
from atp_grpc.engine.self_test import spell_choice
from tests.conformance.engine.grading import FEATURES, HALF, STILL, ask, expected, grade, others_grade, single
from tests.conformance.engine.strategies import UNIT, outcomes, parameters, queries
from tests.conformance.engine.world import ARMS, EVERYONE, HOUR, NOW, OFFERS, OWN, graded, outcome, query

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Engine, EngineParameters, Outcome, Query
    from tests.conformance.engine.conftest import EngineFactory

EPOCH = NOW // (32 * HOUR) * (32 * HOUR)
GRADES = st.lists(UNIT, min_size=1, max_size=12)


def _knowing(
    make_engine: EngineFactory, chosen: EngineParameters, count: float, differences: tuple[float, float, float]
) -> Engine:
    """An engine that knows so much of `tiny`, half of it well done, and these sums of `acme` on it."""
    engine = single(make_engine, chosen)
    arms = {"tiny": graded(count, count / 2)}
    state = dataclasses.replace(
        decode(engine.checkpoint()), learned=1, arms=arms, tenants={"acme": TenantRecord(1, {"tiny": differences})}
    )
    engine.restore(encode(state))
    return engine


def _offset(engine: Engine) -> float:
    return expected(engine, "acme") - expected(engine, None)


@given(GRADES, st.lists(UNIT, max_size=30), st.sampled_from([0.25, 1.0, 4.0, 20.0]))
@settings(max_examples=60)
def test_a_tenant_is_told_its_own_mean_shrunk_to_that_of_the_others(
    make_engine: EngineFactory, own: list[float], others: list[float], pseudo_count: float
) -> None:
    engine = single(make_engine, dataclasses.replace(STILL, tenant_pseudo_count=pseudo_count, tenant_offset_limit=1.0))
    # The arm's prior is one of the others; every prediction is the mean in which all of this ends.
    elsewhere = [HALF.prior_quality, *others]
    everybody = (sum(own) + sum(elsewhere)) / (len(own) + len(elsewhere))
    for sequence, quality in enumerate(own):
        engine.learn(grade(sequence, "acme", quality, predicted_mean=everybody))
    for sequence, quality in enumerate(others):
        engine.learn(grade(sequence, "büro", quality, replica="others", predicted_mean=everybody))

    weight = min(pseudo_count, len(elsewhere))
    told = (weight * sum(elsewhere) / len(elsewhere) + sum(own)) / (weight + len(own))
    assert expected(engine, "acme") == pytest.approx(told, abs=1e-12)
    assert expected(engine, "a stranger") == expected(engine, None) == pytest.approx(everybody, abs=1e-12)


@given(st.lists(st.floats(0.2, 0.8), min_size=2, max_size=4), st.integers(40, 60), st.randoms(use_true_random=False))
@settings(max_examples=5)
def test_tenants_who_take_turns_are_told_what_the_others_say_and_their_own_grades_once(
    make_engine: EngineFactory, levels: list[float], rounds: int, chance: random.Random
) -> None:
    engine = single(make_engine, dataclasses.replace(STILL, tenant_pseudo_count=20.0, tenant_offset_limit=1.0))
    graded: list[list[float]] = [[] for _ in levels]
    for sequence in range(rounds * len(levels)):
        tenant = sequence % len(levels)
        quality = levels[tenant] + chance.uniform(-0.2, 0.2)
        mean = expected(engine, None)
        engine.learn(grade(sequence, f"tenant-{tenant}", quality, predicted_mean=mean))
        graded[tenant].append(quality)

    for tenant, own in enumerate(graded):
        elsewhere = [HALF.prior_quality, *(one for other in graded if other is not own for one in other)]
        told = (20.0 * sum(elsewhere) / len(elsewhere) + sum(own)) / (20.0 + len(own))
        # What was predicted on the way is not quite what is predicted in the end.
        assert expected(engine, f"tenant-{tenant}") == pytest.approx(told, abs=0.025)


@given(
    st.lists(outcomes(1), min_size=1, max_size=12),
    st.lists(queries(), min_size=1, max_size=4),
    st.data(),
)
@settings(max_examples=60)
def test_a_lone_tenant_is_served_as_nobody_is_however_it_grades(
    make_engine: EngineFactory, lessons: list[Outcome], questions: list[Query], data: st.DataObject
) -> None:
    chosen = data.draw(parameters(data.draw(st.sampled_from(Learner).map(lambda learner: [learner]))))
    chosen = dataclasses.replace(chosen, tenant_pseudo_count=max(1.0, chosen.tenant_pseudo_count), tenant_limit=4)
    engine, forgetful = make_engine(chosen), make_engine(dataclasses.replace(chosen, tenant_limit=0))
    for one in (engine, forgetful):
        one.load(ARMS, OFFERS, 1)
    for sequence, lesson in enumerate(lessons):
        predictions = (lesson.predicted_mean or 0.0, lesson.predicted_linear or 0.0)
        taught = lesson._replace(sequence=sequence, tenant="acme", predicted_mean=predictions[0])
        for one in (engine, forgetful):
            one.learn(taught._replace(predicted_linear=predictions[1]))

    for question in questions:
        told = spell_choice(engine.choose(question._replace(tenant="acme")))
        assert told == spell_choice(engine.choose(question._replace(tenant=None)))
        assert told == spell_choice(forgetful.choose(question._replace(tenant="acme")))


@pytest.mark.parametrize("learner", Learner)
def test_a_lone_tenant_that_grades_harshly_moves_nothing_but_what_everybody_is_told(
    make_engine: EngineFactory, learner: Learner
) -> None:
    engine = make_engine(dataclasses.replace(OWN, learner=learner, tenant_pseudo_count=1.0))
    engine.load(ARMS, OFFERS, 1)
    for sequence in range(400):
        engine.learn(grade(sequence, "acme", 0.0, arm=ARMS[sequence % 5].name))
    asked = query(features=FEATURES, candidates=EVERYONE)
    assert decode(engine.checkpoint()).tenants["acme"].arms["tiny"][1] == -40.0
    assert spell_choice(engine.choose(asked._replace(tenant="acme"))) == spell_choice(engine.choose(asked))


@pytest.mark.parametrize("count", [1.0, 2.0**53 + 2.0, 1e90])
def test_a_lone_tenant_has_no_offset_however_much_it_taught(make_engine: EngineFactory, count: float) -> None:
    # Near 2^53, a count plus the prior less the count is 0 or 2 and never the prior alone.
    chosen = dataclasses.replace(STILL, tenant_pseudo_count=1.0)
    assert _offset(_knowing(make_engine, chosen, count, (count, 0.2 * count, 0.2 * count))) == 0.0


@pytest.mark.parametrize("sums", [(30.0, 6.0, 3.0), (30.0, -6.0, -3.0), (0.5, 0.1, 0.1)])
def test_with_ever_more_outcomes_of_others_an_offset_tends_to_the_shrunk_difference(
    make_engine: EngineFactory, sums: tuple[float, float, float]
) -> None:
    count, difference, _ = sums
    chosen = dataclasses.replace(STILL, tenant_pseudo_count=20.0)
    shrunk = difference / (count + 20.0)
    shares = [_offset(_knowing(make_engine, chosen, count + others, sums)) / shrunk for others in (0, 19, 80, 1e4, 1e9)]
    assert shares[:2] == [0.0, 0.0]
    assert shares == sorted(shares)
    assert shares[2:] == pytest.approx([1 - 20 / 81, 1 - 20 / 10_001, 1.0], rel=1e-7)


@given(
    difference=st.floats(-1, 1),
    count=st.floats(1e-3, 1e3),
    others=st.floats(0, 1e4),
    pseudo_count=st.sampled_from([0.25, 20.0]),
    linear=st.booleans(),
)
@settings(max_examples=80)
@example(difference=0.5, count=10.0, others=19.0, pseudo_count=20.0, linear=False)
def test_an_offset_has_the_sign_of_the_difference_and_is_no_larger_than_without_the_others(
    make_engine: EngineFactory, difference: float, count: float, others: float, pseudo_count: float, *, linear: bool
) -> None:
    chosen = dataclasses.replace(
        OWN, context=ContextMode.ON if linear else ContextMode.OFF, tenant_pseudo_count=pseudo_count
    )
    total = difference * count
    sums = (count, 0.0, total) if linear else (count, total, 0.0)
    offset = _offset(_knowing(make_engine, chosen, count + others, sums))
    assert offset * difference >= 0.0
    assert abs(offset) <= min(0.2, abs(total) / (count + pseudo_count)) + 1e-12
    if others < pseudo_count - 1.0 - 1e-9:
        assert offset == 0.0
    elif others > pseudo_count and abs(difference) > 1e-3:
        assert offset != 0.0


@pytest.mark.parametrize(("context", "total"), [(ContextMode.OFF, 0.3), (ContextMode.ON, 0.1)])
def test_a_tenant_is_offset_by_its_shrunk_difference(
    make_engine: EngineFactory, context: ContextMode, total: float
) -> None:
    engine = single(make_engine, dataclasses.replace(OWN, context=context, tenant_pseudo_count=3.0))
    others_grade(engine, 11)
    engine.learn(grade(1, "acme", 0.6))
    engine.learn(grade(2, "acme", 0.7))
    choice, plain = ask(engine, "acme"), ask(engine, None)
    # Differences from the mean are 0.1 and 0.2, from the linear model 0.0 and 0.1; two outcomes beside three of the
    # others, which are a quarter of the twelve that the others and the prior are.
    offset = 0.75 * total / 5
    assert choice.quality[0] == pytest.approx(plain.quality[0] + offset)
    assert choice.utilities[0] == pytest.approx(plain.utilities[0] + 0.99 * offset)
    assert (choice.predicted_mean, choice.predicted_linear) == (plain.predicted_mean, plain.predicted_linear)
    assert spell_choice(ask(engine, "a stranger")) == spell_choice(plain)


def test_as_many_outcomes_as_pseudo_observations_move_a_tenant_half_way_from_the_others(
    make_engine: EngineFactory,
) -> None:
    engine = single(make_engine, dataclasses.replace(STILL, tenant_pseudo_count=20.0))
    others_grade(engine, 39)
    for sequence in range(20):
        engine.learn(grade(sequence, "acme", 0.8, predicted_mean=0.6))
    assert expected(engine, None) == pytest.approx(0.6)
    assert expected(engine, "acme") == pytest.approx((0.5 + 0.8) / 2)


@pytest.mark.parametrize("quality", [0.0, 1.0])
def test_no_offset_is_beyond_the_bound(make_engine: EngineFactory, quality: float) -> None:
    engine = single(make_engine, dataclasses.replace(STILL, tenant_pseudo_count=1e-9, tenant_offset_limit=0.125))
    for sequence in range(40):
        engine.learn(grade(2 * sequence, "acme", quality))
        engine.learn(grade(2 * sequence + 1, "büro", 1.0 - quality))
    offset = ask(engine, "acme").utilities[0] - ask(engine, None).utilities[0]
    assert offset == pytest.approx(0.99 * 0.125 * (1 if quality == 1.0 else -1))


@pytest.mark.parametrize("learner", Learner)
def test_an_offset_alone_moves_its_own_tenant_and_nobody_else(make_engine: EngineFactory, learner: Learner) -> None:
    engine = make_engine(dataclasses.replace(OWN, learner=learner))
    engine.load(ARMS, OFFERS, 1)
    # Of all arms much is known, the last is the worst, and one tenant has grievances against the other four.
    rewards = {arm.name: 600.0 if arm is ARMS[4] else 700.0 for arm in ARMS}
    arms = {name: graded(1000.0, reward) for name, reward in rewards.items()}
    acme = TenantRecord(1, {arm.name: (50.0, -40.0, -40.0) for arm in ARMS[:4]})
    asked = query(features=FEATURES, candidates=EVERYONE, cost_weight=0.0)
    told = []
    for tenants in ({}, {"acme": acme}):
        state = dataclasses.replace(decode(engine.checkpoint()), learned=1, arms=arms, tenants=tenants)
        engine.restore(encode(state))
        told.append({name: spell_choice(engine.choose(asked._replace(tenant=name))) for name in ("acme", "büro", None)})
    before, after = told
    assert after["büro"] == before["büro"]
    assert after[None] == before[None]
    assert after["acme"]["quality"][:4] == pytest.approx([quality - 0.2 for quality in before["acme"]["quality"][:4]])
    assert after["acme"]["propensities"][4] > before["acme"]["propensities"][4]


def test_the_floor_judges_a_tenant_by_its_own_grades(make_engine: EngineFactory) -> None:
    engine = make_engine(dataclasses.replace(STILL, tenant_pseudo_count=2.0))
    engine.load([HALF, Arm("small", prior_quality=0.8)], [Offer(0, 1, 1), Offer(1, 9, 9)], 1)
    for sequence in range(40):
        engine.learn(grade(sequence, "acme" if sequence % 2 else "büro", 0.9 if sequence % 2 else 0.1))
    acme, buero = (ask(engine, tenant, candidates=(0, 1), quality_floor=0.6) for tenant in ("acme", "büro"))
    assert dict(acme.exclusions) == {}
    assert dict(buero.exclusions) == {0: Exclusion.QUALITY_FLOOR}


def test_evidence_about_a_tenant_and_about_the_others_fades_alike(make_engine: EngineFactory) -> None:
    engine = single(make_engine, dataclasses.replace(STILL, half_life_nanos=HOUR, tenant_pseudo_count=8.0))
    others_grade(engine, 100, decided_nanos=EPOCH, now_nanos=EPOCH)
    for sequence in range(8):
        engine.learn(grade(sequence, "acme", 0.8, decided_nanos=EPOCH, now_nanos=EPOCH))
    for half_lives, others in ((0, 101.0), (1, 51.0), (3, 13.5), (4, 7.25)):
        left = 8 / 2**half_lives
        now = EPOCH + half_lives * HOUR
        offset = expected(engine, "acme", now_nanos=now) - expected(engine, None, now_nanos=now)
        assert offset == pytest.approx(max(0.0, 1 - 8 / others) * left * 0.3 / (left + 8), abs=1e-12)


def test_moving_the_epoch_changes_nothing_that_a_tenant_sees(make_engine: EngineFactory) -> None:
    boundary = EPOCH + 32 * HOUR
    chosen = dataclasses.replace(STILL, half_life_nanos=HOUR, tenant_pseudo_count=0.5)
    moved, still = (single(make_engine, chosen) for _ in range(2))
    for engine, date in ((moved, boundary), (still, boundary - 1)):
        others_grade(engine, 10, decided_nanos=boundary - HOUR, now_nanos=boundary)
        engine.learn(grade(1, "acme", 1.0, decided_nanos=boundary - HOUR, now_nanos=boundary))
        # One more outcome, of an arm that nothing else concerns, dated on either side of the boundary.
        engine.learn(outcome(2, arm="giant", failed=False, decided_nanos=date, now_nanos=boundary))
    assert decode(moved.checkpoint()).epoch_nanos == decode(still.checkpoint()).epoch_nanos + 32 * HOUR
    for age in (0, HOUR, 9 * HOUR):
        one, other = (expected(engine, "acme", now_nanos=boundary + age) for engine in (moved, still))
        assert one == pytest.approx(other, rel=1e-12)
        assert one > expected(moved, None, now_nanos=boundary + age)
