"""From what was asked for to runs: reads every file, settles pools and prices, and refuses before anything is served.

The command enters here once. Whatever is wrong with files, pools, priors or their combination is found here, so that a
run that has begun can go through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from atp_grpc.catalog.loader import DEMONSTRATION, read_catalogue
from atp_grpc.config import Settings
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.policy import TEXT_SCHEMAS
from atp_grpc.replay.aim import Aim
from atp_grpc.replay.drift import NEWCOMER, Drift
from atp_grpc.replay.grading import OutcomeTable
from atp_grpc.replay.listprices import find_list_prices, read_pool
from atp_grpc.replay.order import Halving, halves_of
from atp_grpc.replay.outcomes import OutcomeRow, read_outcomes
from atp_grpc.replay.pool import Pool, PoolError, pool_of
from atp_grpc.replay.pricing import for_free
from atp_grpc.replay.rooms import features_of
from atp_grpc.replay.run import Run
from atp_grpc.replay.sweep import settings_of
from atp_grpc.replay.track import Track, track_of
from atp_grpc.replay.world.simulation import SIMULATED, simulate

PRICE_LIST: Final = "models.json"
"""Looked for beside an outcome file."""


class ReplayRefusedError(ValueError):
    """What was asked for cannot be done; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. Paths of outcome files, or how many prompts of the simulated world.

    `pool` is the name of a pool in the price list, or models with commas between; None takes the models that the rows
    of a file share. `cost_weight` None asks for the sweep, and each of `limits` is a setting of its own.
    `prior_weight` None is found on the prior. `limit` keeps the first rows of each file.
    """

    files: Sequence[Path]
    simulated: int | None
    prior: Sequence[Path]
    prior_weight: float | None
    pool: str | None
    price_list: Path | None
    cost_weight: float | None
    seeds: int
    halving: Halving | None
    limit: int | None
    limits: Sequence[Aim] = ()
    drift: Drift | None = None


@dataclass(frozen=True, slots=True)
class _Source:
    """Rows under the name that choices call them by, and where their list prices are."""

    name: str
    rows: Sequence[OutcomeRow]
    price_list: Path | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run, and the table that its choices are scored on."""

    run: Run
    table: OutcomeTable


def prepare(wanted: Wanted, settings: Settings) -> list[Prepared]:
    """Everything that is asked for, ready to be served.

    Raises:
        OutcomeFileFault, ListPriceError, PoolError: a file cannot be used, or its rows do not make the pool.
        CatalogueFault: a model's name cannot stand in a catalogue.
        EngineMissingError, EngineSelfTestError, DamagedTextTableError: the engine that the settings ask for cannot be
            had.
        ReplayRefusedError: anything else that does not go together.
    """
    check_schema(settings)
    sources = _sources(wanted)
    taught = read_outcomes(wanted.prior) if wanted.prior else ()
    pools = _pools(sources, wanted)
    return [_prepared(source, pool, taught, wanted, settings) for source, pool in zip(sources, pools, strict=True)]


def check_schema(settings: Settings) -> None:
    """Raises ReplayRefusedError unless features are computed from text, which is all that outcome files have."""
    if settings.policy.feature_schema not in TEXT_SCHEMAS:
        raise ReplayRefusedError(f"a replay reads text: policy.feature_schema must be {' or '.join(TEXT_SCHEMAS)}")


def _prepared(
    source: _Source, whole: Pool, taught: Sequence[OutcomeRow], wanted: Wanted, settings: Settings
) -> Prepared:
    pool = Pool(whole.models, whole.rows[: wanted.limit])
    if wanted.halving is not None:
        _check_halves(source, pool, wanted.halving)
    table = OutcomeTable.of(source.name, pool)
    _check_limits(source, table, wanted)
    track = track_in(pool.models, pool.rows, settings)
    listed = _list_prices(source, pool.models)
    run = Run(
        name=source.name,
        pool=pool,
        track=track,
        settings=settings_of(table, track, listed, wanted.cost_weight, wanted.limits),
        seeds=wanted.seeds,
        base=settings,
        prior=_prior(source, pool, taught, settings) if taught else None,
        halving=wanted.halving,
        prior_weight=wanted.prior_weight,
        drift=wanted.drift,
    )
    return Prepared(run, table)


def _sources(wanted: Wanted) -> list[_Source]:
    if wanted.simulated is not None:
        return [_Source(SIMULATED, simulate(_demonstration_prices(), prompts=wanted.simulated), None)]
    sources = [_Source(name_of(path), read_outcomes([path]), _price_list(path, wanted)) for path in wanted.files]
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise ReplayRefusedError(f"two files are called {name!r}, and choices could not be told apart")
    return sources


def name_of(path: Path) -> str:
    """What choices call an outcome file: its name without `.jsonl.gz`."""
    return path.name.removesuffix(".gz").removesuffix(".jsonl")


def _price_list(path: Path, wanted: Wanted) -> Path | None:
    neighbour = path.parent / PRICE_LIST
    return wanted.price_list or (neighbour if neighbour.is_file() else None)


def _list_prices(source: _Source, models: Sequence[str]) -> Mapping[str, TokenPrices]:
    if source.name == SIMULATED and source.price_list is None:
        return _demonstration_prices()
    return find_list_prices(source.price_list, source.name, models) if source.price_list else {}


def _demonstration_prices() -> dict[str, TokenPrices]:
    """What each invented model costs where it is cheapest."""
    prices: dict[str, TokenPrices] = {}
    for deployment in read_catalogue(DEMONSTRATION).deployments:
        offered = deployment.price_history[-1].prices
        known = prices.setdefault(deployment.model, offered)
        prices[deployment.model] = min(known, offered, key=lambda one: one.input + one.output)
    return prices


def _pools(sources: Sequence[_Source], wanted: Wanted) -> list[Pool]:
    """The pool of each file; a file that has none of the models asked for keeps its own, if another file has them."""
    if wanted.pool is None:
        return [_pool(source, None) for source in sources]
    models = _pool_models(sources, wanted.pool)
    has_some = [any(model in row.outcomes for row in source.rows for model in models) for source in sources]
    if not any(has_some):
        raise ReplayRefusedError(f"no file has a model of the pool {wanted.pool!r}")
    return [_pool(source, models if has else None) for source, has in zip(sources, has_some, strict=True)]


def _pool(source: _Source, models: Sequence[str] | None) -> Pool:
    try:
        return pool_of(source.rows, models)
    except PoolError as error:
        raise PoolError(f"{source.name}: {error}") from None


def _pool_models(sources: Sequence[_Source], pool: str) -> tuple[str, ...]:
    if "," in pool:
        return tuple(pool.split(","))
    lists = [source.price_list for source in sources if source.price_list is not None]
    if not lists:
        raise ReplayRefusedError(
            f"{pool!r} must be the name of a pool, and there is no {PRICE_LIST} that knows pools; "
            "name one with --models, or the models with commas between"
        )
    return read_pool(lists[0], pool)


def _check_limits(source: _Source, table: OutcomeTable, wanted: Wanted) -> None:
    """A limit on what no row tells could neither be kept nor judged."""
    if any(limit.ceiling_usd_per_1k is not None for limit in wanted.limits) and not table.c_hi:
        raise ReplayRefusedError(f"{source.name}: its outcomes have no costs, so there is no ceiling to keep")
    has_latency = not np.isnan(table.latency_seconds).all()
    if any(limit.latency_slo_seconds is not None for limit in wanted.limits) and not has_latency:
        raise ReplayRefusedError(f"{source.name}: its outcomes have no latencies, so there is no objective to keep")
    if wanted.drift is Drift.PRICE and not table.c_hi:
        raise ReplayRefusedError(f"{source.name}: its outcomes have no costs, so no price can change")
    if wanted.drift is not None and NEWCOMER in table.models:
        raise ReplayRefusedError(f"{source.name}: a model is called {NEWCOMER!r}, as the one that would come")


def _check_halves(source: _Source, pool: Pool, halving: Halving) -> None:
    try:
        halves_of([row.category for row in pool.rows], 0, halving)
    except ValueError as error:
        raise ReplayRefusedError(f"{source.name}: {error}") from None


def _prior(source: _Source, pool: Pool, taught: Sequence[OutcomeRow], settings: Settings) -> Track:
    served = {row.prompt_id for row in pool.rows}
    for row in taught:
        if row.prompt_id in served:
            raise ReplayRefusedError(
                f"{source.name}: the prompt {row.prompt_id!r} is served and stands in the prior as well"
            )
    try:
        return track_in(pool.models, taught, settings)
    except PoolError as error:
        raise PoolError(f"{source.name}: the prior is of another pool: {error}") from None


def track_in(models: Sequence[str], rows: Sequence[OutcomeRow], settings: Settings) -> Track:
    """The track of rows with features as the engine of the settings sees them; raises what `prepare` raises."""
    features = features_of(settings, for_free(tuple(models)), [row.prompt for row in rows])
    return track_of(models, rows, features)
