"""What greedy choices on the rows of a prior cost, by the price of money: from it a ceiling's first dual price is read.

`prior` enters here once, when everything is taught. The figures are of rows that the engine knows, so they say where a
pacer begins and not where it ends; they never reach a decision by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from atp_grpc.learning.prior import Spend
from atp_grpc.replay.teaching import Teacher, Teaching

PRICES: Final = (0.0, *np.geomspace(1e-3, 1e3, 61).tolist())
"""Weights of a cost scale at which spending is looked at; a quarter more from one to the next."""


def spending_of(teacher: Teacher, teaching: Teaching, rows: Sequence[int]) -> tuple[Spend, ...]:
    """Mean cost of the greedy choice among the models each row knows, never rising with the price.

    A call costs what the row says, or what it is expected to where the row says nothing.
    """
    track, scale = teaching.track, teaching.tariff.cost_scale_nano_usd
    total = np.zeros(len(PRICES))
    for row in rows:
        predicted, known = teacher.predict(row), track.known(row)
        utility, expected = np.asarray(predicted.utilities)[known], np.asarray(predicted.cost_nano_usd)[known]
        billed = track.cost_nano_usd[row, known]
        chosen = (utility - np.outer(PRICES, expected) / scale).argmax(1)
        total += np.where(np.isnan(billed), expected, billed)[chosen]
    # Bills scatter around what was expected, so a dearer price may by chance seem to cost more.
    means = np.minimum.accumulate(total / len(rows))
    return tuple(Spend(price, mean) for price, mean in zip(PRICES, means.tolist(), strict=True))
