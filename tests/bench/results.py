"""What a bench prints and keeps: one row a figure, named as in the table of goals."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path("build/bench/results.json")


def show(rows: Iterable[Mapping[str, object]]) -> None:
    """Prints the figures as a table."""
    table = Table(title="measured in one interleaved run on this machine; trust the ratios")
    for column, side in [
        ("name", "left"),
        ("value", "right"),
        ("unit", "left"),
        ("baseline", "left"),
        ("", "right"),
        ("ratio", "right"),
        ("n", "right"),
    ]:
        # A name cut short is no name: in a narrow terminal the other columns give way.
        table.add_column(column, justify=side, no_wrap=column == "name")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(
            *(_text(row[key]) for key in ("name", "value", "unit", "baseline", "baseline_value", "ratio", "n"))
        )
    Console().print(table)


def keep(rows: list[Mapping[str, object]]) -> None:
    """Writes the figures, replacing those of the same names and keeping the others."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    names = {row["name"] for row in rows}
    before = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    kept = [row for row in before if row["name"] not in names]
    RESULTS.write_text(json.dumps(kept + rows, indent=1) + "\n")


def _text(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
