"""What one setting's runs came to: means over the stream by seed, how they moved along it, and how a ceiling held.

`score` makes one of each setting's runs; metrics, tables and pictures read it. It compares settings with nothing but
the file they were run on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from atp_grpc.replay.grading.frontier import Frontier
from atp_grpc.replay.grading.hull import Floats
from atp_grpc.replay.grading.keeping import FloorStanding, LatencyStanding, keep_floor, keep_latency
from atp_grpc.replay.grading.runs import Integers, Run
from atp_grpc.replay.grading.setting import Setting
from atp_grpc.replay.grading.table import OutcomeTable

BURN_IN: Final = 200
"""Requests of a pass before its running spend is looked at."""

STATIONS: Final = 250
"""Moments of a stream at which a learning curve is kept."""


@dataclass(frozen=True, slots=True, eq=False)
class CeilingStanding:
    """How a ceiling of B held: costs as parts of B, and what was to be had for exactly B.

    `spend` is the mean cost over stream and seeds, `spend_worst` the worst seed's, `run_max` the largest running mean
    of a pass after its first 200 requests, averaged over seeds. `zero` and `oracle` are those hulls' qualities at B.
    """

    spend: float
    spend_worst: float
    run_max: float
    zero: float
    oracle: float


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """How far a setting was ahead along the stream: `lead[seed, station]` after `requests[station]` of a pass.

    The lead is the running mean of the utility q - λ c / c_hi less that of the one model that would have been best for
    this λ over the whole file, on the same requests. A setting without a cost weight counts quality alone; a run of two
    passes counts as the mean of both.
    """

    requests: Integers
    lead: Floats


@dataclass(frozen=True, slots=True, eq=False)
class SettingStanding:
    """Means over the stream, one figure a seed: quality 0..1, US dollars per 1,000 requests, calls of the best model.

    `gain` is how far the seeds' mean lies above the hull of single models at its cost (below: negative).
    """

    setting: Setting
    quality: Floats
    usd_per_1k: Floats | None
    best_share: Floats
    gain: float | None
    ceiling: CeilingStanding | None
    floor: FloorStanding | None
    latency: LatencyStanding | None
    trail: Trail

    @property
    def mean_quality(self) -> float:
        """Mean over seeds."""
        return float(self.quality.mean())

    @property
    def mean_usd_per_1k(self) -> float | None:
        """Mean over seeds."""
        return None if self.usd_per_1k is None else float(self.usd_per_1k.mean())


def stand(table: OutcomeTable, setting: Setting, runs: Sequence[Run]) -> SettingStanding:
    """Looks up what the runs of one setting chose, one run a seed."""
    frontier = table.frontier
    quality = [table.quality[run.rows, run.models] for run in runs]
    cost = None if frontier is None else [frontier.cost[run.rows, run.models] for run in runs]
    mean_quality = np.array([values.mean() for values in quality])
    mean_cost = None if cost is None else np.array([values.mean() for values in cost])
    return SettingStanding(
        setting=setting,
        quality=mean_quality,
        usd_per_1k=mean_cost,
        best_share=np.array([(run.models == table.best).mean() for run in runs]),
        gain=_gain(frontier, mean_quality, mean_cost),
        ceiling=_hold(frontier, setting.ceiling, runs, cost),
        floor=keep_floor(table, setting, runs),
        latency=keep_latency(table, setting, runs),
        trail=_trail(table, setting, runs),
    )


def costs_by_seed(standings: Sequence[SettingStanding]) -> Floats:
    """US dollars per 1,000 requests, `[setting, seed]`, of settings on a file that has costs."""
    return np.array([standing.usd_per_1k for standing in standings], float)


def _gain(frontier: Frontier | None, quality: Floats, cost: Floats | None) -> float | None:
    if frontier is None or cost is None:
        return None
    return float(quality.mean() - frontier.zero.quality_at(cost.mean()))


def _hold(
    frontier: Frontier | None, ceiling: float | None, runs: Sequence[Run], cost: Sequence[Floats] | None
) -> CeilingStanding | None:
    if frontier is None or ceiling is None or cost is None:
        return None
    means = np.array([values.mean() for values in cost])
    peaks = [
        max(_running_mean(part)[BURN_IN:].max(initial=0.0) for part in run.split(values))
        for run, values in zip(runs, cost, strict=True)
    ]
    return CeilingStanding(
        spend=float(means.mean()) / ceiling,
        spend_worst=float(means.max()) / ceiling,
        run_max=float(np.mean(peaks)) / ceiling,
        zero=float(frontier.zero.quality_at(ceiling)),
        oracle=float(frontier.oracle.quality_at(ceiling)),
    )


def _trail(table: OutcomeTable, setting: Setting, runs: Sequence[Run]) -> Trail:
    utility = table.quality
    if table.frontier is not None and setting.weight and table.frontier.c_hi > 0:
        utility = utility - setting.weight / table.frontier.c_hi * table.frontier.cost
    ahead = utility - utility[:, [int(utility.mean(0).argmax())]]
    length = min(len(part) for run in runs for part in run.split(run.rows))
    requests = np.unique(np.linspace(1, length, STATIONS).round().astype(np.int64))
    passes = [run.split(ahead[run.rows, run.models]) for run in runs]
    return Trail(
        requests, np.array([np.mean([_running_mean(part)[requests - 1] for part in run], 0) for run in passes])
    )


def _running_mean(values: Floats) -> Floats:
    return np.cumsum(values) / np.arange(1, len(values) + 1)
