"""Trials by the hundred: the arrays of the bench do what a trial does, and no one is fooled more often than is said."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atp_grpc.learning.trial.evidence import Heard
from atp_grpc.learning.trial.terms import Side, Verdict
from atp_grpc.learning.trial.trial import Trial
from atp_grpc.learning.trial.wealth import LEVEL
from tests.bench.trial_bench import TERMS, run
from tests.bench.trial_world import SHAPES, Arrivals, World, judged


def by_hand(arrivals: Arrivals, trial: int, share: float) -> tuple[float, float]:
    """After how many outcomes a trial of the server is promoted, or rolled back."""
    machine = Trial(TERMS, share)
    for number, (side, *values) in enumerate(zip(*(one[trial] for one in arrivals), strict=True), start=1):
        grade, cost, failed = map(float, values)
        verdict = machine.learn(Heard(Side(int(side)), grade, cost, bool(failed)))
        if verdict is Verdict.PROMOTE:
            return float(number), math.inf
        if verdict is Verdict.ROLL_BACK:
            return math.inf, float(number)
    return math.inf, math.inf


@pytest.mark.parametrize(
    "world",
    [World("even", 0.5, difference=0.12), World("drift", 0.2, difference=-0.2), World("users", 0.3, cost_ratio=0.5)],
    ids=str,
)
def test_the_arrays_judge_as_a_trial_does(world: World) -> None:
    arrivals = world.arrivals(4, 2_500, np.random.default_rng(3))
    verdicts = judged(arrivals, TERMS.gates, share=world.share, hold=TERMS.hold)
    told = list(zip(verdicts.promoted, verdicts.rolled_back, strict=True))
    assert told == [by_hand(arrivals, trial, world.share) for trial in range(4)]


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_not_so_is_shown_at_any_moment_in_one_of_twenty_trials_at_most(shape: str) -> None:
    same = run(World(shape, 0.2), trials=200, outcomes=4_000)
    # Three standard errors of 200 trials above the level that is promised.
    assert same.shown_better_or_cheaper.mean() <= LEVEL + 3 * math.sqrt(LEVEL * (1 - LEVEL) / 200)
    assert not (np.isfinite(same.promoted) & ~same.shown_better_or_cheaper).any()


def test_a_challenger_at_the_margin_is_rarely_promoted_and_one_that_is_better_nearly_always() -> None:
    edge = run(World("high", 0.5, difference=-0.02, cost_ratio=0.3), trials=200, outcomes=4_000)
    better = run(World("high", 0.5, difference=0.08), trials=100, outcomes=8_000)
    assert np.isfinite(edge.promoted).mean() <= 0.1
    assert np.isfinite(better.promoted).mean() >= 0.9
