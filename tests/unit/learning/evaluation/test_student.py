"""Student's quantiles, against published tables."""

from __future__ import annotations

import math

import pytest

from atp_grpc.learning.evaluation.student import quantile


@pytest.mark.parametrize(
    ("freedom", "tabled"),
    [(1, 12.706), (2, 4.303), (5, 2.571), (10, 2.228), (30, 2.042), (31, 2.040), (120, 1.980), (math.inf, 1.960)],
)
def test_quantiles_at_95_percent_are_those_of_the_tables(freedom: float, tabled: float) -> None:
    assert quantile(0.95, freedom) == pytest.approx(tabled, abs=6e-4)


@pytest.mark.parametrize(("level", "tabled"), [(0.5, 0.700), (0.9, 1.812), (0.99, 3.169), (0.999, 4.587)])
def test_quantiles_at_10_degrees_are_those_of_the_tables(level: float, tabled: float) -> None:
    assert quantile(level, 10) == pytest.approx(tabled, abs=6e-4)


def test_parts_of_a_degree_lie_between_whole_ones() -> None:
    found = [quantile(0.95, freedom) for freedom in (1.0, 1.5, 2.0, 2.5, 29.9, 30.1, 1e5, 9e5, 1.1e6)]
    assert found == sorted(found, reverse=True)


def test_less_than_one_degree_counts_as_one() -> None:
    assert quantile(0.95, 0.2) == quantile(0.95, 1.0)
