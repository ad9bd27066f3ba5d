"""Tables and colour for a person at a terminal.

`printing` enters here when the output is one, and only then is rich imported. Values are never read as markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from atp_grpc.cli.answer import Line, Part, Record, Sheet, Verbatim
from atp_grpc.cli.printing import clean

WIDEST = 10_000
"""Columns that no table needs; measuring against it finds a table's natural width."""


def print_parts(parts: Sequence[Part], stream: TextIO) -> None:
    """Writes parts to a terminal, a blank line between them."""
    console = Console(file=stream, highlight=False)
    for position, part in enumerate(parts):
        if position:
            console.print()
        # Left to the terminal to wrap, so that a long token is copied in one piece.
        console.print(_table(part, console) if isinstance(part, Sheet) else _text(part), soft_wrap=True)


def _text(part: Line | Verbatim | Record) -> Text:
    match part:
        case Line(text):
            return Text(clean(text))
        case Verbatim(text):
            return Text(text.rstrip("\n"))
        case Record(facts):
            shown = [(name, clean(value)) for name, value in facts if value]
            width = max((len(name) for name, _ in shown), default=0)
            return Text("\n").join(Text.assemble((name.ljust(width), "dim"), "  ", value) for name, value in shown)


def _table(sheet: Sheet, console: Console) -> RenderableType:
    """A table without its empty columns; where the terminal is too narrow for it, a record for each row."""
    used = [position for position in range(len(sheet.columns)) if any(row[position] for row in sheet.rows)]
    positions = used or range(len(sheet.columns))
    table = Table(
        box=None,
        title=sheet.heading,
        title_justify="left",
        title_style="bold",
        header_style="dim",
        padding=(0, 2, 0, 0),
    )
    for position in positions:
        is_figures = all(_is_figure(row[position]) for row in sheet.rows)
        table.add_column(sheet.columns[position], justify="right" if is_figures else "left", no_wrap=True)
    for row in sheet.rows:
        table.add_row(*(Text(clean(row[position])) for position in positions))
    if console.measure(table, options=console.options.update(width=WIDEST)).maximum <= console.width:
        return table
    records = [_text(Record(list(zip(sheet.columns, row, strict=True)))) for row in sheet.rows]
    return Text("\n\n").join([Text(sheet.heading, "bold"), *records])


def _is_figure(cell: str) -> bool:
    return not cell or cell.lstrip("-$")[:1].isdigit()
