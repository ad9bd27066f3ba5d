"""The settings of a run: one cost weight, or the whole sweep from quality alone to cost alone.

The command enters here once per file. The sweep is the one that scorers of outcome files expect, so figures of
different routers can be compared; it is the same for every file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from atp_grpc.domain.money import NANO_PER_USD, TokenPrices
from atp_grpc.replay.grading.table import REQUESTS, OutcomeTable
from atp_grpc.replay.pricing import Tariff, by_the_bill, by_the_call, for_free
from atp_grpc.replay.track import Track

COST_WEIGHTS: Final = (0.0, *np.geomspace(1e-3, 300, 18).tolist())
CALL_PRICES: Final = tuple(round(price, 6) for price in np.linspace(-0.3, 0.7, 21).tolist())
"""Quality that one call of the stronger of two models must be worth."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One point of a sweep: how choices name it, how much a cost scale of money weighs, and what calls cost."""

    text: str
    cost_weight: float
    tariff: Tariff


def settings_of(
    table: OutcomeTable, track: Track, listed: Mapping[str, TokenPrices], cost_weight: float | None
) -> tuple[Setting, ...]:
    """The setting of a cost weight, or with None the sweep.

    Where everything is free there is one setting, 0. Of two models, when the better one is the dearer one, the sweep
    also has settings by the call. `listed` are list prices, of the models that have one.
    """
    if not table.c_hi:
        return (Setting("0", 0.0, for_free(track.models)),)
    by_bill = by_the_bill(track, listed, table.c_hi / REQUESTS * NANO_PER_USD)
    if cost_weight is not None:
        return (Setting(_text(cost_weight), cost_weight, by_bill),)
    settings = [Setting(_text(weight), weight, by_bill) for weight in COST_WEIGHTS]
    if table.strong and table.weak:
        for_strong, for_weak = (by_the_call(track.models, model) for model in (table.strong, table.weak))
        # What the strong model costs less than nothing, the weak one costs more.
        settings += [
            Setting(f"calls={_text(price)}", abs(price), for_strong if price >= 0 else for_weak)
            for price in CALL_PRICES
        ]
    return tuple(settings)


def _text(weight: float) -> str:
    return f"{weight:.6g}"
