"""Laws at the edges of the valid range: everything stays finite, and nothing blows up."""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING

import pytest

from atp_grpc.engine.contract import Arm, ContextMode, Learner, Offer
from atp_grpc.engine.self_test import pack, spell_choice
from tests.conformance.engine.world import ARMS, HOUR, NOW, OFFERS, OWN, outcome, query

if TYPE_CHECKING:
    from tests.conformance.engine.conftest import EngineFactory


def test_large_collinear_features_do_not_blow_up_a_prediction(make_engine: EngineFactory) -> None:
    chance = random.Random(31)
    for slope_precision in (1e-9, 1.0, 1e9):
        engine = make_engine(dataclasses.replace(OWN, context=ContextMode.ON, slope_precision=slope_precision))
        engine.load([Arm("a", prior_quality=0.5)], [Offer(0, 1, 1)], 1)
        for sequence in range(3000):
            size = chance.choice([1e6, 9e5, 0.0])
            values = [size, 0.25 * size, -0.5 * size + chance.choice([0.0, 0.0625])]
            engine.learn(outcome(sequence, arm="a", features=pack(values), quality=0.5))
            if sequence % 100 == 0 or sequence > 2950:
                choice = engine.choose(query(candidates=(0,), features=pack(values)))
                assert choice.predicted_linear == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("learner", Learner)
def test_learning_never_makes_a_choice_infinite(make_engine: EngineFactory, learner: Learner) -> None:
    extremes = [0.0, 1e-40, 1.0, 1e6, -1e6]
    moments = [0, 1, NOW, 2**63 - 1]
    chance = random.Random(13)
    for half_life in (None, 64, HOUR, 2**62):
        engine = make_engine(
            dataclasses.replace(
                OWN,
                learner=learner,
                context=chance.choice(list(ContextMode)),
                half_life_nanos=half_life,
                scale=1e6,
                alpha=1e6,
                gamma=1e9,
                slope_precision=1e-9,
                cost_scale_nano_usd=1e-12,
                latency_scale_seconds=1e-12,
                tenant_pseudo_count=1e-9,
                tenant_offset_limit=1.0,
                tenant_limit=2,
            )
        )
        engine.load(
            [Arm("tiny", 0.0, 0.0, 0.0, 0.0), Arm("giant", 1.0, 1e9, 1e9, 1.0)],
            [Offer(0, 0, 0), Offer(1, 2**63 - 1, 2**63 - 1)],
            1,
        )
        for sequence in range(60):
            engine.learn(
                outcome(
                    sequence,
                    arm=chance.choice(["tiny", "giant"]),
                    features=pack([chance.choice(extremes) for _ in range(3)]),
                    decided_nanos=chance.choice(moments),
                    now_nanos=chance.choice(moments),
                    quality=chance.choice([0.0, 5e-324, 1.0]),
                    output_tokens=chance.choice([0.0, 1e9]),
                    latency_seconds=chance.choice([0.0, 1e9]),
                    failed=chance.random() < 0.5,
                    predicted_mean=chance.choice([-1e12, 0.0, 1e12]),
                    predicted_linear=chance.choice([-1e12, 0.0, 1e12]),
                    tenant=chance.choice([None, "a", "b", "c"]),
                )
            )
            choice = engine.choose(
                query(
                    candidates=(0, 1),
                    seed=sequence,
                    features=pack([chance.choice(extremes) for _ in range(3)]),
                    now_nanos=chance.choice(moments),
                    input_tokens=chance.choice([0.0, 1e9]),
                    cost_weight=chance.choice([0.0, 1e9]),
                    latency_weight=chance.choice([0.0, 1e9]),
                    tenant=chance.choice([None, "a", "b", "c"]),
                )
            )
            _assert_finite(spell_choice(choice))
        for moment in moments:
            for arm in engine.summary(moment).arms:
                _assert_finite(dataclasses.asdict(arm))


def _assert_finite(figures: dict[str, object]) -> None:
    for value in figures.values():
        for number in value if isinstance(value, list) else [value]:
            assert not isinstance(number, float) or abs(number) < 1e300


def test_reading_long_before_the_evidence_magnifies_it_no_further_than_the_cap(make_engine: EngineFactory) -> None:
    engine = make_engine(dataclasses.replace(OWN, half_life_nanos=HOUR, context=ContextMode.OFF))
    engine.load(ARMS, OFFERS, 1)
    epoch = NOW // (32 * HOUR) * (32 * HOUR)
    engine.learn(outcome(1, quality=1.0, decided_nanos=epoch, now_nanos=epoch))
    for half_lives, seen in ((1, 2.0), (60, 2.0**60), (64, 2.0**64), (65, 2.0**64), (400_000, 2.0**64)):
        assert engine.summary(epoch - half_lives * HOUR).arms[0].observations == seen
