"""How long an arm's answers are, depending on the prompt: a regression of output tokens on the leading features.

Entered by the statistics, which teach it, and by the reading, which asks for coefficients. The leading features alone,
because the marks come first in the built-in schemas and say most of what a length depends on. It never prices a token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from atp_grpc.engine.checkpoint import leading_size
from atp_grpc.engine.reference.factor import Vector, inverse_factor

SPAN: Final = 32.0
"""Largest factor between an arm's mean length and what is expected of one prompt, either way."""


@dataclass(slots=True)
class LengthSums:
    """Weighted sums of one arm (w = weight, x = leading features with a leading 1).

    `moments` = sum of w x xT, `totals` = sum of w tokens x, so their first entries are the count and the sum of tokens.
    """

    moments: Vector
    totals: Vector

    @classmethod
    def empty(cls, size: int) -> LengthSums:
        """No evidence. `size` is the feature dimension plus one."""
        leading = leading_size(size)
        return cls(np.zeros((leading, leading)), np.zeros(leading))

    def learn(self, weight: float, vector: Vector, tokens: float) -> None:
        """Adds one answer length, in output tokens, of a prompt with these features (all of them, with their 1)."""
        leading = vector[: len(self.totals)]
        self.moments += weight * (leading[:, None] * leading)
        self.totals += (weight * tokens) * leading

    def rescale(self, factor: float) -> None:
        """Multiplies every sum, which moves them to another epoch."""
        self.moments *= factor
        self.totals *= factor

    def mean(self, scale: float, prior: float) -> float:
        """The mean length with sums read at `scale`, the prior worth one answer; in output tokens."""
        return (scale * float(self.totals[0]) + prior) / (scale * float(self.moments[0, 0]) + 1.0)

    def coefficients(self, scale: float, prior: float, precision: float) -> Vector:
        """The linear model of the length, each slope held to zero by `precision`."""
        totals = scale * self.totals
        totals[0] += prior
        ridge = np.full(len(totals), precision)
        ridge[0] = 1.0
        inverse = inverse_factor(scale * self.moments + np.diag(ridge))
        return np.asarray(inverse.T @ (inverse @ totals))


def expected_lengths(coefficients: Vector, mean: Vector, vector: Vector) -> Vector:
    """Expected output tokens of some arms for one prompt: a row of coefficients and a mean for each."""
    linear = coefficients @ vector[: coefficients.shape[1]]
    return np.minimum(np.maximum(linear, mean / SPAN), SPAN * mean)
