"""Writes settings as TOML, so that what a command shows can be saved as a configuration file.

`config dump` and `key new` enter here with plain tables. It writes what settings can hold and nothing more: text,
numbers, truth values, lists of text, tables and lists of tables.
"""

from __future__ import annotations

import json
from collections.abc import Mapping


def toml_text(tables: Mapping[str, object]) -> str:
    """Nested tables as TOML (version 1.0); keys of each table in their given order, tables after them."""
    return "\n".join(_lines(tables, ())).strip("\n") + "\n"


def _lines(table: Mapping[str, object], above: tuple[str, ...]) -> list[str]:
    lines = [f"{key} = {_value(value)}" for key, value in table.items() if not _holds_tables(value)]
    for key, value in table.items():
        path = (*above, key)
        if isinstance(value, Mapping):
            # A table of nothing but tables needs no header, and without one its parts can be pasted together.
            has_header = not value or not all(map(_holds_tables, value.values()))
            lines += [*(["", f"[{'.'.join(path)}]"] if has_header else []), *_lines(value, path)]
        elif _holds_tables(value) and isinstance(value, list):
            for entry in value:
                lines += ["", f"[[{'.'.join(path)}]]", *_lines(entry, path)]
    return lines


def _holds_tables(value: object) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and bool(value) and isinstance(value[0], Mapping))


def _value(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_value(entry) for entry in value)}]"
    # What JSON writes for text, numbers and truth values is TOML too, but for one control character.
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("\x7f", "\\u007f")
