"""Laws of the context gate: context is served until it has been shown to do harm, and again once it does none."""

from __future__ import annotations

import dataclasses
import itertools
import random
from typing import TYPE_CHECKING

import pytest

from atp_grpc.engine.checkpoint import decode, encode
from atp_grpc.engine.contract import Arm, ContextMode, Offer
from atp_grpc.engine.self_test import pack
from tests.conformance.engine.world import HOUR, NOW, OWN, outcome, query

if TYPE_CHECKING:
    from collections.abc import Callable

    from atp_grpc.engine.contract import Engine
    from tests.conformance.engine.conftest import EngineFactory

ARMS = [Arm("a", prior_quality=0.5), Arm("b", prior_quality=0.5)]
OFFERS = [Offer(0, 1000, 1000), Offer(1, 1000, 1000)]


def _live(engine: Engine, rounds: int, quality: Callable[[int, list[float], random.Random], float]) -> list[bool]:
    """Routes and learns; whether context was served at each round."""
    engine.load(ARMS, OFFERS, 1)
    chance = random.Random(77)
    served = []
    for sequence in range(rounds):
        values = [chance.uniform(-1, 1) for _ in range(3)]
        choice = engine.choose(query(candidates=(0, 1), features=pack(values), seed=chance.getrandbits(64)))
        assert choice.chosen is not None
        served.append(choice.context_on)
        engine.learn(
            outcome(
                sequence,
                arm=ARMS[choice.chosen].name,
                features=pack(values),
                quality=quality(choice.chosen, values, chance),
                predicted_mean=choice.predicted_mean,
                predicted_linear=choice.predicted_linear,
            )
        )
    return served


def _explained(arm: int, values: list[float], chance: random.Random) -> float:
    side = values[0] if arm == 0 else -values[0]
    return min(1.0, max(0.0, 0.5 + 0.4 * side + chance.gauss(0, 0.05)))


def _unexplained(arm: int, values: list[float], chance: random.Random) -> float:
    return float(chance.random() < 0.4 + 0.2 * arm)


def test_a_fresh_engine_has_context_on(make_engine: EngineFactory) -> None:
    engine = make_engine(OWN)
    engine.load(ARMS, OFFERS, 1)
    assert engine.summary(NOW).context_on
    assert decode(engine.checkpoint()).context_on
    assert engine.choose(query(candidates=(0, 1), features=pack([0.0, 0.0, 0.0]))).context_on


@pytest.mark.parametrize("half_life", [None, 100 * HOUR])
def test_context_stays_on_while_it_explains_quality(make_engine: EngineFactory, half_life: int | None) -> None:
    engine = make_engine(dataclasses.replace(OWN, half_life_nanos=half_life))
    assert all(_live(engine, 300, _explained))
    assert engine.summary(NOW).context_z > 5.0


def test_context_costs_little_where_it_explains_nothing(make_engine: EngineFactory) -> None:
    engine = make_engine(OWN)
    _live(engine, 600, _unexplained)
    advantage, _, weight = decode(engine.checkpoint()).gate
    assert abs(advantage) < 0.01 * weight


def test_context_goes_off_when_the_linear_model_is_shown_to_be_worse(make_engine: EngineFactory) -> None:
    engine = make_engine(OWN)
    states = [_judge(engine, sequence, -0.1) for sequence in range(40)]
    assert states == [True] * 31 + [False] * 9
    engine.load(ARMS, OFFERS, 1)
    choice = engine.choose(query(candidates=(0, 1), features=pack([3.0, 0.0, 0.0])))
    assert not choice.context_on
    assert choice.quality[0] == pytest.approx(choice.predicted_mean)


def test_context_comes_back_when_it_explains_quality(make_engine: EngineFactory) -> None:
    engine = make_engine(OWN)
    engine.restore(encode(dataclasses.replace(decode(engine.checkpoint()), context_on=False)))
    served = _live(engine, 300, _explained)
    assert not any(served[:32])
    assert all(served[150:])


@pytest.mark.parametrize(("mode", "expected"), [(ContextMode.ON, True), (ContextMode.OFF, False)])
def test_a_fixed_mode_overrules_the_evidence(make_engine: EngineFactory, mode: ContextMode, expected: bool) -> None:
    assert set(_live(make_engine(dataclasses.replace(OWN, context=mode)), 150, _explained)) == {expected}


def _judge(engine: Engine, sequence: int, advantage: float, **changes: object) -> bool:
    """Teaches one prediction pair of which the linear one was better by `advantage` in squared error."""
    engine.learn(
        outcome(sequence, quality=0.0, predicted_mean=(0.5 + advantage) ** 0.5, predicted_linear=0.5**0.5, **changes)
    )
    return engine.summary(NOW).context_on


def test_context_needs_a_minimum_of_evidence(make_engine: EngineFactory) -> None:
    for begins_open in (True, False):
        engine = make_engine(dataclasses.replace(OWN, context_min_weight=20.0))
        engine.restore(encode(dataclasses.replace(decode(engine.checkpoint()), context_on=begins_open)))
        states = [_judge(engine, sequence, -0.2 if begins_open else 0.2) for sequence in range(24)]
        assert states == [begins_open] * 19 + [not begins_open] * 5


def test_context_goes_off_below_the_lower_threshold_only(make_engine: EngineFactory) -> None:
    engine = make_engine(dataclasses.replace(OWN, context_min_weight=1.0, context_on_z=1.5, context_off_z=-0.5))
    states, heights = [], []
    for sequence, advantage in enumerate([0.2] * 4 + [-0.2] * 6 + [0.2] * 10):
        states.append(_judge(engine, sequence, advantage))
        heights.append(engine.summary(NOW).context_z)
    state = True
    for height, found in zip(heights, states, strict=True):
        if height > 1.5:
            state = True
        elif height < -0.5:
            state = False
        assert found is state
    assert [key for key, _ in itertools.groupby(states)] == [True, False, True]
    assert any(found and height < 1.5 for found, height in zip(states, heights, strict=True))


def test_the_height_is_advantage_over_its_own_spread(make_engine: EngineFactory) -> None:
    engine = make_engine(OWN)
    engine.load(ARMS, OFFERS, 1)
    for sequence, advantage in enumerate((0.3, -0.1, 0.2)):
        _judge(engine, sequence, advantage)
    assert engine.summary(NOW).context_z == pytest.approx(0.4 / (0.09 + 0.01 + 0.04) ** 0.5, rel=1e-9)


def test_without_both_predictions_the_gate_learns_nothing(make_engine: EngineFactory) -> None:
    engine = make_engine(dataclasses.replace(OWN, context_min_weight=0.0))
    engine.learn(outcome(1, quality=0.5))
    engine.learn(outcome(2, output_tokens=5.0, predicted_mean=0.1, predicted_linear=0.5))
    assert engine.summary(NOW).context_z == 0.0


def test_a_late_outcome_does_not_inflate_the_evidence(make_engine: EngineFactory) -> None:
    engine = make_engine(dataclasses.replace(OWN, half_life_nanos=HOUR, context_min_weight=10.0))
    for sequence in range(4):
        _judge(engine, sequence, -0.2)
    assert _judge(engine, 4, -0.2, decided_nanos=NOW - 500 * HOUR)


def test_old_evidence_about_context_fades(make_engine: EngineFactory) -> None:
    engine = make_engine(dataclasses.replace(OWN, half_life_nanos=HOUR, context_min_weight=10.0))
    for sequence in range(30):
        _judge(engine, sequence, 0.2)
    fresh = engine.summary(NOW).context_z
    assert engine.summary(NOW + 4 * HOUR).context_z == pytest.approx(fresh / 4, rel=1e-9)
