"""Laws of the hull, and one by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.replay.grading.hull import Hull

POINTS = st.lists(st.tuples(st.floats(0.01, 100), st.floats(0, 1)), min_size=1, max_size=12)
WITHOUT_DEADLINE = settings(deadline=None)


def test_a_hull_drops_what_a_mix_of_others_beats() -> None:
    hull = Hull.of([1, 2, 3, 4, 5], [0.2, 0.6, 0.5, 0.8, 0.8])

    assert hull.corners == [(1, 0.2), (2, 0.6), (4, 0.8)]
    assert hull.quality_at(3) == pytest.approx(0.7)
    assert hull.least_cost(0.7) == pytest.approx(3)
    assert hull.best == (4, 0.8)


def test_beyond_its_ends_a_hull_is_level() -> None:
    hull = Hull.of([1, 2], [0.4, 0.6])

    assert hull.quality_at(np.array([0.1, 50])) == pytest.approx([0.4, 0.6])
    assert hull.least_cost(0.1) == 1
    assert hull.least_cost(0.6) == hull.least_cost(0.6 + 1e-13) == 2
    assert math.isnan(hull.least_cost(0.61))


@WITHOUT_DEADLINE
@given(POINTS)
def test_no_point_lies_above_its_hull(points: list[tuple[float, float]]) -> None:
    hull = Hull.of(*zip(*points, strict=True))

    for cost, quality in points:
        assert hull.quality_at(cost) >= quality - 1e-9


@WITHOUT_DEADLINE
@given(POINTS)
def test_corners_are_points_and_slopes_fall(points: list[tuple[float, float]]) -> None:
    hull = Hull.of(*zip(*points, strict=True))
    rises = np.diff(hull.qualities) / np.diff(hull.costs)

    assert set(hull.corners) <= set(points)
    assert (rises > 0).all()
    assert (np.diff(rises) <= 1e-9 * np.abs(rises[:-1])).all()


@WITHOUT_DEADLINE
@given(POINTS, st.floats(0, 1))
def test_what_a_quality_costs_buys_that_quality(points: list[tuple[float, float]], quality: float) -> None:
    hull = Hull.of(*zip(*points, strict=True))
    cost = hull.least_cost(quality)

    if math.isnan(cost):
        assert quality > max(reached for _, reached in points) - 1e-9
    else:
        assert hull.quality_at(cost) >= quality - 1e-9
