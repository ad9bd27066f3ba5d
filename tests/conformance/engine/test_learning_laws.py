"""Laws of learning: once, in any order, fading by half-lives, and each figure for itself."""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.engine.checkpoint import decode
from atp_grpc.engine.contract import Arm, ContextMode, Offer
from atp_grpc.engine.self_test import pack
from tests.conformance.engine.strategies import outcomes
from tests.conformance.engine.world import ARMS, HOUR, NOW, OFFERS, OWN, outcome, query

if TYPE_CHECKING:
    from atp_grpc.engine.contract import ArmSummary, Engine, Outcome
    from tests.conformance.engine.conftest import EngineFactory

AGEING = dataclasses.replace(OWN, half_life_nanos=HOUR)
GRID = NOW // HOUR * HOUR
"""A moment on the reading grid, so that ages are exact."""


@pytest.fixture
def engine(make_engine: EngineFactory) -> Engine:
    built = make_engine(OWN)
    built.load(ARMS, OFFERS, 1)
    return built


def _arm(engine: Engine, name: str, now_nanos: int = NOW) -> ArmSummary:
    return next(arm for arm in engine.summary(now_nanos).arms if arm.name == name)


def test_a_sequence_is_learned_once(engine: Engine) -> None:
    assert engine.learn(outcome(5, quality=1.0))
    state = engine.checkpoint()
    for sequence in (5, 4, 0):
        assert not engine.learn(outcome(sequence, quality=0.0, arm="giant"))
    assert engine.checkpoint() == state
    assert engine.learn(outcome(6, quality=0.0))
    assert engine.summary(NOW).high_water == {"r1": 6}
    assert engine.summary(NOW).learned == 2


def test_replicas_count_their_own_sequences(engine: Engine) -> None:
    assert engine.learn(outcome(5, quality=1.0))
    assert engine.learn(outcome(1, replica="r2", quality=1.0))
    assert engine.learn(outcome(0, replica="r3", quality=1.0))
    assert not engine.learn(outcome(0, replica="r3", quality=1.0))
    assert engine.summary(NOW).high_water == {"r1": 5, "r2": 1, "r3": 0}
    assert _arm(engine, "tiny").observations == 3.0


@pytest.mark.parametrize("half_life", [None, HOUR, 7 * HOUR + 1])
@given(lessons=st.lists(outcomes(0), min_size=2, max_size=14), order=st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_late_doubled_and_reordered_outcomes_end_in_the_same_statistics(
    make_engine: EngineFactory, half_life: int | None, lessons: list[Outcome], order: random.Random
) -> None:
    chosen_parameters = dataclasses.replace(OWN, half_life_nanos=half_life)
    # Each outcome is the only one of its replica, so that none of them counts as seen when it comes late.
    numbered = [lesson._replace(replica=f"r{number}") for number, lesson in enumerate(lessons)]
    shuffled = [*numbered, *numbered]
    order.shuffle(shuffled)
    straight, muddled = make_engine(chosen_parameters), make_engine(chosen_parameters)
    assert all(straight.learn(lesson) for lesson in numbered)
    assert sum(muddled.learn(lesson) for lesson in shuffled) == len(numbered)
    one, other = decode(straight.checkpoint()), decode(muddled.checkpoint())
    assert one.epoch_nanos == other.epoch_nanos
    assert one.learned == other.learned
    assert one.high_water == other.high_water
    assert one.gate == pytest.approx(other.gate, rel=1e-9, abs=1e-9)
    assert one.arms.keys() == other.arms.keys()
    for name, record in one.arms.items():
        twin = other.arms[name]
        scale = max(1.0, record.moments[0])
        for ours, theirs in ((record.moments, twin.moments), (record.rewards, twin.rewards)):
            assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-9 * scale)
        assert record.figures == pytest.approx(twin.figures, rel=1e-9, abs=1e-9)
    assert one.tenants.keys() == other.tenants.keys()
    for name, tenant in one.tenants.items():
        assert tenant.arms.keys() == other.tenants[name].arms.keys()
        for arm, sums in tenant.arms.items():
            scale = max(1.0, sums[0])
            assert sums == pytest.approx(other.tenants[name].arms[arm], rel=1e-9, abs=1e-9 * scale)


@pytest.mark.parametrize("half_lives", [0, 1, 2, 5, 40])
def test_evidence_halves_with_each_half_life(make_engine: EngineFactory, half_lives: int) -> None:
    engine = make_engine(AGEING)
    engine.load(ARMS, OFFERS, 1)
    for sequence in range(8):
        engine.learn(outcome(sequence, quality=1.0, decided_nanos=GRID, now_nanos=GRID))
    seen = _arm(engine, "tiny", GRID + half_lives * HOUR).observations
    assert seen == pytest.approx(8.0 / 2**half_lives, rel=1e-12)


def test_without_a_half_life_evidence_does_not_fade(engine: Engine) -> None:
    engine.learn(outcome(1, quality=1.0))
    assert _arm(engine, "tiny", NOW + 100_000 * HOUR).observations == 1.0


def test_old_evidence_yields_to_new(make_engine: EngineFactory) -> None:
    engine = make_engine(AGEING)
    engine.load(ARMS, OFFERS, 1)
    for sequence in range(20):
        engine.learn(outcome(sequence, quality=1.0, decided_nanos=GRID, now_nanos=GRID))
    later = GRID + 12 * HOUR
    for sequence in range(20, 25):
        engine.learn(outcome(sequence, quality=0.0, decided_nanos=later, now_nanos=later))
    assert _arm(engine, "tiny", later).quality < 0.2


def test_a_decision_dated_in_the_future_counts_as_now(make_engine: EngineFactory) -> None:
    honest, hasty = make_engine(AGEING), make_engine(AGEING)
    honest.learn(outcome(1, quality=1.0, decided_nanos=GRID, now_nanos=GRID))
    hasty.learn(outcome(1, quality=1.0, decided_nanos=GRID + 50 * HOUR, now_nanos=GRID))
    assert honest.checkpoint() == hasty.checkpoint()


def test_moving_the_epoch_changes_nothing_that_can_be_seen(make_engine: EngineFactory) -> None:
    span = 32 * HOUR
    boundary = NOW // span * span + span
    chance = random.Random(3)
    moved, still = (make_engine(dataclasses.replace(AGEING, context=ContextMode.AUTO)) for _ in range(2))
    for engine in (moved, still):
        engine.load(ARMS, OFFERS, 1)
    for sequence in range(60):
        lesson = outcome(
            sequence,
            arm=ARMS[sequence % 4].name,
            features=pack([chance.uniform(-1, 1) for _ in range(3)]),
            decided_nanos=boundary - chance.randrange(4 * HOUR) - 1,
            quality=chance.random(),
            output_tokens=chance.uniform(0, 900),
            latency_seconds=chance.random(),
            failed=chance.random() < 0.2,
            predicted_mean=chance.random(),
            predicted_linear=chance.random(),
        )
        lesson = lesson._replace(now_nanos=boundary)
        moved.learn(lesson)
        still.learn(lesson)
    # One more outcome, of an arm that nothing else concerns, dated on either side of the boundary.
    moved.learn(outcome(99, arm="giant", failed=False, decided_nanos=boundary, now_nanos=boundary))
    still.learn(outcome(99, arm="giant", failed=False, decided_nanos=boundary - 1, now_nanos=boundary))
    assert decode(moved.checkpoint()).epoch_nanos == boundary
    assert decode(still.checkpoint()).epoch_nanos == boundary - span
    for age in (0, HOUR, 10 * HOUR):
        one, other = moved.summary(boundary + age), still.summary(boundary + age)
        assert one.context_z == pytest.approx(other.context_z, rel=1e-9)
        for ours, theirs in zip(one.arms[:4], other.arms[:4], strict=True):
            assert dataclasses.astuple(ours)[1:6] == pytest.approx(dataclasses.astuple(theirs)[1:6], rel=1e-9)
    ask = query(features=pack([0.3, 0.2, 0.1]), candidates=(0, 1, 2, 4), now_nanos=boundary + HOUR)
    choice, twin = moved.choose(ask), still.choose(ask)
    assert list(choice.utilities) == pytest.approx(list(twin.utilities), rel=1e-9)
    assert list(choice.propensities) == pytest.approx(list(twin.propensities), rel=1e-9)


def test_estimates_follow_when_another_arm_moves_the_epoch(make_engine: EngineFactory) -> None:
    engine = make_engine(AGEING)
    engine.load(ARMS, OFFERS, 1)
    start = NOW // (32 * HOUR) * (32 * HOUR)
    engine.learn(outcome(1, quality=0.0, decided_nanos=start, now_nanos=start))
    # Both moments lie equally far into their epochs, where sums of either epoch are read by the same factor.
    before, after = start + HOUR, start + 33 * HOUR
    assert _arm(engine, "tiny", before).observations == pytest.approx(0.5)
    engine.learn(outcome(2, arm="giant", quality=1.0, decided_nanos=after, now_nanos=after))
    assert _arm(engine, "tiny", after).quality == pytest.approx(1.0, abs=1e-9)


def test_each_figure_teaches_its_own_statistics(engine: Engine) -> None:
    before = _arm(engine, "tiny")
    engine.learn(outcome(1, output_tokens=100.0))
    assert _arm(engine, "tiny") == dataclasses.replace(before, output_tokens=(100.0 + 256.0) / 2)
    engine.learn(outcome(2, latency_seconds=3.0))
    engine.learn(outcome(3, failed=True))
    engine.learn(outcome(4, failed=False))
    engine.learn(outcome(5, quality=0.5))
    after = _arm(engine, "tiny")
    assert after.latency_seconds == pytest.approx((3.0 + 1.0) / 2)
    assert after.failure_rate == pytest.approx((1.0 + 4 * 0.01) / 6)
    assert after.quality == pytest.approx((0.5 + 1.0) / 2)
    assert after.observations == 1.0


def test_an_outcome_without_figures_only_moves_the_marks(engine: Engine) -> None:
    empty = decode(engine.checkpoint())
    assert engine.learn(outcome(7))
    assert decode(engine.checkpoint()) == dataclasses.replace(empty, learned=1, high_water={"r1": 7})


def test_one_arm_learns_nothing_from_another(engine: Engine) -> None:
    before = [_arm(engine, arm.name) for arm in ARMS[1:]]
    engine.learn(outcome(1, arm="tiny", quality=0.1, output_tokens=5.0, latency_seconds=9.0, failed=True))
    assert [_arm(engine, arm.name) for arm in ARMS[1:]] == before


def test_an_arm_that_is_away_learns_and_comes_back_knowing(engine: Engine) -> None:
    engine.load([Arm("tiny")], [Offer(0, 1, 1)], 2)
    for sequence in range(9):
        engine.learn(outcome(sequence, arm="giant", quality=0.0))
    assert [arm.name for arm in engine.summary(NOW).arms] == ["tiny"]
    engine.load(ARMS, OFFERS, 3)
    assert _arm(engine, "giant").observations == 9.0
    assert _arm(engine, "giant").quality == pytest.approx(0.1)


def test_new_priors_apply_beside_what_was_learned(engine: Engine) -> None:
    engine.learn(outcome(1, quality=0.2))
    engine.load([Arm("tiny", prior_quality=0.4, prior_output_tokens=10.0)], [Offer(0, 1, 1)], 2)
    assert _arm(engine, "tiny").quality == pytest.approx((0.2 + 0.4) / 2)
    assert _arm(engine, "tiny").output_tokens == 10.0


def test_the_linear_model_finds_what_features_explain(make_engine: EngineFactory) -> None:
    engine = make_engine(dataclasses.replace(OWN, context=ContextMode.ON, slope_precision=0.1))
    engine.load([Arm("a")], [Offer(0, 1, 1)], 1)
    chance = random.Random(8)
    for sequence in range(400):
        values = [chance.uniform(-1, 1) for _ in range(3)]
        quality = 0.5 + 0.3 * values[0] - 0.1 * values[2]
        engine.learn(outcome(sequence, arm="a", features=pack(values), quality=quality))
    for values in ([1.0, 0.0, 0.0], [-1.0, 1.0, 1.0]):
        choice = engine.choose(query(candidates=(0,), features=pack(values)))
        assert choice.quality[0] == pytest.approx(0.5 + 0.3 * values[0] - 0.1 * values[2], abs=0.01)
        assert choice.predicted_linear == choice.quality[0]
        assert choice.predicted_mean == pytest.approx(0.5, abs=0.05)
    assert _arm(engine, "a").residual_sd < 0.03


def test_residual_spread_is_that_of_the_outcomes(engine: Engine) -> None:
    for sequence in range(100):
        engine.learn(outcome(sequence, quality=float(sequence % 2)))
    assert _arm(engine, "tiny").residual_sd == pytest.approx(0.5, abs=0.01)
