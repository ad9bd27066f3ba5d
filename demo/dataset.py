"""Which outcomes the demo runs on: recorded ones when they are there, else the simulated world, always said aloud.

`__main__` enters here once. It never mixes the two, and a folder that was asked for by name is never replaced by
anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from atp_grpc.catalog.loader import DEMONSTRATION, Catalogue, read_catalogue
from atp_grpc.domain.money import TokenPrices
from atp_grpc.replay.listprices import ListPriceError, read_list_prices
from atp_grpc.replay.outcomes import OutcomeFileFault, read_outcomes
from atp_grpc.replay.pool import NEIGHBOUR, Pool, PoolError, find_data, pool_of
from atp_grpc.replay.world.simulation import simulate
from demo.catalogue import catalogue_text
from demo.failure import DemoFailure

RECORDED: Final = ("paretobandit_val", "paretobandit_extra")
"""The outcome files of the demo; their common models are the pool."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Prompts with every model's outcome, and the catalogue that the server is given for the models."""

    name: str
    description: str
    is_simulated: bool
    pool: Pool
    catalogue: str


def choose_dataset(
    *, named: str | None, checkout: Path, required: bool, simulated: bool, prompts: int | None
) -> Dataset:
    """Picks the outcomes and cuts them to the first `prompts`.

    Args:
        named: the folder that `ATP_DATA` names, if it does.
        checkout: the project's own folder.
        required: whether missing data is a failure.
        simulated: whether the simulated world is wanted even where data is.
        prompts: how many to use; None is all of them.

    Raises:
        DemoFailure: the data is unusable, or required and absent.
    """
    try:
        if simulated:
            return _simulated(prompts)
        folder = find_data(named, checkout)
        files = [] if folder is None else [folder / f"{name}.jsonl.gz" for name in RECORDED]
        if folder is not None and (named or required or all(file.is_file() for file in files)):
            return _recorded(folder, files, prompts)
        if required:
            raise DemoFailure(
                f"ATP_REQUIRE_DATA is set and there is no outcome data, neither in ATP_DATA nor in ../{NEIGHBOUR}"
            )
        return _simulated(prompts)
    except (OutcomeFileFault, ListPriceError, PoolError) as fault:
        raise DemoFailure(f"the outcome data cannot be used: {fault}") from None


def _recorded(folder: Path, files: list[Path], prompts: int | None) -> Dataset:
    pool = pool_of(read_outcomes(files))
    prices: dict[str, TokenPrices] = {}
    for source in RECORDED:
        prices |= read_list_prices(folder / "models.json", source, pool.models)
    rows = pool.rows[:prompts]
    return Dataset(
        name=" + ".join(RECORDED),
        description=f"{len(rows):,} real prompts with recorded outcomes of {len(pool.models)} models",
        is_simulated=False,
        pool=Pool(pool.models, rows),
        catalogue=catalogue_text(prices),
    )


def _simulated(prompts: int | None) -> Dataset:
    prices = _cheapest_prices(read_catalogue(DEMONSTRATION))
    pool = pool_of(simulate(prices) if prompts is None else simulate(prices, prompts=prompts))
    return Dataset(
        name="simulated world",
        description=f"{len(pool.rows):,} SIMULATED prompts and outcomes of {len(pool.models)} invented models",
        is_simulated=True,
        pool=pool,
        catalogue=DEMONSTRATION.read_text(encoding="utf-8"),
    )


def _cheapest_prices(catalogue: Catalogue) -> dict[str, TokenPrices]:
    """What each model costs where it is cheapest, which is where the server sends a request."""
    prices: dict[str, TokenPrices] = {}
    for deployment in catalogue.deployments:
        offered = deployment.price_history[-1].prices
        known = prices.setdefault(deployment.model, offered)
        prices[deployment.model] = min(known, offered, key=lambda one: one.input + one.output)
    return prices
