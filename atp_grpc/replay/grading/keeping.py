"""How floors of quality and objectives of latency were kept, on the passes of one setting.

`standing` enters here. Whether a floor could have been kept by anybody is not asked; what a window is compared with is
known only in hindsight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from atp_grpc.replay.grading.hull import Floats
from atp_grpc.replay.grading.runs import Run
from atp_grpc.replay.grading.setting import Setting
from atp_grpc.replay.grading.table import OutcomeTable

WINDOW: Final = 200
"""Requests over which a mean quality is taken."""

FIRST: Final = 300
"""Requests of a pass before the first window that counts."""


@dataclass(frozen=True, slots=True)
class FloorStanding:
    """How a floor held over windows of 200 requests, after the first 300 of each pass.

    `kept` is the share of the windows whose mean quality reaches the floor, `worst` the least mean as a part of the
    floor; of a floor that is a share of the best model's quality, that of the best single model on the same window.
    Both are nan when no pass is long enough. Windows begin at every request.
    """

    kept: float
    worst: float
    windows: int


@dataclass(frozen=True, slots=True)
class LatencyStanding:
    """Of the calls whose latency is recorded: which share took no longer than asked, and the 95th percentile."""

    kept: float
    p95_seconds: float


def keep_floor(table: OutcomeTable, setting: Setting, runs: Sequence[Run]) -> FloorStanding | None:
    """Looks at every window of every pass; None for a setting without a floor."""
    if setting.floor is None and setting.floor_of_best is None:
        return None
    parts: list[Floats] = []
    for run in runs:
        for rows, models in zip(run.split(run.rows), run.split(run.models), strict=True):
            reached = _window_means(table.quality[rows, models])
            if setting.floor is not None:
                parts.append(reached / setting.floor)
            elif setting.floor_of_best is not None:
                asked = setting.floor_of_best * _window_means(table.quality[rows, table.best])
                parts.append(np.divide(reached, asked, out=np.ones_like(reached), where=asked > 0))
    found = np.concatenate(parts)
    if not len(found):
        return FloorStanding(float("nan"), float("nan"), 0)
    # Means of the same numbers in another order may differ in the last digit.
    return FloorStanding(float((found >= 1 - 1e-9).mean()), float(found.min()), len(found))


def keep_latency(table: OutcomeTable, setting: Setting, runs: Sequence[Run]) -> LatencyStanding | None:
    """Looks at every call; None for a setting without an objective of latency, or where no latency is recorded."""
    if setting.slo_seconds is None:
        return None
    seconds = np.concatenate([table.latency_seconds[run.rows, run.models] for run in runs])
    known = seconds[~np.isnan(seconds)]
    if not len(known):
        return None
    return LatencyStanding(float((known <= setting.slo_seconds).mean()), float(np.quantile(known, 0.95)))


def _window_means(quality: Floats) -> Floats:
    sums = np.concatenate([[0.0], np.cumsum(quality)])
    means: Floats = (sums[FIRST + WINDOW :] - sums[FIRST:-WINDOW]) / WINDOW
    return means
