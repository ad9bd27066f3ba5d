"""Outcome tables and choices made of plain matrices, so that a test can say what it expects by reasoning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from atp_grpc.replay.choices import ChoiceLine
from atp_grpc.replay.grading import OutcomeTable
from atp_grpc.replay.grading.setting import CALLS, Setting
from atp_grpc.replay.outcomes import ModelOutcome, OutcomeRow
from atp_grpc.replay.pool import Pool, pool_of

Matrix = npt.NDArray[np.float64]
Picks = npt.NDArray[np.int64]


def pool(quality: npt.ArrayLike, nano_usd: npt.ArrayLike | None) -> Pool:
    """Rows p0, p1, ... and models a, b, ...; costs are nano-US-dollars for one request, or unknown."""
    qualities = np.asarray(quality, float)
    costs = None if nano_usd is None else np.broadcast_to(np.asarray(nano_usd), qualities.shape)
    return pool_of(
        [
            OutcomeRow(
                f"p{at}",
                "made",
                "any",
                f"prompt {at}",
                {
                    chr(ord("a") + column): ModelOutcome(value, None if costs is None else int(costs[at, column]))
                    for column, value in enumerate(row)
                },
            )
            for at, row in enumerate(qualities.tolist())
        ]
    )


def table(quality: npt.ArrayLike, nano_usd: npt.ArrayLike | None, name: str = "made") -> OutcomeTable:
    return OutcomeTable.of(name, pool(quality, nano_usd))


def lines(
    table: OutcomeTable,
    setting: str,
    picks: npt.ArrayLike,
    *,
    seed: int = 0,
    order: Sequence[int] | None = None,
    halves: bool = False,
    propensity: float = 1.0,
) -> Iterator[ChoiceLine]:
    """One run: `picks[row]` is the column chosen for a row; rows come in `order`, every other one of each half."""
    prompts, models = list(table.prompts), list(table.models)
    columns = np.broadcast_to(np.asarray(picks), len(prompts)).tolist()
    for at, row in enumerate(range(len(prompts)) if order is None else order):
        dataset = f"{table.name}.{at % 2 + 1}" if halves else table.name
        yield ChoiceLine(dataset, setting, seed, prompts[row], models[columns[row]], propensity)


def sweep(table: OutcomeTable, picks: Mapping[str, npt.ArrayLike]) -> list[ChoiceLine]:
    """One run of seed 0 for each setting."""
    return [line for setting, columns in picks.items() for line in lines(table, setting, columns)]


def noisy_sweep(
    table: OutcomeTable, settings: Sequence[str], seeds: Sequence[int], *, halves: bool
) -> list[ChoiceLine]:
    """A policy that sees outcomes through noise of its own in every run: its figures are far from round."""
    made: list[ChoiceLine] = []
    for at, setting in enumerate(settings):
        for seed in seeds:
            chance = np.random.default_rng([at, seed])
            scores = table.quality + chance.normal(0, 0.5, table.quality.shape)
            parsed = Setting.named(setting)
            if parsed.is_calls:
                scores -= float(setting.removeprefix(CALLS)) * (np.arange(len(table.models)) == table.best)
            elif parsed.weight is not None and table.frontier is not None:
                scores -= parsed.weight * table.frontier.cost / table.frontier.c_hi
            order = chance.permutation(len(table.prompts)).tolist()
            made += lines(table, setting, scores.argmax(1), seed=seed, order=order, halves=halves)
    return made
