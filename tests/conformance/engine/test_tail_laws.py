"""Laws of the latency objective: it is held against the 95th percentile, and the mean stays what it was."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from atp_grpc.engine.contract import Arm, Exclusion, Learner, Offer
from atp_grpc.engine.reference.chance import normal_table
from atp_grpc.engine.reference.reading import tail
from atp_grpc.engine.self_test import pack
from tests.conformance.engine.world import HOUR, NOW, OWN, outcome, query

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Choice, Engine
    from tests.conformance.engine.conftest import EngineFactory

FEATURES = pack([0.0, 0.0, 0.0])
GREEDY = dataclasses.replace(OWN, learner=Learner.GREEDY, epsilon=0.0, latency_scale_seconds=10.0)
QUANTILE = 1.6448536269514722


def _learn(engine: Engine, arm: str, latencies: list[float], moment: int = NOW) -> None:
    for sequence, seconds in enumerate(latencies):
        lesson = outcome(sequence, arm=arm, replica=arm, latency_seconds=seconds)
        engine.learn(lesson._replace(decided_nanos=moment, now_nanos=moment))


def _ask(engine: Engine, objective: float, candidates: tuple[int, ...] = (0,), **changes: object) -> Choice:
    return engine.choose(
        query(candidates=candidates, features=FEATURES, latency_slo_seconds=objective, cost_weight=0.0, **changes)
    )


def _single(make_engine: EngineFactory, latencies: list[float], prior: float = 1.0) -> Engine:
    engine = make_engine(GREEDY)
    engine.load([Arm("tiny", prior_latency_seconds=prior)], [Offer(0, 1, 1)], 1)
    _learn(engine, "tiny", latencies)
    return engine


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=12), st.floats(0.01, 100))
@settings(max_examples=60)
def test_the_objective_is_held_against_the_percentile_of_a_log_normal_latency(
    make_engine: EngineFactory, latencies: list[float], prior: float
) -> None:
    known = [prior, *latencies]
    mean = math.fsum(known) / len(known)
    ratio = math.fsum(seconds * seconds for seconds in known) / len(known) / mean**2 - 1.0
    assume(ratio > 1e-6)
    spread = math.sqrt(math.log1p(ratio))
    percentile = mean * math.exp(QUANTILE * spread - spread**2 / 2)
    # A spread of that size nobody meets: there the percentile of such a law falls below its mean.
    assert percentile >= mean or spread > 2 * QUANTILE
    engine = _single(make_engine, latencies, prior)
    assert not _ask(engine, percentile * (1 + 1e-6)).slo_unmet
    choice = _ask(engine, percentile * (1 - 1e-6))
    assert choice.slo_unmet
    assert choice.latency_seconds[0] == pytest.approx(mean)


@given(st.floats(1e-3, 1e6), st.integers(0, 50))
@settings(max_examples=60)
def test_without_spread_the_percentile_is_the_mean(make_engine: EngineFactory, seconds: float, count: int) -> None:
    engine = _single(make_engine, [seconds] * count, seconds)
    assert not _ask(engine, seconds * (1 + 1e-12)).slo_unmet
    assert _ask(engine, seconds * (1 - 1e-12)).slo_unmet


def test_a_single_slow_answer_raises_the_percentile_above_the_mean(make_engine: EngineFactory) -> None:
    engine = _single(make_engine, [1.0] * 20 + [4.0])
    mean = _ask(engine, 9.0).latency_seconds[0]
    assert mean == pytest.approx(25.0 / 22)
    assert not _ask(engine, 2.5).slo_unmet
    assert _ask(engine, 1.1 * mean).slo_unmet


@pytest.mark.parametrize("spread", [0.1, 0.4, 0.8])
def test_of_a_log_normal_latency_it_is_the_true_percentile(make_engine: EngineFactory, spread: float) -> None:
    latencies = [2.0 * math.exp(spread * float(normal)) for normal in normal_table()[::2]]
    engine = _single(make_engine, latencies, 2.0)
    truth = 2.0 * math.exp(spread * QUANTILE)
    # The cells of the table stop short of the law's far end, which weighs the more in a square the wider the law is.
    assert not _ask(engine, 1.01 * truth).slo_unmet
    assert _ask(engine, 0.98 * truth).slo_unmet


def test_the_steady_arm_is_taken_before_the_one_that_is_faster_on_average(make_engine: EngineFactory) -> None:
    engine = make_engine(GREEDY)
    engine.load(
        [Arm("steady", 0.5, prior_latency_seconds=2.0), Arm("erratic", 0.9, prior_latency_seconds=1.0)],
        [Offer(0, 1, 1), Offer(1, 1, 1)],
        1,
    )
    _learn(engine, "steady", [2.0] * 9)
    _learn(engine, "erratic", [0.5] * 8 + [5.5])
    choice = _ask(engine, 2.5, (0, 1))
    assert choice.latency_seconds[1] < choice.latency_seconds[0]
    assert (choice.chosen, choice.slo_unmet) == (0, False)
    assert dict(choice.exclusions) == {1: Exclusion.LATENCY_SLO}
    # Nobody meets it: the smallest percentile stays, not the smallest mean.
    choice = _ask(engine, 0.1, (0, 1))
    assert (choice.chosen, choice.slo_unmet) == (0, True)
    assert _ask(engine, 60.0, (0, 1)).chosen == 1


def test_the_utility_is_of_the_mean(make_engine: EngineFactory) -> None:
    engine = _single(make_engine, [0.5] * 8 + [5.5])
    free, charged = (_ask(engine, 60.0, latency_weight=weight) for weight in (0.0, 2.0))
    mean = free.latency_seconds[0]
    assert mean == pytest.approx(1.05)
    assert charged.utilities[0] == pytest.approx(free.utilities[0] - 2.0 * mean / 10.0)


def test_the_percentile_fades_towards_the_prior_like_everything(make_engine: EngineFactory) -> None:
    engine = make_engine(dataclasses.replace(GREEDY, half_life_nanos=HOUR))
    engine.load([Arm("tiny")], [Offer(0, 1, 1)], 1)
    start = NOW // (32 * HOUR) * (32 * HOUR)
    _learn(engine, "tiny", [0.5, 9.5] * 8, start)
    assert _ask(engine, 8.0, now_nanos=start).slo_unmet
    assert not _ask(engine, 8.0, now_nanos=start + 6 * HOUR).slo_unmet
    assert not _ask(engine, 1.001, now_nanos=start + 60 * HOUR).slo_unmet
    # Sums that moved to another epoch tell the same.
    engine.learn(outcome(99, arm="else", failed=False, decided_nanos=start + 33 * HOUR, now_nanos=start + 33 * HOUR))
    assert not _ask(engine, 1.001, now_nanos=start + 60 * HOUR).slo_unmet


@pytest.mark.parametrize(
    ("mean", "square"),
    [(0.0, 0.0), (0.0, 1.0), (1e-200, 0.0), (1e-200, 1e-9), (1e-150, 1e119), (1.0, 1.0), (1.0, 0.5), (1e9, 1e119)],
)
def test_the_percentile_is_finite_whatever_the_sums(mean: float, square: float) -> None:
    assert 0.0 <= tail(mean, square) <= 4.0 * mean
