"""Savings statements on outcome files: how often intervals hold what was really saved, how far predictions are off.

`python -m tests.bench savings` enters here. Files are served by the default policy with a tenth of exploration, so that
single models are drawn at all, and with the default share. What every model would have cost is in the file.
"""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from statistics import median
from typing import Final, NamedTuple

from atp_grpc.learning.evaluation.evaluator import LEVEL
from atp_grpc.learning.evaluation.targets import Always
from atp_grpc.learning.savings import Savings
from atp_grpc.replay.parallel import run_all
from tests.bench.ope_log import DEFAULT_EPSILON, SIMULATED, serve, world
from tests.bench.quality.files import NoDataError, data_folder

FILES: Final = ("paretobandit_val", "routellm_gsm8k")
EXPLORED: Final = 0.1
LOGS: Final = 100
LOGS_AT_ONCE: Final = 5


class Part(NamedTuple):
    """Some logs of a file, for one process."""

    file: str
    epsilon: float
    orders: range


class Stated(NamedTuple):
    """One statement beside the truth, amounts as shares of what the baseline would really have cost."""

    baseline: str
    holds: bool | None
    """Whether its interval holds the true saving; None where there is none."""
    half_width: float
    off: float
    """By how much the saving is off."""
    predicted_off: float
    """By how much that by predictions alone is off."""
    seconds: float
    """Processor time for a decision."""


def rows() -> list[dict[str, object]]:
    """A row for each file, share of exploration and model, on the files or, without them, the simulated world."""
    try:
        data_folder()
        files: tuple[str, ...] = FILES
    except NoDataError as error:
        print(f"savings uses the simulated world: {error}", file=sys.stderr)
        files = (SIMULATED,)
    return [row for file in files for epsilon in (DEFAULT_EPSILON, EXPLORED) for row in file_rows(file, epsilon, LOGS)]


def file_rows(file: str, epsilon: float, logs: int) -> list[dict[str, object]]:
    """A row for each model of a file as the baseline."""
    starts = range(0, logs, LOGS_AT_ONCE)
    parts = [Part(file, epsilon, range(start, min(start + LOGS_AT_ONCE, logs))) for start in starts]
    by_baseline: dict[str, list[Stated]] = defaultdict(list)
    for stated in run_all(state_part, parts, jobs=os.cpu_count() or 1):
        for one in stated:
            by_baseline[one.baseline].append(one)
    label = file if epsilon == DEFAULT_EPSILON else f"{file}.explored"
    return [_row(f"savings.{label}.{baseline}", several) for baseline, several in sorted(by_baseline.items())]


def state_part(part: Part) -> list[Stated]:
    """Writes some logs of a file, and a statement against each of its models."""
    of = world(part.file, part.epsilon)
    if of.cost_nano_usd is None:
        return []
    found = []
    for order in part.orders:
        log = list(serve(of, order))
        for arm, model in enumerate(of.models):
            savings = Savings(Always(model))
            begun = time.process_time()
            for served in log:
                savings.add(served.logged)
            told = savings.statement(LEVEL)
            seconds = (time.process_time() - begun) / len(log)
            cost = float(of.cost_nano_usd[[served.row for served in log], arm].sum())
            truth, bounds = cost - told.compared.nano_usd, told.saving.bounds
            found.append(
                Stated(
                    model,
                    None if bounds is None else bounds.low <= truth <= bounds.high,
                    0.0 if bounds is None else (bounds.high - bounds.low) / 2 / cost,
                    abs(told.saving.value - truth) / cost,
                    abs(told.predicted_nano_usd - cost) / cost,
                    seconds,
                )
            )
    return found


def _row(name: str, several: list[Stated]) -> dict[str, object]:
    estimated = [one for one in several if one.holds is not None]
    off = f"off by {median(one.off for one in estimated):.1%}, " if estimated else ""
    width = f"+-{median(one.half_width for one in estimated):.1%}, " if estimated else ""
    return {
        "name": name,
        "value": sum(bool(one.holds) for one in estimated) / len(estimated) if estimated else "predicted",
        "unit": f"of {len(estimated)} estimated; {width}{off}{median(one.seconds for one in several) * 1e6:.0f} us",
        "baseline": "off by predictions",
        "baseline_value": median(one.predicted_off for one in several),
        "ratio": "",
        "n": len(several),
    }
