"""The learning curve: running quality and running cost of the router, against lines known only in hindsight.

The first act enters here once at its end. The picture is drawn off screen, written as PNG, and legible at the width of
a README. It shows what the report says and computes nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, NullLocator

from atp_grpc.domain.money import NANO_PER_USD
from atp_grpc.replay.scoring import Standing
from demo.result import Result

INK: Final = "#1f2933"
FAINT: Final = "#616e7c"
ROUTER: Final = "#0b7285"
SETTLED: Final = 20
"""Requests before a running mean says anything; the curve begins there."""
LINE_OF_TEXT: Final = 0.07
"""Height of a label as a share of a panel: lines closer than this share the space above and below them."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A reference: its name, its level in one panel, its colour."""

    name: str
    level: float
    colour: str


def draw_curve(result: Result, path: Path) -> None:
    """Writes the picture."""
    layout = ConstrainedLayoutEngine(w_pad=0.12, wspace=0.06)
    figure = Figure(figsize=(10.4, 4.4), dpi=150, facecolor="white", layout=layout)
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    right.set_yscale("log")
    right.yaxis.set_minor_locator(NullLocator())
    right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"${value:g}"))
    left.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    quality = _running([step.outcome.quality for step in result.steps])
    cost = _running([(step.outcome.cost_nano_usd or 0) / NANO_PER_USD * 1000 for step in result.steps])
    standings = _standings(result)
    _panel(
        left, "Quality, running mean", quality, f"{quality[-1]:.3f}", [_Line(n, s.quality, c) for n, s, c in standings]
    )
    _panel(
        right,
        "US$ per 1,000 requests, running mean",
        cost,
        f"${cost[-1]:.2f}",
        [_Line(n, s.usd_per_1k, c) for n, s, c in standings],
    )
    count, models = len(result.steps), len(result.dataset.pool.models)
    label = "SIMULATED" if result.dataset.is_simulated else "recorded"
    figure.suptitle(
        f"ATP learning which model to ask: {count:,} prompts, {label} outcomes of {models} models",
        color=INK,
        fontsize=13.5,
        fontweight="bold",
        x=0.012,
        ha="left",
    )
    figure.savefig(path, format="png")


def _standings(result: Result) -> list[tuple[str, Standing, str]]:
    refs = result.references
    return [
        ("oracle, in hindsight", refs.oracle, "#a06b00"),
        (f"always {result.short(refs.best_single)}", result.best, "#c92a2a"),
        ("random", refs.random, FAINT),
        (f"always {result.short(refs.cheapest)}", result.cheapest, "#5f3dc4"),
    ]


def _panel(axes: Axes, title: str, curve: Sequence[float], final: str, lines: Sequence[_Line]) -> None:
    count = len(curve)
    start = min(SETTLED, max(count - 2, 0))
    axes.plot(range(start + 1, count + 1), curve[start:], color=ROUTER, linewidth=2.8, solid_capstyle="round", zorder=5)
    for line in lines:
        axes.axhline(line.level, color=line.colour, linewidth=1.4, linestyle=(0, (5, 3)))
    axes.margins(y=0.1)
    axes.set_xlim(0, count)
    _name_lines(axes, lines)
    middle = count // 3
    goes_under = _is_crowded(axes, curve[middle], [line.level for line in lines], 2 * LINE_OF_TEXT)
    axes.annotate(
        f"ATP {final}",
        (middle, curve[middle]),
        xytext=(0, -10 if goes_under else 8),
        textcoords="offset points",
        va="top" if goes_under else "bottom",
        color=ROUTER,
        fontsize=13,
        fontweight="bold",
        path_effects=[withStroke(linewidth=4, foreground="white")],
        zorder=6,
    )
    axes.set_title(title, loc="left", color=INK, fontsize=12, pad=10)
    axes.set_xlabel("requests", color=FAINT, fontsize=11)
    axes.grid(axis="y", color="#eef0f3", linewidth=0.9)
    axes.set_axisbelow(True)
    axes.tick_params(colors=FAINT, length=0, labelsize=11)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#cbd2d9")


def _name_lines(axes: Axes, lines: Sequence[_Line]) -> None:
    """Writes each name over its line, or under it when the next line is too near above."""
    for line in lines:
        goes_under = _is_crowded(axes, line.level, [other.level for other in lines if other is not line], LINE_OF_TEXT)
        axes.annotate(
            line.name,
            (0.995, line.level),
            xycoords=("axes fraction", "data"),
            xytext=(0, -4 if goes_under else 3),
            textcoords="offset points",
            ha="right",
            va="top" if goes_under else "bottom",
            color=line.colour,
            fontsize=11,
        )


def _is_crowded(axes: Axes, level: float, others: Sequence[float], room: float) -> bool:
    """Whether another level lies within `room` (a share of the panel) above this one."""
    share = (axes.transData + axes.transAxes.inverted()).transform
    height = share((0, level))[1]
    return any(0 <= share((0, other))[1] - height < room for other in others)


def _running(values: Sequence[float]) -> list[float]:
    return [total / count for count, total in enumerate(accumulate(values), start=1)]
