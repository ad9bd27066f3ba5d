"""The learning curve: running quality and running cost of the router, against lines known only in hindsight.

The first act enters here once at its end. The picture is drawn off screen, written as PNG, and legible at
the width of a README.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from atp_grpc.domain.money import NANO_PER_USD
from atp_grpc.replay.scoring import Standing
from demo.result import Result

INK: Final = "#1f2933"
FAINT: Final = "#7b8794"
ROUTER: Final = "#0b7285"
SETTLED: Final = 25
"""Requests before a running mean says anything; the curve begins there."""


def draw_curve(result: Result, path: Path) -> None:
    """Writes the picture."""
    figure = Figure(figsize=(12, 4.6), dpi=150, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    lines = _reference_lines(result)
    quality = _running([step.outcome.quality for step in result.steps])
    cost = _running([(step.outcome.cost_nano_usd or 0) / NANO_PER_USD * 1000 for step in result.steps])
    _panel(left, "Running quality", quality, [(name, one.quality, style) for name, one, style in lines])
    _panel(right, "Running US$ per 1,000 requests", cost, [(name, one.usd_per_1k, style) for name, one, style in lines])
    right.set_yscale("log")
    right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    label = "SIMULATED" if result.dataset.is_simulated else "recorded"
    figure.suptitle(
        f"ATP learns which model to ask: {len(result.steps):,} prompts, {len(result.dataset.pool.models)} models, "
        f"{label} outcomes",
        color=INK,
        fontsize=14,
        fontweight="bold",
        x=0.01,
        ha="left",
    )
    figure.savefig(path, format="png")


def _reference_lines(result: Result) -> list[tuple[str, Standing, str]]:
    refs = result.references
    return [
        ("oracle", refs.oracle, "#b08900"),
        (f"always {_short(refs.best_single)}", result.best, "#c92a2a"),
        ("random", refs.random, FAINT),
        (f"always {_short(refs.cheapest)}", result.cheapest, "#5f3dc4"),
    ]


def _panel(axes: Axes, title: str, curve: Sequence[float], lines: Sequence[tuple[str, float, str]]) -> None:
    count = len(curve)
    start = min(SETTLED, max(count - 2, 0))
    axes.set_title(title, loc="left", color=INK, fontsize=12)
    for name, level, colour in lines:
        axes.axhline(level, color=colour, linewidth=1.3, linestyle=(0, (5, 3)), alpha=0.9)
        axes.annotate(
            name,
            (0.995, level),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right",
            va="bottom",
            color=colour,
            fontsize=9.5,
        )
    axes.plot(range(start + 1, count + 1), curve[start:], color=ROUTER, linewidth=2.6, solid_capstyle="round", zorder=5)
    axes.annotate(
        "ATP",
        (start + 1, curve[start]),
        xytext=(6, 8),
        textcoords="offset points",
        color=ROUTER,
        fontsize=11,
        fontweight="bold",
        zorder=6,
    )
    axes.set_xlim(0, count)
    axes.margins(y=0.12)
    axes.set_xlabel("requests", color=FAINT)
    axes.grid(axis="y", color="#e4e7eb", linewidth=0.8)
    axes.tick_params(colors=FAINT, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#cbd2d9")


def _running(values: Sequence[float]) -> list[float]:
    return [total / count for count, total in enumerate(accumulate(values), start=1)]


def _short(model: str) -> str:
    return model.rpartition("/")[2]
