"""The paper that pictures are drawn on: colours, type, bare axes, and files that are the same for the same picture.

Whoever draws enters here. matplotlib is an extra and is imported when the first sheet is made, never before; there is
no window and no display.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK: Final = "#1f2933"
FAINT: Final = "#616e7c"
HAIRLINE: Final = "#cbd2d9"
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""Told apart with any colour vision (Okabe and Ito, *Color universal design*, 2008)."""

FORMATS: Final = (".png", ".svg")


class PictureError(ValueError):
    """A picture that cannot be drawn: no matplotlib, or a file that is neither png nor svg."""


@contextmanager
def sheet(path: Path, title: str, *, rows: int = 1) -> Iterator[list[Axes]]:
    """A sheet with two panels a row, from the upper left to the lower right, written to the path at the end.

    The same drawing gives the same bytes with the same release of matplotlib: there is no date and no random name in
    the file, and the user's own style does not count.

    Raises:
        PictureError: matplotlib is not installed, or the suffix is neither .png nor .svg; nothing is written.
        OSError: the file cannot be written.
    """
    if path.suffix not in FORMATS:
        raise PictureError(f"{path.name}: a picture is written as {' or '.join(FORMATS)}")
    try:
        from matplotlib import style  # noqa: PLC0415 - an extra, and slow to import
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise PictureError("pictures need matplotlib: pip install 'atp-grpc[plots]'") from error
    with style.context(["default", {"svg.hashsalt": "atp"}]):
        figure = Figure(figsize=(10.8, 4.4 * rows), dpi=150, facecolor="white", layout="constrained")
        figure.get_layout_engine().set(w_pad=0.12, wspace=0.05)  # type: ignore[union-attr, call-arg]
        figure.suptitle(title, color=INK, fontsize=13, fontweight="bold", x=0.012, ha="left")
        yield list(figure.subplots(rows, 2, squeeze=False).flat)
        nobody = {"Date": None, "Creator": None} if path.suffix == ".svg" else {"Software": None}
        figure.savefig(path, format=path.suffix[1:], metadata=nobody)


def dress(axes: Axes, title: str, below: str) -> None:
    """Heads a panel, names its horizontal axis, and takes away what says nothing."""
    axes.set_title(title, loc="left", color=INK, fontsize=11, pad=10)
    axes.set_xlabel(below, color=FAINT, fontsize=10)
    axes.grid(axis="y", color="#eef0f3", linewidth=0.9)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", colors=FAINT, length=0, labelsize=10)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(HAIRLINE)


def label(
    axes: Axes, text: str, at: tuple[float, float], *, colour: str, above: bool = True, side: str = "left"
) -> None:
    """Writes a few words beside a point, on a white halo so that lines below stay readable."""
    from matplotlib.patheffects import withStroke  # noqa: PLC0415

    axes.annotate(
        text,
        at,
        xytext=({"left": 4, "right": -4, "center": 0}[side], 5 if above else -5),
        textcoords="offset points",
        ha=side,
        va="bottom" if above else "top",
        color=colour,
        fontsize=9,
        path_effects=[withStroke(linewidth=3, foreground="white")],
        zorder=8,
        annotation_clip=True,
    )
