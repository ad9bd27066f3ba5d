"""The settings of a run: one cost weight, or the whole sweep from quality alone to cost alone.

The command enters here once per file. The sweep is the one that scorers of outcome files expect, so figures of
different routers can be compared; it is the same for every file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from atp_grpc.domain.money import NANO_PER_USD, TokenPrices
from atp_grpc.replay.aim import AIMLESS, Aim
from atp_grpc.replay.grading.setting import CALLS, CEILING, FLOOR, FLOOR_OF_BEST, SLO_MS
from atp_grpc.replay.grading.table import REQUESTS, OutcomeTable
from atp_grpc.replay.pricing import Tariff, by_the_bill, by_the_call, for_free
from atp_grpc.replay.track import Track

COST_WEIGHTS: Final = (0.0, *np.geomspace(1e-3, 300, 18).tolist())
CALL_PRICES: Final = tuple(round(price, 6) for price in np.linspace(-0.3, 0.7, 21).tolist())
"""Quality that one call of the stronger of two models must be worth."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One point of a sweep: how choices name it, what it aims at, and what calls cost."""

    text: str
    aim: Aim
    tariff: Tariff

    @property
    def cost_weight(self) -> float:
        """How much a cost scale of money weighs."""
        return self.aim.cost_weight


def settings_of(
    table: OutcomeTable,
    track: Track,
    listed: Mapping[str, TokenPrices],
    cost_weight: float | None,
    limits: Sequence[Aim] = (),
) -> tuple[Setting, ...]:
    """The settings of limits, one each; without limits that of a cost weight; with None for that, the sweep and limits.

    Where everything is free the sweep is one setting, 0. Of two models, when the better one is the dearer one, it also
    has settings by the call. `listed` are list prices, of the models that have one.
    """
    # Without costs everything is free, and a scale of one dollar measures nothing.
    tariff = by_the_bill(track, listed, table.c_hi / REQUESTS * NANO_PER_USD) if table.c_hi else for_free(track.models)
    settings = limits_of(limits, tariff)
    if cost_weight is not None:
        weight = cost_weight if table.c_hi else 0.0
        return settings or (Setting(_text(weight), Aim(weight), tariff),)
    if not table.c_hi:
        return (Setting("0", AIMLESS, tariff), *settings)
    swept = [Setting(_text(weight), Aim(weight), tariff) for weight in COST_WEIGHTS]
    if table.strong and table.weak:
        for_strong, for_weak = (by_the_call(track.models, model) for model in (table.strong, table.weak))
        # What the strong model costs less than nothing, the weak one costs more.
        swept += [
            Setting(f"{CALLS}{_text(price)}", Aim(abs(price)), for_strong if price >= 0 else for_weak)
            for price in CALL_PRICES
        ]
    return (*swept, *settings)


def limits_of(limits: Sequence[Aim], tariff: Tariff) -> tuple[Setting, ...]:
    """A setting for each limit, under the name by which scores know how to judge it."""
    return tuple(Setting(_name(limit), limit, tariff) for limit in limits)


def _name(limit: Aim) -> str:
    """How choices call the setting of a limit."""
    named = (
        (CEILING, limit.ceiling_usd_per_1k),
        (FLOOR, limit.quality_floor),
        (FLOOR_OF_BEST, limit.quality_floor_of_best),
        (SLO_MS, None if limit.latency_slo_seconds is None else limit.latency_slo_seconds * 1000),
    )
    return " ".join(f"{name}{_text(value)}" for name, value in named if value is not None)


def _text(weight: float) -> str:
    return f"{weight:.6g}"
