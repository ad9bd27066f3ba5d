"""What may change in the middle of a pass: a price, a model's quality, or which models there are.

Passes enter here at their middle. A change is a change of the recorded world, of what models cost and answer from then
on; nothing here looks at how a router takes it.
"""

from __future__ import annotations

import dataclasses
import enum
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from atp_grpc.domain.money import TokenPrices
from atp_grpc.replay.pricing import Tariff
from atp_grpc.replay.track import Figures, Track

NEWCOMER: Final = "newcomer"
LOOK_BACK: Final = 200
"""Choices before the change that tell which model is the favourite."""
PRICE_FACTOR: Final = 10
QUALITY_LOSS: Final = 0.3


class Drift(enum.StrEnum):
    """What changes."""

    PRICE = "price"
    """The most chosen model costs ten times as much."""
    QUALITY = "quality"
    """The answers of the most chosen model are worth 0.3 less (not below 0)."""
    NEW_MODEL = "new-model"
    """A model comes that is better than every other, at half of what the cheapest costs."""


class World(NamedTuple):
    """What models do with the rows, and what they cost. The tariff may lack models that are not there yet."""

    track: Track
    tariff: Tariff


def turn_of(count: int) -> int:
    """The place of the first of so many requests that comes after the change."""
    return count // 2


def favourite_of(arms: Sequence[int]) -> int:
    """The model that was chosen most among the last choices, by position; of equals the first."""
    counts = Counter(arms[-LOOK_BACK:])
    return min(counts, key=lambda arm: (-counts[arm], arm))


def before(drift: Drift, world: World) -> World:
    """The world up to the change. The newcomer stands in the track already, as the last of its models."""
    return World(_with_newcomer(world.track), world.tariff) if drift is Drift.NEW_MODEL else world


def after(drift: Drift, world: World, favourite: int) -> World:
    """The world of `before` from the change on."""
    track, tariff = world
    if drift is Drift.NEW_MODEL:
        return World(track, _tariff_with_newcomer(track, tariff))
    if drift is Drift.QUALITY:
        quality = _changed(track.quality, favourite, np.maximum(track.quality[:, favourite] - QUALITY_LOSS, 0))
        return World(dataclasses.replace(track, quality=quality), tariff)
    cost = _changed(track.cost_nano_usd, favourite, track.cost_nano_usd[:, favourite] * PRICE_FACTOR)
    prices = list(tariff.prices)
    known = prices[favourite]
    prices[favourite] = TokenPrices(input=known.input * PRICE_FACTOR, output=known.output * PRICE_FACTOR)
    return World(dataclasses.replace(track, cost_nano_usd=cost), dataclasses.replace(tariff, prices=tuple(prices)))


def _changed(figures: Figures, arm: int, values: Figures) -> Figures:
    changed = figures.copy()
    changed[:, arm] = values
    return changed


def _with_newcomer(track: Track) -> Track:
    """Answers as the best of the two best models does, at half the cost of the cheapest, as fast as that one."""
    best = np.argsort(track.quality.mean(0))[-2:]
    cheapest = _cheapest(track, len(track.models))

    def beside(figures: Figures, column: Figures) -> Figures:
        return np.column_stack([figures, column])

    return dataclasses.replace(
        track,
        models=(*track.models, NEWCOMER),
        quality=beside(track.quality, track.quality[:, best].max(1)),
        cost_nano_usd=beside(track.cost_nano_usd, np.floor(track.cost_nano_usd[:, cheapest] / 2)),
        output_tokens=beside(track.output_tokens, track.output_tokens[:, cheapest]),
        latency_seconds=beside(track.latency_seconds, track.latency_seconds[:, cheapest]),
        failed=np.column_stack([track.failed, np.zeros(len(track), np.bool_)]),
    )


def _tariff_with_newcomer(track: Track, tariff: Tariff) -> Tariff:
    cheapest = _cheapest(track, len(tariff.models))
    known = tariff.prices[cheapest]
    # What bills leave of a call is output: half the price for the same number of tokens.
    half = TokenPrices(input=known.input // 2, output=max(known.output // 2, min(known.output, 1)))
    return dataclasses.replace(
        tariff,
        models=track.models,
        prices=(*tariff.prices, half),
        prior_output_tokens=(*tariff.prior_output_tokens, tariff.prior_output_tokens[cheapest]),
    )


def _cheapest(track: Track, count: int) -> int:
    """The cheapest of the first models of a track; where nothing costs, the first."""
    costs = track.cost_nano_usd[:, :count].mean(0)
    return 0 if np.isnan(costs).any() else int(costs.argmin())
