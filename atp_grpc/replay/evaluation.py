"""Everything that is measured of a file: which runs there are, and what is told of each.

`atp eval` enters here, file by file. A file is replayed cold, warm by rows and, where it has categories, warm by
category; under ceilings where calls cost something; under floors; and through each change in the middle. Nothing is
chosen by what a file's outcomes look like, except which figures it can have at all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from atp_grpc.replay.aim import Aim
from atp_grpc.replay.drift import NEWCOMER, Drift
from atp_grpc.replay.grading import Score, score
from atp_grpc.replay.order import Halving
from atp_grpc.replay.preparing import Prepared
from atp_grpc.replay.recovery import Recovery, recovery_of
from atp_grpc.replay.run import Served
from atp_grpc.replay.sweep import Setting, limits_of

CEILINGS: Final = (0.25, 0.4, 0.55, 0.7, 0.9)
"""Where ceilings lie on the way from the cheapest model's cost to the best one's, by logarithms."""
FLOORS_OF_BEST: Final = (0.95, 0.98)
"""Floors, as parts of the best model's quality."""
SWEEP: Final = "sweep"
CEILING: Final = "ceilings"
FLOOR: Final = "floors"
METRICS: Final = (
    "share_lin",
    "share_lin_sd",
    "share_log",
    "share_log_sd",
    "cost98",
    "cost95",
    "q0",
    "q0_sd",
    "apgr",
    "apgr_sd",
    "cpt50",
    "cpt80",
)


@dataclass(frozen=True, slots=True)
class Part:
    """One run of the evaluation of a file: what it measures, and what is known before."""

    kind: str
    start: str
    prepared: Prepared


@dataclass(frozen=True, slots=True)
class Measured:
    """What a part came to: a score, or how a change was taken; and what a row of its priors counted."""

    part: Part
    score: Score | None
    recovery: Recovery | None
    weights: tuple[float, ...]


def parts_of(swept: Prepared, limit_weight: float) -> Iterator[Part]:
    """Every run of a file, from the one that sweeps it cold. `limit_weight` is the cost weight beside a limit."""
    table, run = swept.table, swept.run
    starts: dict[str, Halving | None] = {"cold": None, "warm": Halving.ROWS}
    if len(set(run.track.categories)) > 1:
        starts["warm, other categories"] = Halving.CATEGORY
    for start, halving in starts.items():
        yield Part(SWEEP, start, _with(swept, run.settings, halving))
    plain = run.settings[0]
    if table.frontier is not None and 0 < table.frontier.c_min < table.frontier.c_hi:
        low, way = table.frontier.c_min, table.frontier.c_hi / table.frontier.c_min
        # In few digits, because a score reads a ceiling by its name.
        ceilings = [Aim(ceiling_usd_per_1k=float(f"{low * way**part:.2g}")) for part in CEILINGS]
        for start in ("cold", "warm"):
            yield Part(CEILING, start, _with(swept, limits_of(ceilings, plain.tariff), starts[start]))
    floors = [Aim(limit_weight, quality_floor_of_best=part) for part in FLOORS_OF_BEST]
    yield Part(FLOOR, "cold", _with(swept, limits_of(floors, plain.tariff), None))
    weighed = (Setting(f"{limit_weight:.6g}", Aim(limit_weight), plain.tariff),)
    for drift in Drift:
        if (drift is Drift.PRICE and not table.c_hi) or NEWCOMER in table.models:
            continue
        changing = dataclasses.replace(run, settings=weighed, drift=drift)
        yield Part(f"{drift}", "cold", Prepared(changing, table))


def measured(part: Part, served: Served) -> Measured:
    """Judges what a part's run chose."""
    weights = tuple(weight.row_weight for weight in served.weights)
    if part.prepared.run.drift is not None:
        return Measured(part, None, recovery_of(served), weights)
    return Measured(part, score(part.prepared.table, served), None, weights)


def figures_of(found: Measured) -> dict[str, object]:
    """A part's figures as plain values."""
    figures: dict[str, object] = {"measures": found.part.kind, "start": found.part.start}
    if found.weights:
        figures["prior_weights"] = list(found.weights)
    if found.recovery is not None:
        return figures | found.recovery.as_json()
    if found.score is not None:
        figures |= found.score.as_json()
    return figures


def metrics_of(found: Measured) -> Mapping[str, float]:
    """The figures of a whole sweep, in their usual order; none for other parts."""
    if found.score is None or found.part.kind != SWEEP:
        return {}
    return {name: found.score.metrics[name] for name in METRICS if name in found.score.metrics}


def _with(swept: Prepared, settings: Sequence[Setting], halving: Halving | None) -> Prepared:
    return Prepared(dataclasses.replace(swept.run, settings=tuple(settings), halving=halving), swept.table)
