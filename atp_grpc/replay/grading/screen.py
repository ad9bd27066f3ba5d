"""A score as a page in the terminal: what to compare with, each setting, and the metrics with a word on each.

`Score.show` enters here. It rounds for people and computes no figure that is not in the score.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from atp_grpc.replay.grading.importance import Importance
from atp_grpc.replay.grading.references import references
from atp_grpc.replay.grading.standing import CeilingStanding, SettingStanding
from atp_grpc.replay.grading.table import OutcomeTable

MEANINGS: Final = MappingProxyType(
    {
        "share_lin": "of the area from single models (0) to the oracle (1), cost linear",
        "share_log": "the same, cost logarithmic: cheap and dear ends count alike",
        "cost98": "least cost with 98 % of the best model's quality, as part of its cost",
        "cost95": "the same with 95 %",
        "q0": "quality where cost does not count",
        "apgr": "area under recovered quality against strong calls; 0.5 is chance",
        "cpt50": "share of strong calls that recovers half of the gap",
        "cpt80": "share of strong calls that recovers 0.8 of the gap",
    }
)
"""What each metric says, in the order in which they are shown; `docs/grading.md` says it in full."""

BAR: Final = 8
"""Characters of a bar to either side of its middle."""


def page(
    table: OutcomeTable,
    seeds: Sequence[int],
    standings: Sequence[SettingStanding],
    metrics: Mapping[str, float],
    importance: Importance,
) -> RenderableType:
    """Everything about one table, to be printed by a console."""
    counts = f"{len(table.prompts):,} prompts, {len(table.models)} models, {len(seeds)} seeds"
    parts: list[RenderableType] = [
        Text.assemble((table.name, "bold"), f"   {counts}"),
        _references(table),
        _settings(standings),
    ]
    held = {standing.setting.name: standing.ceiling for standing in standings if standing.ceiling is not None}
    if held:
        parts.append(_ceilings(held))
    if any(standing.floor or standing.latency for standing in standings):
        parts.append(_limits(standings))
    if metrics:
        parts.append(_metrics(metrics))
    parts.append(_importance(importance))
    return Group(*(Padding(part, (0, 0, 1, 0)) for part in parts))


def _table(title: str, left: Sequence[str], right: Sequence[str]) -> Table:
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    for name in left:
        made.add_column(name)
    for name in right:
        made.add_column(name, justify="right")
    return made


def _references(table: OutcomeTable) -> Table:
    made = _table("To compare with", ["", "model"], ["quality", "$ per 1k", "cost98", "cost95"])
    found = references(table)
    for name in ("cheapest", "best_single", "random", "zero_hull", "oracle"):
        if name in found:
            values = (found[name].get(key) for key in ("quality", "usd_per_1k", "cost98", "cost95"))
            made.add_row(name, str(found[name].get("model", "")), *map(_figure, values))
    return made


def _settings(standings: Sequence[SettingStanding]) -> Table:
    heads = ["quality", "± sd", "$ per 1k", "to hull"]
    made = _table("Settings, mean over seeds", ["setting"], [*heads, "calls of best"])
    made.add_column("below     above", justify="left", no_wrap=True)
    most = max((abs(standing.gain) for standing in standings if standing.gain is not None), default=0.0)
    for standing in standings:
        made.add_row(
            standing.setting.label,
            f"{standing.mean_quality:.4f}",
            f"{standing.quality.std():.4f}",
            _figure(standing.mean_usd_per_1k),
            _signed(standing.gain),
            f"{standing.best_share.mean():.1%}",
            _bar(standing.gain, most),
        )
    return made


def _ceilings(held: Mapping[str, CeilingStanding]) -> Table:
    heads = ["spend", "worst seed", "run_max", "hull there", "oracle there"]
    made = _table("Ceilings, costs as parts of the ceiling", ["setting"], heads)
    for name, ceiling in held.items():
        over = "red" if ceiling.spend > 1 else ""
        made.add_row(
            name,
            Text(f"{ceiling.spend:.3f}", over),
            f"{ceiling.spend_worst:.3f}",
            f"{ceiling.run_max:.3f}",
            f"{ceiling.zero:.4f}",
            f"{ceiling.oracle:.4f}",
        )
    return made


def _limits(standings: Sequence[SettingStanding]) -> Table:
    """Floors by windows, objectives of latency by calls."""
    made = _table("Floors and latencies", ["setting"], ["kept", "worst window / floor", "windows", "p95 s"])
    for standing in standings:
        floor, latency = standing.floor, standing.latency
        if floor is not None:
            made.add_row(standing.setting.name, f"{floor.kept:.1%}", f"{floor.worst:.4f}", f"{floor.windows:,}", "")
        if latency is not None:
            made.add_row(standing.setting.name, f"{latency.kept:.1%}", "", "", f"{latency.p95_seconds:.3f}")
    return made


def _metrics(metrics: Mapping[str, float]) -> Table:
    made = _table("Metrics", ["metric"], ["value", "± sd"])
    made.add_column("", style="dim")
    for name, meaning in MEANINGS.items():
        if name in metrics:
            made.add_row(name, Text(_figure(metrics[name]), "bold"), _figure(metrics.get(f"{name}_sd")), meaning)
    return made


def _importance(importance: Importance) -> Text:
    text = f"importance weight {importance.mean:.4f} ± {importance.standard_error:.4f} (n = {importance.n:,})"
    return Text(f"{text}; 1 where propensities are true and every model can be drawn", style="dim")


def _figure(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    return "not reached" if math.isnan(value) else f"{value:.4g}"


def _signed(gain: float | None) -> Text:
    return Text("") if gain is None else Text(f"{gain:+.4f}", "green" if gain > 0 else "red")


def _bar(gain: float | None, most: float) -> Text:
    """A bar from the middle: to the right above the hull, to the left below it, in proportion to the longest."""
    if gain is None or not most:
        return Text("")
    length = round(abs(gain) / most * BAR)
    left, right = (" " * BAR, ("█" * length).ljust(BAR)) if gain > 0 else (("█" * length).rjust(BAR), " " * BAR)
    return Text.assemble((left, "red"), "│", (right, "green"))
