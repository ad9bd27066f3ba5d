"""Off-policy evaluation on outcome files: how often its intervals hold the truth, how wide they are, what it costs.

`python -m tests.bench ope` enters here. A row `ope.FILE.TARGET.FIGURE`, or `ope.FILE.explored.TARGET.FIGURE` for logs
of a policy that explores more, is the share of answered logs whose interval holds the true value, beside that of plain
IPS on the same logs. Its ratio is the width in widths of IPS, its n how many logs there were; the others were refused.
"""

from __future__ import annotations

import os
import sys
import time
import tracemalloc
from collections import defaultdict
from typing import Final, NamedTuple

from atp_grpc.learning.evaluation.evaluator import Evaluator
from atp_grpc.learning.evaluation.sample import Figure, samples_of
from atp_grpc.learning.evaluation.tally import tally_of
from atp_grpc.learning.evaluation.targets import Uniform
from atp_grpc.replay.parallel import run_all
from tests.bench.ope_log import DEFAULT_EPSILON, SIMULATED, serve, world
from tests.bench.ope_study import Judged, judge_log, standing_of
from tests.bench.quality.files import NoDataError, data_folder

FILES: Final = ("paretobandit_val", "bfcl", "routellm_mmlu", "routellm_gsm8k", "llmrouter")
EXPLORED: Final = 0.1
"""Share of exploration with which the three shortest files are also served: ten times the default."""
EXPLORED_FILES: Final = ("paretobandit_val", "bfcl", "routellm_gsm8k")
LOGS: Final = 100
LOGS_AT_ONCE: Final = 5
REPEATS: Final = 20


class Part(NamedTuple):
    """Some logs of a file, for one process."""

    file: str
    epsilon: float
    orders: range


def rows() -> list[dict[str, object]]:
    """Every figure of the study and the cost of a decision, on the files or, without them, the simulated world."""
    try:
        data_folder()
        files: tuple[str, ...] = FILES
    except NoDataError as error:
        print(f"ope uses the simulated world: {error}", file=sys.stderr)
        files = (SIMULATED,)
    studied = [(file, DEFAULT_EPSILON) for file in files]
    studied += [(file, EXPLORED) for file in files if file in (*EXPLORED_FILES, SIMULATED)]
    return [row for file, epsilon in studied for row in study_rows(file, epsilon, LOGS)] + cost_rows(files[0])


def study_rows(file: str, epsilon: float, logs: int) -> list[dict[str, object]]:
    """A row for each target and figure of a file, and one for how true its propensities are."""
    starts = range(0, logs, LOGS_AT_ONCE)
    parts = [Part(file, epsilon, range(start, min(start + LOGS_AT_ONCE, logs))) for start in starts]
    label = file if epsilon == DEFAULT_EPSILON else f"{file}.explored"
    by_target: dict[tuple[str, Figure], list[Judged]] = defaultdict(list)
    for judged in run_all(judge_part, parts, jobs=os.cpu_count() or 1):
        for one in judged:
            by_target[one.target, one.figure].append(one)
    found: list[dict[str, object]] = []
    for (target, figure), several in by_target.items():
        standing = standing_of(several)
        found.append(
            {
                "name": f"ope.{label}.{target}.{figure}",
                "value": standing.coverage if standing.answered else "refused",
                "unit": f"of {standing.answered} answered; difference {standing.difference_coverage:.2f}",
                "baseline": "plain IPS",
                "baseline_value": standing.ips_coverage if standing.answered else "",
                "ratio": standing.width if standing.answered else "",
                "n": standing.logs,
            }
        )
    true = standing_of(by_target["uniform", Figure.QUALITY])
    found.append(
        {
            "name": f"ope.{label}.propensities",
            "value": 1.0 - true.deviant,
            "unit": "of logs: mean weight within 3 se of 1",
            "baseline": "",
            "baseline_value": "",
            "ratio": "",
            "n": logs,
        }
    )
    return found


def judge_part(part: Part) -> list[Judged]:
    """Writes and judges some logs of a file."""
    return [judged for order in part.orders for judged in judge_log(world(part.file, part.epsilon), order)]


def cost_rows(file: str) -> list[dict[str, object]]:
    """Microseconds of processor a decision takes, and how much memory a log of any length."""
    log = [served.logged for served in serve(world(file), 0)]
    uniform = Uniform()
    samples = [samples_of(entry.decision, uniform.shares(entry.decision), 1.0, 1.0)[0] for entry in log[:1000]]
    begun = time.process_time()
    for _ in range(REPEATS):
        tally_of(samples, Figure.QUALITY)
    summed = (time.process_time() - begun) / (REPEATS * len(samples))
    evaluator = Evaluator(Uniform())
    begun = time.process_time()
    for _ in range(REPEATS):
        evaluator.add_all(log)
    evaluator.tally(Figure.QUALITY)
    whole = (time.process_time() - begun) / (REPEATS * len(log))
    tracemalloc.start()
    evaluator = Evaluator(Uniform())
    for _ in range(REPEATS):
        evaluator.add_all(log)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    n = REPEATS * len(log)
    return [
        _cost("sum", summed * 1e6, "us a decision and figure", REPEATS * len(samples)),
        _cost("add", whole * 1e6, "us a decision, quality and cost", n),
        _cost("memory", peak / 1024, "KiB at most", n),
    ]


def _cost(name: str, value: float, unit: str, n: int) -> dict[str, object]:
    return {
        "name": f"ope.{name}",
        "value": value,
        "unit": unit,
        "baseline": "",
        "baseline_value": "",
        "ratio": "",
        "n": n,
    }
