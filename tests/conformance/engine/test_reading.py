"""The reference's own arithmetic where matrices are close to singular, or beyond."""

from __future__ import annotations

import random
import warnings

import numpy as np
import pytest

from atp_grpc.engine.reference.factor import Vector, inverse_factor


def test_a_well_conditioned_matrix_is_inverted() -> None:
    precision = np.array([[3.0, 0.5], [0.5, 2.0]])
    inverse = inverse_factor(precision)
    assert inverse.T @ inverse == pytest.approx(np.linalg.inv(precision))


def _evidence(chance: random.Random, size: int) -> tuple[Vector, Vector]:
    """A prior, and on top of it a few feature vectors of very different magnitude and frequency."""
    prior = np.full(size, chance.choice([1e-9, 1.0, 1e9]))
    prior[0] = 1.0
    precision = np.diag(prior)
    for _ in range(chance.randrange(1, size + 2)):
        count = chance.choice([1.0, 3.0, 2e4, 10 ** chance.uniform(0, 30)])
        vector = np.array([1.0, *(chance.choice([1, -1, 0.5]) * 10 ** chance.uniform(-6, 6) for _ in range(size - 1))])
        precision += count * np.outer(vector, vector)
    return precision, prior


@pytest.mark.parametrize("size", [2, 4, 16])
def test_evidence_never_widens_the_posterior(size: int) -> None:
    chance = random.Random(size)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(300):
            precision, prior = _evidence(chance, size)
            widths = np.square(inverse_factor(precision)).sum(axis=0)
            assert (widths <= 1.02 / prior).all()
