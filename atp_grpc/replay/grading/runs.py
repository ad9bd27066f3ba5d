"""Choices put in order: for each setting and seed, which model answered which prompt, in the order of the stream.

`score` enters here first. A set of choices is taken whole or refused with the first thing that does not fit; nothing
here looks at what the choices were worth.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from atp_grpc.replay.choices import ChoiceLine
from atp_grpc.replay.grading.hull import Floats
from atp_grpc.replay.grading.misfit import Misfit, MisfitKind
from atp_grpc.replay.grading.table import OutcomeTable

Integers = npt.NDArray[np.int64]
Runs = Mapping[str, Mapping[int, "Run"]]
"""By setting and seed; every setting has the same seeds, in rising order."""

ROUNDING = 1e-9
_Number = TypeVar("_Number", np.float64, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One pass over the file with one setting and seed, or the passes over its two halves.

    `parts` is 0 for the whole file, 1 and 2 for its halves; the other arrays are rows and columns of the table.
    """

    rows: Integers
    models: Integers
    parts: Integers
    propensities: Floats

    def split(self, values: npt.NDArray[_Number]) -> list[npt.NDArray[_Number]]:
        """The values of each pass, in the order of its stream."""
        return [values[self.parts == part] for part in np.unique(self.parts)]


@dataclass(slots=True)
class _Gathering:
    """A run while its lines come in; arrays of machine numbers, because there are millions of lines."""

    rows: array[int] = field(default_factory=lambda: array("q"))
    models: array[int] = field(default_factory=lambda: array("q"))
    parts: array[int] = field(default_factory=lambda: array("q"))
    propensities: array[float] = field(default_factory=lambda: array("d"))

    def done(self) -> Run:
        return Run(
            np.frombuffer(self.rows, np.int64),
            np.frombuffer(self.models, np.int64),
            np.frombuffer(self.parts, np.int64),
            np.frombuffer(self.propensities, np.float64),
        )


def arrange(table: OutcomeTable, choices: Iterable[ChoiceLine]) -> Runs:
    """Sorts choices into runs. Lines for `NAME.1` and `NAME.2` are passes over halves of `NAME` and are joined.

    Raises:
        Misfit: the choices do not hold every prompt exactly once for every setting and seed, or name what is not there.
    """
    parts = _parts_of(table)
    gathered: dict[str, dict[int, _Gathering]] = {}
    for number, line in enumerate(choices, start=1):
        dataset, setting, seed, prompt_id, model, propensity = line
        part, row, column = parts.get(dataset), table.prompts.get(prompt_id), table.models.get(model)
        if part is None or row is None or column is None or not 0 < propensity <= 1 + ROUNDING:
            raise _stranger(table, number, line)
        seeds = gathered.get(setting)
        if seeds is None:
            seeds = gathered[setting] = {}
        run = seeds.get(seed)
        if run is None:
            run = seeds[seed] = _Gathering()
        run.rows.append(row)
        run.models.append(column)
        run.parts.append(part)
        run.propensities.append(propensity)
    if not gathered:
        raise Misfit(MisfitKind.NO_CHOICES, table.name, "there are no choices to grade")
    first = min(gathered)
    for setting, seeds in gathered.items():
        if seeds.keys() != gathered[first].keys():
            complaint = (
                f"setting {setting} has the seeds {sorted(seeds)}, setting {first} has {sorted(gathered[first])}"
            )
            raise Misfit(MisfitKind.SEEDS_DIFFER, table.name, complaint)
    return {
        setting: {seed: _whole(table, setting, seed, seeds[seed]) for seed in sorted(seeds)}
        for setting, seeds in gathered.items()
    }


def _parts_of(table: OutcomeTable) -> dict[str, int]:
    return {table.name: 0, f"{table.name}.1": 1, f"{table.name}.2": 2}


def _stranger(table: OutcomeTable, number: int, line: ChoiceLine) -> Misfit:
    """The complaint about one line that names what the table does not have, or a probability that is none."""
    text = json.dumps(line._asdict())[:200]
    if line.dataset not in _parts_of(table):
        return Misfit(MisfitKind.OTHER_DATASET, table.name, f"choice {number} is of another file: {text}")
    if line.prompt_id not in table.prompts:
        return Misfit(MisfitKind.UNKNOWN_PROMPT, table.name, f"choice {number} names an unknown prompt: {text}")
    if line.model not in table.models:
        return Misfit(MisfitKind.UNKNOWN_MODEL, table.name, f"choice {number} names an unknown model: {text}")
    return Misfit(MisfitKind.BAD_PROPENSITY, table.name, f"choice {number} has a propensity outside 0..1: {text}")


def _whole(table: OutcomeTable, setting: str, seed: int, gathering: _Gathering) -> Run:
    """The run, if it holds every prompt exactly once."""
    run = gathering.done()
    times = np.bincount(run.rows, minlength=len(table.prompts))
    for kind, wrong, word in (
        (MisfitKind.REPEATED_PROMPT, times > 1, "more than once"),
        (MisfitKind.MISSING_PROMPT, times == 0, "not at all"),
    ):
        if wrong.any():
            place = f"setting {setting}, seed {seed}"
            example = list(table.prompts)[int(wrong.argmax())]
            complaint = f"{place}: {int(wrong.sum())} of {len(times)} prompts occur {word}, {example!r} for one"
            raise Misfit(kind, table.name, complaint)
    return run
