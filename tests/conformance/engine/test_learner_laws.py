"""Laws of each learner: its choice distribution is the one that its source and `docs/selection.md` state."""

from __future__ import annotations

import dataclasses
import itertools
import math
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from atp_grpc.engine.checkpoint import decode
from atp_grpc.engine.contract import DRAW_COUNT, Arm, ContextMode, Learner, Offer
from atp_grpc.engine.reference.chance import NORMAL_CELLS, normal_table
from atp_grpc.engine.reference.learners import beta_draws
from atp_grpc.engine.self_test import pack, spell_choice
from tests.conformance.engine.world import NOW, OWN, outcome, query

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Choice, Engine
    from atp_grpc.engine.reference.factor import Vector
    from tests.conformance.engine.conftest import EngineFactory

FEATURES = pack([0.0, 0.0, 0.0])
TRIO = [Arm("a", 0.9), Arm("b", 0.7), Arm("c", 0.8)]
PRICES = [Offer(0, 9_000_000, 0), Offer(1, 1_000_000, 0), Offer(2, 4_000_000, 0)]
GRADES = {"a": (0.5, 0.6, 0.4, 0.7), "b": (0.8,), "c": (0.1, 0.9)}
PURE = dataclasses.replace(OWN, epsilon=0.0, cost_scale_nano_usd=1000.0)
"""Without epsilon, what is logged is the learner's own distribution."""


def _taught(engine: Engine) -> Engine:
    engine.load(TRIO, PRICES, 1)
    sequence = 0
    for arm, grades in GRADES.items():
        for grade in grades:
            sequence += 1
            engine.learn(outcome(sequence, arm=arm, features=FEATURES, quality=grade))
    return engine


def _means() -> dict[str, tuple[float, float]]:
    """Shrunk mean and evidence of each arm, by the definition."""
    return {
        arm.name: (
            (sum(GRADES[arm.name]) + arm.prior_quality) / (len(GRADES[arm.name]) + 1),
            len(GRADES[arm.name]) + 1.0,
        )
        for arm in TRIO
    }


def _ask(engine: Engine, seed: int = 0, **changes: object) -> Choice:
    fields: dict[str, object] = {"features": FEATURES, "input_tokens": 100.0, "cost_weight": 0.2, **changes}
    return engine.choose(query(candidates=(0, 1, 2), seed=seed, **fields))


def _utilities(qualities: list[float]) -> list[float]:
    """Cost is 900, 100 and 400 nano-dollars on a scale of 1,000, at a weight of 0.2."""
    return [0.99 * quality - 0.2 * cost for quality, cost in zip(qualities, (0.9, 0.1, 0.4), strict=True)]


@pytest.mark.parametrize("alpha", [0.0, 0.05, 0.3, 1.0, 10.0])
def test_ucb1_takes_the_largest_upper_bound(make_engine: EngineFactory, alpha: float) -> None:
    choice = _ask(_taught(make_engine(dataclasses.replace(PURE, learner=Learner.UCB1, alpha=alpha))))
    total = sum(evidence for _, evidence in _means().values())
    bounds = [mean + alpha * math.sqrt(2 * math.log(total) / evidence) for mean, evidence in _means().values()]
    scores = _utilities(bounds)
    assert list(choice.propensities) == [float(score == max(scores)) for score in scores]


def test_ucb1_prefers_the_unknown_from_the_textbooks_bound_on(make_engine: EngineFactory) -> None:
    bonus = {evidence: math.sqrt(2 * math.log(4) / evidence) for evidence in (1, 3)}
    threshold = (0.9 - 0.3) / (bonus[1] - bonus[3])
    for alpha, expected in ((threshold * (1 - 1e-6), 0), (threshold * (1 + 1e-6), 1)):
        engine = make_engine(dataclasses.replace(PURE, learner=Learner.UCB1, alpha=alpha))
        engine.load([Arm("known", 0.9), Arm("unknown", 0.3)], [Offer(0, 0, 0), Offer(1, 0, 0)], 1)
        for sequence in range(2):
            engine.learn(outcome(sequence, arm="known", quality=0.9))
        assert engine.choose(query(candidates=(0, 1), features=FEATURES, cost_weight=0.0)).chosen == expected


def test_ucb1_counts_only_the_candidates_that_are_left(make_engine: EngineFactory) -> None:
    # Among everybody's 6,000 observations the bonus of the untried arm is the largest; among the 4 of two it is not.
    engine = make_engine(dataclasses.replace(PURE, learner=Learner.UCB1, alpha=0.5))
    engine.load([Arm("a", 0.9), Arm("b", 0.3), Arm("c", 0.5)], [Offer(arm, 0, 0) for arm in range(3)], 1)
    for sequence in range(6000):
        arm, quality = ("a", 0.9) if sequence < 2 else ("c", 0.0)
        engine.learn(outcome(sequence, arm=arm, quality=quality))
    asked = query(candidates=(0, 1, 2), features=FEATURES, cost_weight=0.0)
    assert engine.choose(asked).chosen == 1
    assert engine.choose(asked._replace(candidates=(0, 1))).chosen == 0


@pytest.mark.parametrize("gamma", [0.0, 1.0, 50.0, 1e9])
def test_squarecb_weighs_by_the_inverse_gap(make_engine: EngineFactory, gamma: float) -> None:
    choice = _ask(_taught(make_engine(dataclasses.replace(PURE, learner=Learner.SQUARECB, gamma=gamma))))
    utilities = _utilities([mean for mean, _ in _means().values()])
    assert list(choice.utilities) == pytest.approx(utilities)
    growth = gamma * math.sqrt(sum(evidence for _, evidence in _means().values()))
    best = utilities.index(max(utilities))
    expected = [1 / (3 + growth * (max(utilities) - utility)) for utility in utilities]
    expected[best] = 0.0
    expected[best] = 1.0 - sum(expected)
    assert list(choice.propensities) == pytest.approx(expected, rel=1e-9)


def test_squarecb_gives_the_rest_to_the_cheaper_of_two_that_are_equal(make_engine: EngineFactory) -> None:
    engine = make_engine(dataclasses.replace(PURE, learner=Learner.SQUARECB))
    engine.load([Arm(name) for name in "abc"], [Offer(0, 2, 2), Offer(1, 1, 1), Offer(2, 1, 1)], 1)
    for sequence in range(100):
        engine.learn(outcome(sequence, arm="c", quality=0.0))
    a, b, c = _ask(engine, cost_weight=0.0).propensities
    assert a == 1 / 3
    assert c < 0.01
    assert b == pytest.approx(1 - a - c)


def test_squarecb_explores_less_the_more_it_knows(make_engine: EngineFactory) -> None:
    engine = make_engine(dataclasses.replace(PURE, learner=Learner.SQUARECB, gamma=50.0))
    engine.load([Arm("a", 0.9), Arm("b", 0.5)], [Offer(0, 0, 0), Offer(1, 0, 0)], 1)
    ask = query(candidates=(0, 1), features=FEATURES, cost_weight=0.0)
    shares = []
    for sequence in range(200):
        shares.append(engine.choose(ask).propensities[1])
        engine.learn(outcome(2 * sequence, arm="a", quality=0.9))
        engine.learn(outcome(2 * sequence + 1, arm="b", quality=0.5))
    assert all(later < earlier for earlier, later in itertools.pairwise(shares))
    assert shares[-1] == pytest.approx(1 / (2 + 50 * math.sqrt(2 * 200) * 0.4 * 0.99), rel=1e-9)


def _beta_distribution(wins: float, losses: float) -> tuple[Vector, Vector]:
    """Points of 0..1, dense at both ends, and the distribution function of the Beta law at them."""
    logits = np.linspace(-20.0, 20.0, 4001)
    points = 1.0 / (1.0 + np.exp(-logits))
    norm = math.lgamma(wins + losses) - math.lgamma(wins) - math.lgamma(losses)
    densities = np.exp(wins * np.log(points) + losses * np.log1p(-points) + norm)
    steps = (densities[1:] + densities[:-1]) / 2 * (logits[1] - logits[0])
    below = math.exp(norm) * points[0] ** wins / wins
    return points, np.concatenate([[below], below + np.cumsum(steps)])


@pytest.mark.parametrize(
    ("wins", "losses", "distance"),
    [
        (1.0, 1.0, 0.031),
        (1.0, 2.0, 0.031),
        (1.0, 40.0, 0.031),
        (3.5, 1.0, 0.031),
        (900.0, 1.0, 0.031),
        (2.0, 2.0, 0.0101),
        (2.0, 3.7, 0.0101),
        (500.0, 2.0, 0.0101),
        (30.0, 60.0, 0.001),
    ],
)
def test_beta_draws_follow_the_beta_law(wins: float, losses: float, distance: float) -> None:
    points, expected = _beta_distribution(wins, losses)
    assert expected[-1] == pytest.approx(1.0, abs=1e-5)
    # Every cell of the one normal meets every eighth of the other: the whole law, not a sample of it.
    normal, other = normal_table()[:, None], normal_table()[None, 3::8]
    draws = np.sort(beta_draws(np.array(wins), np.array(losses), normal, other), axis=None)
    assert 0.0 <= draws[0] <= draws[-1] <= 1.0
    found = np.searchsorted(draws, points, side="right") / len(draws)
    assert float(np.abs(found - expected).max()) < distance + 8 / NORMAL_CELLS


def test_a_draw_whose_gammas_both_vanish_is_the_mean_of_its_law() -> None:
    lowest = np.array([normal_table()[0]])
    assert beta_draws(np.array([1.0]), np.array([1.5]), lowest, lowest) == pytest.approx([0.4])


def test_thompson_beta_estimates_the_probability_that_an_arm_is_best(make_engine: EngineFactory) -> None:
    engine = make_engine(dataclasses.replace(PURE, learner=Learner.THOMPSON_BETA))
    engine.load([Arm("a", 0.9), Arm("b", 0.7)], [Offer(0, 0, 0), Offer(1, 0, 0)], 1)
    for sequence, grade in enumerate((0.5, 0.75, 0.5, 1.0)):
        engine.learn(outcome(sequence, arm="a", quality=grade))
    ask = query(candidates=(0, 1), features=FEATURES, cost_weight=0.0)
    shares = [engine.choose(ask._replace(seed=seed)).propensities[0] for seed in range(1000)]
    assert all(share * DRAW_COUNT == int(share * DRAW_COUNT) for share in shares)
    # Arm a: 5 observations with mean 0.73; arm b: its prior alone.
    points, first = _beta_distribution(1 + 5 * 0.73, 1 + 5 * 0.27)
    _, second = _beta_distribution(1.7, 1.3)
    best = float(((second[1:] + second[:-1]) / 2 * np.diff(first)).sum())
    assert 0.0 < points[0] < points[-1] < 1.0
    assert abs(fmean(shares) - best) < 0.02 + 3 * stdev(shares) / math.sqrt(len(shares))


def test_thompson_beta_narrows_as_evidence_grows(make_engine: EngineFactory) -> None:
    engine = make_engine(dataclasses.replace(PURE, learner=Learner.THOMPSON_BETA))
    engine.load([Arm("a"), Arm("b")], [Offer(0, 0, 0), Offer(1, 0, 0)], 1)
    ask = query(candidates=(0, 1), features=FEATURES, cost_weight=0.0)
    for sequence in range(1000):
        engine.learn(outcome(2 * sequence, arm="a", quality=0.6))
        engine.learn(outcome(2 * sequence + 1, arm="b", quality=0.4))
    assert all(engine.choose(ask._replace(seed=seed)).propensities[0] == 1.0 for seed in range(50))


@pytest.mark.parametrize("context", ContextMode)
@pytest.mark.parametrize("learner", [learner for learner in Learner if not learner.is_contextual])
def test_a_learner_without_context_serves_the_mean_whatever_the_gate_says(
    make_engine: EngineFactory, learner: Learner, context: ContextMode
) -> None:
    engine = make_engine(dataclasses.replace(OWN, learner=learner, context=context, context_min_weight=4.0))
    engine.load(TRIO, PRICES, 1)
    for sequence in range(40):
        side = 1.0 if sequence % 2 else -1.0
        engine.learn(
            outcome(
                sequence,
                arm="a",
                features=pack([side, 0.0, 0.0]),
                quality=0.5 + 0.4 * side,
                predicted_mean=0.5,
                predicted_linear=0.5 + 0.3 * side,
            )
        )
    summary = engine.summary(NOW)
    assert summary.context_on
    assert summary.context_z > 1.0
    left, right = (_ask(engine, features=pack([side, 0.0, 0.0])) for side in (-1.0, 1.0))
    assert not left.context_on
    assert left.propensities == right.propensities
    assert left.quality == right.quality
    assert left.quality[0] == pytest.approx((40 * 0.5 + 0.9) / 41)
    # What is recorded for the gate is still both predictions, and the spread is that around the mean.
    single = query(candidates=(0,), features=pack([1.0, 0.0, 0.0]))
    assert engine.choose(single).predicted_linear > engine.choose(single).predicted_mean + 0.3
    assert summary.arms[0].residual_sd == pytest.approx(0.4, abs=0.01)
    assert decode(engine.checkpoint()).context_on


def test_parameters_of_other_learners_change_nothing(make_engine: EngineFactory) -> None:
    theirs: dict[Learner, dict[str, Any]] = {
        Learner.GREEDY: {"scale": 9.0, "alpha": 7.0, "gamma": 5.0},
        Learner.LINUCB: {"scale": 9.0, "gamma": 5.0},
        Learner.UCB1: {"scale": 9.0, "gamma": 5.0},
        Learner.THOMPSON: {"alpha": 7.0, "gamma": 5.0},
        Learner.THOMPSON_BETA: {"scale": 9.0, "alpha": 7.0, "gamma": 5.0},
        Learner.SQUARECB: {"scale": 9.0, "alpha": 7.0},
    }
    for learner in Learner:
        plain = dataclasses.replace(OWN, learner=learner)
        first, second = (
            _taught(make_engine(chosen)) for chosen in (plain, dataclasses.replace(plain, **theirs[learner]))
        )
        assert spell_choice(_ask(first)) == spell_choice(_ask(second))
