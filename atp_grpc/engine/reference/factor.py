"""Cholesky factors of precision matrices, made so that evidence which is almost singular cannot break them.

Entered by everything that solves for coefficients. It never scales, regularises or keeps a matrix: what goes in is
factored as it stands, but for a ridge where rounding has swallowed a direction.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

PIVOT_RESOLUTION: Final = 2.0**-32
"""Smallest pivot, against its diagonal entry, at which plain Cholesky keeps more than half of its digits."""

RIDGE: Final = 2.0**-40
"""Share of its diagonal added to a matrix with smaller pivots; rounding reaches 2^-43 of it at dimension 512."""

Vector = npt.NDArray[np.float64]


def inverse_factor(precision: Vector) -> Vector:
    """A matrix W with WT W = the inverse of a positive definite matrix.

    Large, almost collinear features can leave directions that rounding has swallowed. Then a ridge relative to the
    diagonal is added, far above rounding and far below evidence: it shrinks what cannot be told apart, which would
    otherwise blow up.

    Raises:
        LinAlgError: the matrix is not positive definite, with its ridge neither.
    """
    return inverse_factor_against(precision, np.diagonal(precision))


def inverse_factor_against(precision: Vector, magnitudes: Vector) -> Vector:
    """The same for a matrix that is a difference, whose diagonal says less of its rounding than `magnitudes` do."""
    factor = _resolved_cholesky(precision, magnitudes)
    if factor is None:
        factor = _cholesky(precision + RIDGE * np.diag(magnitudes))
    # On an upper triangle the general solver never exchanges rows, which makes it plain back substitution.
    return np.asarray(np.linalg.solve(factor.T, np.eye(len(precision))).T, np.float64)


def _resolved_cholesky(precision: Vector, magnitudes: Vector) -> Vector | None:
    """The lower Cholesky factor, or None when a pivot is too small against its magnitude to be believed."""
    try:
        factor = _cholesky(precision)
    except np.linalg.LinAlgError:
        return None
    is_resolved = np.square(np.diagonal(factor)) >= PIVOT_RESOLUTION * magnitudes
    return factor if bool(is_resolved.all()) else None


def _cholesky(matrix: Vector) -> Vector:
    return np.asarray(np.linalg.cholesky(matrix), np.float64)
