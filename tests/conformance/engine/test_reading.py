"""The reference's own arithmetic where matrices are close to singular."""

from __future__ import annotations

import numpy as np
import pytest

from atp_grpc.engine.reference.reading import _inverse_factor


def _precision(first_count: float, second_count: float) -> tuple[np.ndarray, np.ndarray]:
    """Evidence of two large feature vectors, each seen many times, on top of a unit prior."""
    first = np.array([1.0, -1e6, 5e5, 5e5])
    second = np.array([1.0, 5e5, 1e6, 5e5])
    prior = np.ones(4)
    return first_count * np.outer(first, first) + second_count * np.outer(second, second) + np.diag(prior), prior


def test_a_well_conditioned_matrix_is_inverted() -> None:
    precision, prior = np.array([[3.0, 0.5], [0.5, 2.0]]), np.ones(2)
    inverse = _inverse_factor(precision, prior)
    assert inverse.T @ inverse == pytest.approx(np.linalg.inv(precision))


@pytest.mark.parametrize("counts", [(638.0, 9042.0), (1.0, 0.0), (1e9, 1e9), (1e16, 3.0), (1e30, 1e30)])
def test_evidence_never_widens_the_posterior(counts: tuple[float, float]) -> None:
    precision, prior = _precision(*counts)
    inverse = _inverse_factor(precision, prior)
    for direction in np.eye(4):
        deviation = inverse @ direction
        assert float(deviation @ deviation) <= 1.0 + 1e-9
