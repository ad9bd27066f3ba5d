"""The quantile of Student's distribution, for degrees of freedom that need not be whole.

Estimates enter here for the width of an interval. It knows nothing of what is estimated.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

import numpy as np

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)
_NEARLY_NORMAL: Final = 1e6
"""Degrees of freedom from which the normal quantile is right to five digits."""
_MOST_STEPS: Final = 50
_CLOSE: Final = 1e-10


def quantile(level: float, freedom: float) -> float:
    """How many standard errors lie on each side of an estimate at a level (0..1, both ends excluded).

    `freedom` below 1 counts as 1. With x = sqrt(freedom) tan(angle), the share between -x and x is an integral of
    cos(angle)^(freedom - 1) (Abramowitz and Stegun, section 26.7). It grows ever more slowly with the angle, so that
    Newton's steps from the normal quantile, which is too small, never go too far.
    """
    normal = NormalDist().inv_cdf((1.0 + level) / 2.0)
    if freedom >= _NEARLY_NORMAL:
        return normal
    freedom = max(freedom, 1.0)
    height = 2.0 / math.sqrt(math.pi) * math.exp(math.lgamma((freedom + 1.0) / 2.0) - math.lgamma(freedom / 2.0))
    angle = math.atan(normal / math.sqrt(freedom))
    for _ in range(_MOST_STEPS):
        inside = np.cos(angle * (_NODES + 1.0) / 2.0) ** (freedom - 1.0)
        share = height * angle / 2.0 * float(inside @ _WEIGHTS)
        step = (level - share) / (height * math.cos(angle) ** (freedom - 1.0))
        angle += step
        if abs(step) < _CLOSE * angle:
            break
    return math.sqrt(freedom) * math.tan(angle)
