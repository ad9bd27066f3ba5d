"""Laws of the answer length: told by the prompt where context may be looked at, and never far from the arm's mean."""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.engine.checkpoint import decode, encode
from atp_grpc.engine.contract import Arm, ContextMode, Learner, Offer
from atp_grpc.engine.self_test import pack
from tests.conformance.engine.strategies import FEATURES
from tests.conformance.engine.world import NOW, OWN, outcome, query

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Engine, EngineParameters
    from tests.conformance.engine.conftest import EngineFactory

LENGTHS = st.lists(st.tuples(FEATURES, st.floats(0, 5000)), max_size=12)


def _engine(make_engine: EngineFactory, parameters: EngineParameters = OWN, prior: float = 256.0) -> Engine:
    engine = make_engine(parameters)
    engine.load([Arm("tiny", prior_output_tokens=prior)], [Offer(0, 0, 1_000_000)], 1)
    return engine


def _tokens(engine: Engine, features: bytes, **changes: object) -> float:
    """What is expected of the only arm, at a nano-dollar for each token."""
    return engine.choose(query(candidates=(0,), features=features, **changes)).cost_nano_usd[0]


def _two_kinds(engine: Engine) -> None:
    """Short answers to prompts on the left, long ones to those on the right."""
    chance = random.Random(40)
    for sequence in range(100):
        side, tokens = ((-1.0, chance.uniform(15, 25)), (1.0, chance.uniform(750, 850)))[sequence % 2]
        features = pack([side, chance.uniform(-0.1, 0.1), 0.0])
        engine.learn(outcome(sequence, features=features, output_tokens=tokens))


@pytest.mark.parametrize("context", [ContextMode.ON, ContextMode.AUTO])
def test_lengths_learned_on_two_kinds_of_prompts_are_told_apart(
    make_engine: EngineFactory, context: ContextMode
) -> None:
    engine = _engine(make_engine, dataclasses.replace(OWN, context=context))
    _two_kinds(engine)
    # Whether quality depends on the prompt is a question of its own: a closed gate does not hide the length.
    for is_open in (True, False):
        engine.restore(encode(dataclasses.replace(decode(engine.checkpoint()), context_on=is_open)))
        assert _tokens(engine, pack([-1.0, 0.0, 0.0])) == pytest.approx(20.0, abs=10.0)
        assert _tokens(engine, pack([1.0, 0.0, 0.0])) == pytest.approx(800.0, abs=16.0)
    assert engine.summary(NOW).arms[0].output_tokens == pytest.approx(410.0, abs=5.0)


@pytest.mark.parametrize(
    "change", [{"context": ContextMode.OFF}, {"learner": Learner.UCB1}, {"learner": Learner.THOMPSON_BETA}], ids=str
)
def test_without_context_the_length_is_the_mean(make_engine: EngineFactory, change: dict[str, object]) -> None:
    chosen = dataclasses.replace(OWN, **{"context": ContextMode.ON, **change})  # type: ignore[arg-type]
    engine = _engine(make_engine, chosen)
    _two_kinds(engine)
    mean = engine.summary(NOW).arms[0].output_tokens
    told = [_tokens(engine, pack([side, 0.0, 0.0])) for side in (-1.0, 0.0, 1.0)]
    assert told == [told[0]] * 3
    assert told[0] == pytest.approx(mean, rel=1e-12)


def test_before_any_answer_the_length_is_the_prior(make_engine: EngineFactory) -> None:
    engine = _engine(make_engine, prior=640.0)
    assert _tokens(engine, pack([3.0, -2.0, 1.0])) == pytest.approx(640.0)
    assert _tokens(engine, pack([3.0, -2.0, 1.0]), max_output_tokens=100.0) == 100.0


@pytest.mark.parametrize("precision", [0.5, 1.0, 40.0])
@given(LENGTHS, FEATURES)
@settings(max_examples=25)
def test_the_length_is_a_ridge_regression_held_near_the_mean(
    make_engine: EngineFactory, precision: float, lengths: list[tuple[bytes, float]], asked: bytes
) -> None:
    engine = _engine(make_engine, dataclasses.replace(OWN, token_precision=precision))
    moments, totals = np.diag([1.0, *[precision] * 3]), np.array([256.0, 0.0, 0.0, 0.0])
    for sequence, (features, tokens) in enumerate(lengths):
        engine.learn(outcome(sequence, features=features, output_tokens=tokens))
        vector = np.array([1.0, *np.frombuffer(features, "<f4")])
        moments += np.outer(vector, vector)
        totals += tokens * vector
    mean = totals[0] / moments[0, 0]
    linear = float(np.linalg.solve(moments, totals) @ np.array([1.0, *np.frombuffer(asked, "<f4")]))
    expected = min(max(linear, mean / 32), 32 * mean)
    assert _tokens(engine, asked) == pytest.approx(expected, rel=1e-9, abs=1e-6)
    assert _tokens(engine, asked, max_output_tokens=50.0) == pytest.approx(min(50.0, expected), rel=1e-9, abs=1e-6)
    assert engine.summary(NOW).arms[0].output_tokens == pytest.approx(mean)


@pytest.mark.parametrize("side", [-1e6, 1e6])
def test_a_prompt_that_lies_far_out_is_not_free_and_not_endless(make_engine: EngineFactory, side: float) -> None:
    engine = _engine(make_engine)
    _two_kinds(engine)
    mean = engine.summary(NOW).arms[0].output_tokens
    assert _tokens(engine, pack([side, 0.0, 0.0])) == pytest.approx(mean / 32 if side < 0 else 32 * mean)


def test_answers_of_no_length_at_all_cost_nothing(make_engine: EngineFactory) -> None:
    engine = _engine(make_engine, prior=0.0)
    engine.learn(outcome(1, output_tokens=0.0))
    assert _tokens(engine, pack([1.0, 1.0, 1.0])) == 0.0


def test_only_the_leading_features_tell_the_length(make_engine: EngineFactory) -> None:
    for told, place in ((True, 14), (False, 15)):
        engine = _engine(make_engine, dataclasses.replace(OWN, dimension=20, context=ContextMode.ON))
        for sequence in range(60):
            side = 1.0 if sequence % 2 else -1.0
            features = pack([side if number == place else 0.0 for number in range(20)])
            engine.learn(outcome(sequence, features=features, output_tokens=500.0 + 400.0 * side))
        sides = [pack([side if number == place else 0.0 for number in range(20)]) for side in (-1.0, 1.0)]
        short, long = (_tokens(engine, features) for features in sides)
        assert (long > short + 700.0) is told
        assert (long == short) is not told
