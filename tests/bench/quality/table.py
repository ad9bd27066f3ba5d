"""The table: figures of every block beside the bars, as rows that are kept and as lines that are read.

`make bench` and the command enter here. It measures nothing itself and judges a figure by its bar alone.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from atp_grpc.replay.parallel import run_all
from tests.bench.quality.files import FILES
from tests.bench.quality.goals import LESS_IS_BETTER, METRICS, Protocol, goals_of, is_met
from tests.bench.quality.measuring import ORDERS, Block, figures
from tests.bench.quality.policies import LEARNERS, POLICIES

Row = dict[str, object]

PREFIX: Final = "quality."
COMMAND: Final = "make bench ONLY=quality"
UNITS: Final[Mapping[str, str]] = {
    "share_lin": "of hull to oracle",
    "share_log": "of hull to oracle",
    "cost98": "of the best model's cost",
    "cost95": "of the best model's cost",
    "q0": "quality",
    "apgr": "of the gap",
    "cpt50": "of calls",
    "cpt80": "of calls",
}


def blocks(
    files: Iterable[str] = FILES,
    policies: Iterable[str] = POLICIES,
    overrides: Mapping[str, str] | None = None,
    first_order: int = 0,
) -> list[Block]:
    """Every block of some files and policies; overrides are for ATP's learners."""
    return [
        Block(file, protocol, policy, overrides or {} if policy in LEARNERS else {}, first_order)
        for file in files
        for protocol in Protocol
        for policy in policies
    ]


def measured(wanted: Sequence[Block]) -> Iterator[Row]:
    """Measures blocks in as many processes as there are cores; rows come block by block, in the order asked for.

    How far it is goes to the standard error.
    """
    found = run_all(figures, wanted, jobs=os.cpu_count() or 1)
    for number, (block, metrics) in enumerate(zip(wanted, found, strict=True), start=1):
        print(f"{number}/{len(wanted)} {block.file} {block.protocol} {block.policy}", file=sys.stderr)
        goals = goals_of(block.file, block.protocol)
        for metric in METRICS:
            if metric in metrics:
                yield _row(block, metric, metrics, goals.get(metric))


def _row(block: Block, metric: str, metrics: Mapping[str, float], goal: float | None) -> Row:
    value = metrics[metric]
    return {
        "name": f"{PREFIX}{block.file}.{block.protocol}.{block.policy}.{metric}",
        "value": None if math.isnan(value) else value,
        "sd": metrics.get(f"{metric}_sd"),
        "unit": UNITS[metric],
        "baseline": "goal" if goal is not None else "",
        "baseline_value": goal,
        "ratio": None,
        "n": ORDERS,
        "command": COMMAND,
    }


def lines(rows: Iterable[Row]) -> Iterator[str]:
    """The rows as a Markdown table, a section for each file and protocol that begins with its bars."""
    sections: dict[tuple[str, str], dict[str, dict[str, Row]]] = {}
    for row in rows:
        file, protocol, policy, metric = str(row["name"]).removeprefix(PREFIX).rsplit(".", 3)
        sections.setdefault((file, protocol), {}).setdefault(policy, {})[metric] = row
    for (file, protocol), policies in sections.items():
        metrics = [metric for metric in METRICS if any(metric in found for found in policies.values())]
        goals = goals_of(file, protocol)
        table = [["policy", *metrics, "met"], ["goal", *(_bar(metric, goals) for metric in metrics), ""]]
        table += [
            [policy, *(_cell(found.get(metric)) for metric in metrics), _met(found, goals)]
            for policy, found in policies.items()
        ]
        yield ""
        yield f"**{file}, {protocol}**"
        yield ""
        yield from _aligned(table)


def _aligned(table: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    head, *body = (
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in table
    )
    yield head
    yield "| " + " | ".join("-" * width for width in widths) + " |"
    yield from body


def _bar(metric: str, goals: Mapping[str, float]) -> str:
    if metric not in goals:
        return ""
    return f"{'≤' if metric in LESS_IS_BETTER else '≥'} {goals[metric]:.3f}"


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    value, sd = row["value"], row["sd"]
    if not isinstance(value, float):
        return "not reached"
    return f"{value:.3f}" + (f" ± {sd:.3f}" if isinstance(sd, float) else "") + (" ✓" if _reaches(row) else "")


def _reaches(row: Row) -> bool:
    """Whether a figure that has a bar reaches it."""
    value, goal = row["value"], row["baseline_value"]
    metric = str(row["name"]).rsplit(".", 1)[1]
    return isinstance(value, float) and isinstance(goal, float) and is_met(metric, value, goal)


def _met(found: Mapping[str, Row], goals: Mapping[str, float]) -> str:
    if not goals:
        return ""
    met = sum(_reaches(row) for metric, row in found.items() if metric in goals)
    return f"{met} of {len(goals)}"
