"""Sums over decisions: right to the letter, mergeable in any way, unbiased to the last bit."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.learning.evaluation.sample import Figure, Foreseen, Sample
from atp_grpc.learning.evaluation.tally import CLASSES, NO_DECISIONS, Tally, tally_of

LAW = settings(deadline=None, max_examples=30)
PARTS = st.floats(0.0, 1.0)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    """A decision with some candidates, of which one at least could be drawn."""
    count = draw(st.integers(1, 5))
    weights = [draw(st.floats(0.01, 1.0)) for _ in range(count)]
    if count > 1 and draw(st.booleans()):
        weights[draw(st.integers(0, count - 1))] = 0.0
    propensities = [weight / sum(weights) for weight in weights]
    wanted = [draw(PARTS) for _ in range(count)]
    whole = max(sum(wanted), 1.0)
    drawn = draw(st.sampled_from([at for at, weight in enumerate(weights) if weight > 0.0]))
    return Sample(
        Foreseen([want / whole for want in wanted], propensities, drawn),
        [draw(PARTS) for _ in range(count)],
        draw(st.none() | PARTS),
    )


def assert_same(one: Tally, other: Tally) -> None:
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_allclose(np.array(mine), np.array(theirs), rtol=1e-9, atol=1e-9)


@LAW
@given(st.lists(samples(), max_size=12), st.lists(st.integers(0, 12), max_size=4), st.sampled_from(Figure))
def test_a_log_cut_in_parts_and_merged_is_the_whole_log(log: list[Sample], cuts: list[int], figure: Figure) -> None:
    ends = [0, *sorted(min(cut, len(log)) for cut in cuts), len(log)]
    parts = [tally_of(log[start:end], figure) for start, end in pairwise(ends)]
    assert_same(reduce(Tally.merged, reversed(parts), NO_DECISIONS), tally_of(log, figure))


@LAW
@given(st.lists(samples(), min_size=1, max_size=8))
def test_sums_are_those_of_their_definitions(log: list[Sample]) -> None:
    tally = tally_of(log, Figure.QUALITY)
    graded = [sample for sample in log if sample.outcome is not None]
    spread = gap = correction = predicted = imbalance = fourth = supported = 0.0
    gap_drawn = gap_beyond = 0.0
    for sample in log:
        pairs = list(zip(sample.foreseen.shares, sample.foreseen.propensities, strict=True))
        imbalance += pairs[sample.foreseen.drawn][0] / pairs[sample.foreseen.drawn][1]
        imbalance -= sum(pi for pi, p in pairs if p > 0.0)
    for sample in graded:
        shares, p, drawn = sample.foreseen
        m = sum(share for share, chance in zip(shares, p, strict=True) if chance > 0.0)
        supported += m
        sizes = sum(
            pi * (q * (1.0 - q) + 0.02) ** 0.5
            for pi, chance, q in zip(shares, p, sample.predictions, strict=True)
            if chance > 0.0
        )
        for pi, chance, q in zip(shares, p, sample.predictions, strict=True):
            if chance > 0.0:
                s2 = q * (1.0 - q) + 0.02
                x = pi * s2**0.5
                part = x**2 / chance - max(2.0 * x - sizes, 0.0) ** 2
                spread += part
                fourth += part * (x / chance) ** 2
                gap += (pi - m * chance) ** 2 / chance * s2
                predicted += pi * q
        assert sample.outcome is not None
        w, surprise = shares[drawn] / p[drawn], sample.outcome - sample.predictions[drawn]
        gap_drawn += ((w - m) * surprise) ** 2
        gap_beyond += (m * surprise) ** 2
        correction += w * surprise
    assert tally.candidates.spread.sum() == pytest.approx(spread)
    assert tally.candidates.fourth.sum() == pytest.approx(fourth)
    assert tally.candidates.gap.sum() == pytest.approx(gap)
    assert tally.draws.correction.sum() == pytest.approx(correction)
    assert tally.draws.gap.sum() == pytest.approx(gap_drawn)
    assert tally.draws.gap_beyond.sum() == pytest.approx(gap_beyond)
    assert tally.totals.predicted == pytest.approx(predicted)
    assert tally.totals.supported == pytest.approx(supported)
    assert tally.totals.imbalance == pytest.approx(imbalance)
    assert tally.totals.graded == len(graded)
    assert tally.totals.decisions == len(log)


@LAW
@given(samples(), st.lists(PARTS, min_size=5, max_size=5), st.sampled_from(Figure))
def test_over_all_draws_both_estimates_are_on_average_what_the_target_earns(
    sample: Sample, rewards: list[float], figure: Figure
) -> None:
    shares, p, _ = sample.foreseen
    truth = sum(pi * r for pi, chance, r in zip(shares, p, rewards, strict=False) if chance > 0.0)
    robust = plain = balance = 0.0
    for arm, chance in enumerate(p):
        if chance > 0.0:
            tally = tally_of([Sample(Foreseen(shares, p, arm), sample.predictions, rewards[arm])], figure)
            robust += chance * (tally.totals.predicted + tally.draws.correction.sum())
            plain += chance * tally.totals.weighted
            balance += chance * tally.totals.imbalance
    assert robust == pytest.approx(truth, abs=1e-9)
    assert plain == pytest.approx(truth, abs=1e-9)
    assert balance == pytest.approx(0.0, abs=1e-9)


@LAW
@given(samples(), st.lists(st.sampled_from([-1.0, 1.0]), min_size=5, max_size=5), st.sampled_from(Figure))
def test_the_spread_is_no_less_than_the_variance_over_all_draws_whichever_way_predictions_are_wrong(
    sample: Sample, signs: list[float], figure: Figure
) -> None:
    shares, p, _ = sample.foreseen
    tally = tally_of([sample._replace(outcome=0.5)], figure)
    mean = sum(sample.predictions) / len(p)
    m = sum(pi for pi, chance in zip(shares, p, strict=True) if chance > 0.0)
    for last in range(CLASSES):
        square = correction = gap_square = gap = 0.0
        for pi, chance, q, sign in zip(shares, p, sample.predictions, signs, strict=False):
            if chance > 0.0:
                size = (q * (1.0 - q) + 0.02) ** 0.5 if figure is Figure.QUALITY else max(q, mean, 1.0)
                w = pi / chance if np.frexp(pi / chance)[1] <= last else 0.0
                square += chance * (w * size) ** 2
                correction += chance * w * size * sign
                gap_square += chance * ((w - m) * size) ** 2
                gap += chance * (w - m) * size * sign
        kept, beyond = slice(last + 1), slice(last + 1, None)
        assert tally.candidates.spread[kept].sum() >= square - correction**2 - 1e-9
        told = tally.candidates.gap[kept].sum() + tally.candidates.gap_beyond[beyond].sum()
        assert told >= gap_square - gap**2 - 1e-9


@LAW
@given(st.floats(0.001, 1.0), PARTS)
def test_the_spread_of_a_single_model_is_the_variance_itself(chance: float, q: float) -> None:
    foreseen = Foreseen([1.0, 0.0], [chance, 1.0 - chance], 0)
    tally = tally_of([Sample(foreseen, [q, 0.5], 1.0)], Figure.QUALITY)
    assert tally.candidates.spread.sum() == pytest.approx((q * (1 - q) + 0.02) * (1 / chance - 1), abs=1e-9)


def test_a_free_model_that_is_predicted_to_be_free_divides_nothing_by_nothing() -> None:
    sample = Sample(Foreseen([1.0, 0.0], [0.5, 0.5], 0), [0.0, 0.0], 0.0)
    tally = tally_of([sample], Figure.COST)
    assert np.isfinite(tally.draws.surprise).all()


def test_the_largest_weight_of_two_parts_is_the_larger_one() -> None:
    small, large = (
        tally_of([Sample(Foreseen([1.0, 0.0], [p, 1.0 - p], 0), [0.5, 0.5], 1.0)], Figure.QUALITY) for p in (0.6, 0.5)
    )
    assert small.merged(large).largest.max() == 2.0
    assert large.merged(small).largest.max() == 2.0
