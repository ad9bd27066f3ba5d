"""From outcome files to what a prior for a server is made of: every outcome there is, at list prices, of nobody's.

`atp prior build` enters here. A row that lacks a model teaches of the others; nothing is served and nothing is filled
in.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from atp_grpc.config import Settings
from atp_grpc.domain.money import TokenPrices
from atp_grpc.replay.listprices import find_list_prices, read_pool
from atp_grpc.replay.outcomes import OutcomeRow, read_outcomes
from atp_grpc.replay.preparing import PRICE_LIST, ReplayRefusedError, check_schema, name_of, track_in
from atp_grpc.replay.pricing import by_the_list, for_free
from atp_grpc.replay.teaching import Teaching
from atp_grpc.replay.track import Track

ALIKE = 1.05
"""Where the best model costs no more than so many times the cheapest, the dearest is the scale."""


def teaching_of(files: Sequence[Path], pool: str | None, price_list: Path | None, settings: Settings) -> Teaching:
    """Every row of the files, with the models of a pool (its name, or models with commas between), or with all models.

    Raises:
        OutcomeFileFault, ListPriceError, PoolError: a file cannot be used, or has none of the pool's models.
        CatalogueFault: a model's name cannot stand in a catalogue.
        EngineMissingError, EngineSelfTestError, DamagedTextTableError: the engine that the settings ask for cannot be
            had.
        ReplayRefusedError: the policy does not read text, or the pool's name cannot be looked up.
    """
    check_schema(settings)
    rows, lists = read_outcomes(files), {path: _price_list(path, price_list) for path in files}
    models = _models(rows, pool, [path for path in lists.values() if path is not None])
    track = track_in(models, [row for row in rows if row.outcomes.keys() & set(models)], settings)
    listed: dict[str, TokenPrices] = {}
    for path, prices in lists.items():
        if prices is not None:
            listed |= find_list_prices(prices, name_of(path), models)
    scale = _cost_scale(track)
    tariff = by_the_list(track, listed, scale) if scale else for_free(track.models)
    return Teaching(track, range(len(track)), tariff, settings, tenant=None)


def _price_list(path: Path, named: Path | None) -> Path | None:
    neighbour = path.parent / PRICE_LIST
    return named or (neighbour if neighbour.is_file() else None)


def _models(rows: Sequence[OutcomeRow], pool: str | None, lists: Sequence[Path]) -> tuple[str, ...]:
    if pool is None:
        return tuple(sorted({model for row in rows for model in row.outcomes}))
    if "," in pool:
        return tuple(sorted(set(pool.split(","))))
    if not lists:
        raise ReplayRefusedError(f"{pool!r} is no list of models, and there is no {PRICE_LIST} that knows pools")
    return tuple(sorted(read_pool(lists[0], pool)))


def _cost_scale(track: Track) -> float | None:
    """Mean cost of the best model in nano-US-dollars, or of the dearest; None where nothing costs."""
    known = ~np.isnan(track.cost_nano_usd)
    priced = known.any(0)
    if not priced.any():
        return None
    cost = np.nansum(track.cost_nano_usd, 0) / np.maximum(known.sum(0), 1)
    quality = np.where(priced, np.nansum(track.quality, 0) / np.maximum((~np.isnan(track.quality)).sum(0), 1), -1.0)
    best, cheapest = float(cost[int(quality.argmax())]), float(cost[priced].min())
    return (best if best > ALIKE * cheapest else float(cost.max())) or None
