"""Tables and colour for a person at a terminal.

`printing` enters here when the output is one, and only then is rich imported. Values are never read as markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from atp_grpc.cli.answer import Line, Part, Record, Sheet, Verbatim
from atp_grpc.cli.printing import clean

NARROWEST = 60
"""Columns below which tables are not squeezed further; longer lines wrap."""


def print_parts(parts: Sequence[Part], stream: TextIO) -> None:
    """Writes parts to a terminal, a blank line between them."""
    console = Console(file=stream, highlight=False, soft_wrap=False)
    console.width = max(console.width, NARROWEST)
    for position, part in enumerate(parts):
        if position:
            console.print()
        console.print(_rendered(part), soft_wrap=isinstance(part, Line | Verbatim))


def _rendered(part: Part) -> RenderableType:
    match part:
        case Line(text):
            return Text(clean(text))
        case Verbatim(text):
            return Text(text.rstrip("\n"))
        case Record(facts):
            grid = Table.grid(padding=(0, 2))
            grid.add_column(style="dim", no_wrap=True)
            grid.add_column(overflow="fold")
            for name, value in facts:
                if value:
                    grid.add_row(name, Text(clean(value)))
            return grid
        case Sheet(heading, columns, rows):
            table = Table(box=SIMPLE_HEAD, title=heading, title_justify="left", title_style="bold", pad_edge=False)
            for position, column in enumerate(columns):
                is_figures = all(_is_figure(row[position]) for row in rows)
                table.add_column(column, justify="right" if is_figures else "left", overflow="fold")
            for row in rows:
                table.add_row(*(Text(clean(cell)) for cell in row))
            return table


def _is_figure(cell: str) -> bool:
    return not cell or cell.lstrip("-$")[:1].isdigit()
