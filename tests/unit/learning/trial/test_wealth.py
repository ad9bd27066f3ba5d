"""The wealth of a bet: a fair game makes nobody rich, and what is so is shown."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.learning.trial.wealth import MOST_STAKE, SHOWN, Wealth, log_of_either

GAINS = st.lists(st.tuples(st.floats(-1.0, 1.0), st.floats(0.01, 100.0)), max_size=30)


@given(gains=GAINS)
def test_wealth_stays_above_zero_whatever_is_lost(gains: list[tuple[float, float]]) -> None:
    wealth = Wealth()
    for gain, weight in gains:
        wealth.bet(gain, weight)
    assert len(gains) * math.log1p(-MOST_STAKE) - 1e-9 <= wealth.log < math.inf


@pytest.mark.parametrize("stakes", [(1.0, 1.0, 1.0), (0.3, 5.0, 40.0)])
def test_a_fair_game_keeps_the_wealth_at_one_on_average(stakes: tuple[float, ...]) -> None:
    """Every course that a fair coin can take, each as likely: no stake makes anything of it."""
    ends = []
    for course in itertools.product((-1.0, 1.0), repeat=len(stakes)):
        wealth = Wealth()
        for gain, weight in zip(course, stakes, strict=True):
            wealth.bet(gain, weight)
        ends.append(math.exp(wealth.log))
    assert math.fsum(ends) / len(ends) == pytest.approx(1.0)


def test_a_gain_that_is_there_is_shown_and_one_that_is_not_is_never() -> None:
    gaining, losing = Wealth(), Wealth()
    for _ in range(200):
        gaining.bet(0.1, 1.0)
        losing.bet(-0.1, 1.0)
    assert gaining.log > SHOWN > 0.0 > losing.log


@given(gains=GAINS)
def test_a_wealth_goes_on_from_its_state_bit_for_bit(gains: list[tuple[float, float]]) -> None:
    whole, first = Wealth(), Wealth()
    for gain, weight in gains:
        whole.bet(gain, weight)
    for gain, weight in gains[: len(gains) // 2]:
        first.bet(gain, weight)
    second = Wealth(first.state)
    for gain, weight in gains[len(gains) // 2 :]:
        second.bet(gain, weight)
    assert second.state == whole.state


def test_either_of_two_is_half_of_the_wealth_on_each() -> None:
    one, other = Wealth(), Wealth()
    for _ in range(40):
        one.bet(0.5, 1.0)
        other.bet(-0.5, 1.0)
    mean = (math.exp(one.log) + math.exp(other.log)) / 2.0
    assert log_of_either(one, other) == pytest.approx(math.log(mean))
    assert log_of_either(other, one) == log_of_either(one, other)
