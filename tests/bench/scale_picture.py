"""The figures of `scale_bench` as a picture: each curve beside the line of linear growth from its smallest size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from matplotlib.ticker import LogLocator

from atp_grpc.replay.grading.paper import COLOURS, FAINT, dress, label, sheet

ARMS: Final = (8, 16, 32, 64, 128, 256, 512)
DIMENSIONS: Final = (16, 32, 48, 64, 96, 128)
TENANTS: Final = (1, 10, 100, 1_000, 10_000)


@dataclass(frozen=True, slots=True)
class Panel:
    """A heading with the unit, the sizes along the lower axis, and the rows of each curve: their prefix and sizes."""

    title: str
    below: str
    curves: Mapping[str, tuple[str, Sequence[int]]]


PANELS: Final = (
    Panel(
        "One choice, 48 coefficients an arm, µs",
        "arms",
        {"native": ("scale.arms", ARMS), "reference": ("scale.reference_arms", ARMS)},
    ),
    Panel(
        "One choice among 8 arms, µs",
        "coefficients an arm",
        {"native": ("scale.dimension", DIMENSIONS), "reference": ("scale.reference_dimension", DIMENSIONS)},
    ),
    Panel(
        "Route without a socket, 300-character prompt, µs",
        "models in the catalogue",
        {"native": ("scale.route", ARMS)},
    ),
    Panel(
        "Memory of the native engine, KiB",
        "models, or tenants of 8 models (1,000 kept)",
        {"models": ("scale.models", ARMS), "tenants": ("scale.tenants", TENANTS)},
    ),
)


def draw(figures: Sequence[Mapping[str, object]], path: Path) -> None:
    """Draws four panels on logarithmic axes, where linear growth is a straight line of one slope."""
    values = {str(row["name"]): float(str(row["value"])) for row in figures}
    with sheet(path, "How cost grows with size (dotted: linear growth)", rows=2) as sheets:
        for axes, panel in zip(sheets, PANELS, strict=True):
            axes.set_xscale("log")
            axes.set_yscale("log")
            for colour, (name, (prefix, sizes)) in zip(COLOURS, panel.curves.items(), strict=False):
                curve = [values[f"{prefix}{size}"] for size in sizes]
                linear = [curve[0] * size / sizes[0] for size in sizes]
                axes.plot(sizes, linear, color=FAINT, linewidth=1, linestyle=":")
                axes.plot(sizes, curve, "o-", color=colour, linewidth=2, markersize=4)
                label(axes, name, (sizes[-1], curve[-1]), colour=colour, side="right")
            axes.set_xticks(list(panel.curves.values())[-1][1])
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(lambda value, _: f"{value:,.0f}")
                axis.set_minor_formatter(lambda *_: "")
            drawn = [values[f"{prefix}{size}"] for prefix, sizes in panel.curves.values() for size in sizes]
            axes.set_ylim(min(drawn) * 0.7, max(drawn) * 1.6)
            dress(axes, panel.title, panel.below)
