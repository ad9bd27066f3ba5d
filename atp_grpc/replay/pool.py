"""The models that a replay chooses among, and the rows that have every one of them.

The demo and the tests enter here with the rows they read. A row that lacks a model is left out, never filled in; the
environment is not read here, the caller says what it names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from atp_grpc.replay.outcomes import OutcomeRow

NEIGHBOUR: Final = Path("shared/data/routing")
"""Where public outcome data is looked for beside the checkout."""


class PoolError(ValueError):
    """Models and rows that do not go together, or a data folder that is not there."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Models by name, and rows that have an outcome of each of them (and possibly of others)."""

    models: tuple[str, ...]
    rows: tuple[OutcomeRow, ...]


def common_models(rows: Sequence[OutcomeRow]) -> tuple[str, ...]:
    """The models that every row has, by name."""
    if not rows:
        return ()
    return tuple(sorted(set.intersection(*(set(row.outcomes) for row in rows))))


def pool_of(rows: Sequence[OutcomeRow], models: Sequence[str] | None = None) -> Pool:
    """Restricts rows to a pool; without names, to the models that all rows share.

    Raises:
        PoolError: fewer than two models, a model twice, a model that no row has, or no row with all of them.
    """
    names = common_models(rows) if models is None else tuple(sorted(models))
    if len(set(names)) != len(names):
        raise PoolError("a model is named twice in the pool")
    if len(names) < 2:  # noqa: PLR2004 - with one model there is nothing to choose
        raise PoolError("a pool needs at least two models that the rows have in common")
    for name in names:
        if all(name not in row.outcomes for row in rows):
            raise PoolError(f"no row has the model {name!r}")
    kept = tuple(row for row in rows if all(name in row.outcomes for name in names))
    if not kept:
        raise PoolError("no row has every model of the pool")
    return Pool(names, kept)


def find_data(named: str | None, checkout: Path) -> Path | None:
    """The folder of outcome files: the one named (by `ATP_DATA`), else the neighbour of the checkout, else None.

    Raises:
        PoolError: a folder is named and is not there; a wrong name is never answered with other data.
    """
    if named:
        folder = Path(named)
        if not folder.is_dir():
            raise PoolError(f"ATP_DATA names {named}, which is not a folder")
        return folder
    neighbour = checkout.parent / NEIGHBOUR
    return neighbour if neighbour.is_dir() else None
