"""What people read about the settings: those in force, without secrets, and the table of all that exist.

The command line enters here for `config dump` and `config doc`. Both walk the declared fields; neither reads a source.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from atp_grpc.config.fields import RULE, Leaf, Secret, leaves_of
from atp_grpc.config.rules import JOINT_RULES
from atp_grpc.config.settings import Settings

HIDDEN = "(hidden)"

_INTRODUCTION = """\
# Configuration

<!-- Written by `atp config doc`; a test compares it with the code. -->

Settings come from four places; later ones win: the defaults below, a TOML file, environment variables, flags
(`--set section.field=value`). Sections are tables of the file. Whatever is wrong is refused at start, everything at
once, with the file and key, the variable or the flag.

- Text of a variable or a flag is read by the setting's type; a list is JSON, its tables are objects. An empty variable
  counts as not set.
- A variable that begins with `ATP_` and is not listed is refused, except `ATP_DATA` and whatever begins with
  `ATP_REQUIRE_`, which belong to the tests, the demo and the set-up.
- Relative paths start at the working directory of the process.
- `config dump` prints the settings in force; secrets are hidden.
"""


def dump(settings: Settings) -> dict[str, object]:
    """The settings in force as nested tables that JSON and TOML can hold. Secrets that are set read `(hidden)`."""
    return {field.name: _part(getattr(settings, field.name), field) for field in dataclasses.fields(settings)}


def _part(value: object, field: dataclasses.Field[Any]) -> object:
    """A part of the settings; tables that are written under their names are given under them."""
    rule = field.metadata.get(RULE)
    if rule is None or not rule.keyed_by:
        return _plain(value)
    tables = [_plain(entry) for entry in value] if isinstance(value, tuple) else []
    return {table.pop(rule.keyed_by): table for table in tables if isinstance(table, dict)}


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, Secret):
        return HIDDEN if value else ""
    if isinstance(value, enum.StrEnum | Path):
        return str(value)
    return value


def document() -> str:
    """A Markdown page with every setting: key, variable, type, default, rule and sentence."""
    lines = [_INTRODUCTION]
    hints = get_type_hints(Settings)
    top = [leaf for leaf in leaves_of(Settings) if len(leaf.path) == 1]
    lines += _section("Top level", "Keys outside any table.", top)
    for leaf in top:
        lines += _entries(leaf)
    for field in dataclasses.fields(Settings):
        section = hints[field.name]
        if isinstance(section, type) and dataclasses.is_dataclass(section):
            leaves = list(leaves_of(section, (field.name,)))
            lines += _section(f"`[{field.name}]`", _doc_of(section), leaves)
            for leaf in leaves:
                lines += _entries(leaf)
    lines += ["## Rules that join settings", "", *(f"- {rule.doc}" for rule in JOINT_RULES), ""]
    return "\n".join(lines)


def _entries(leaf: Leaf) -> list[str]:
    """The section of the tables in a list; none for another setting."""
    if leaf.table is None:
        return []
    fields = [field for field in leaves_of(leaf.table) if field.name != leaf.rule.keyed_by]
    title = f"`[{leaf.key}.{leaf.rule.keyed_by.upper()}]`" if leaf.rule.keyed_by else f"`[[{leaf.key}]]`"
    return _section(title, _doc_of(leaf.table), fields, has_variables=False)


def _doc_of(section: Any) -> str:
    return str(section.__doc__)


def _section(title: str, doc: str, leaves: list[Leaf], *, has_variables: bool = True) -> list[str]:
    head = ["key", "variable", "type", "default", "meaning"] if has_variables else ["key", "type", "default", "meaning"]
    lines = [f"## {title}", "", doc, "", _row(head), _row(["---"] * len(head))]
    for leaf in leaves:
        variable = [f"`{leaf.environment}`"] if has_variables else []
        lines.append(_row([f"`{leaf.name}`", *variable, _type(leaf), _default(leaf), leaf.rule.doc]))
    return [*lines, ""]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(leaf: Leaf) -> str:
    if leaf.rule.keyed_by:
        return "tables by name"
    return ", ".join([_type_name(leaf.type), *_limits(leaf)])


def _type_name(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " / ".join(f"`{choice}`" for choice in get_args(kind))
    if get_origin(kind) is tuple:
        entry = get_args(kind)[0]
        return "list of tables" if dataclasses.is_dataclass(entry) else f"list of {_type_name(entry)}"
    if issubclass(kind, enum.StrEnum):
        return " / ".join(f"`{member.value}`" for member in kind)
    return _TYPE_NAMES[kind]


_TYPE_NAMES = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "path",
    Secret: "secret text",
}


def _limits(leaf: Leaf) -> Iterator[str]:
    rule, unit = leaf.rule, " entries" if get_origin(leaf.type) is tuple else ""
    if rule.least_above_zero is not None:
        yield f"0 or at least {_number(rule.least_above_zero)}"
    if rule.minimum is not None and rule.maximum is not None:
        yield f"{_number(rule.minimum)} to {_number(rule.maximum)}{unit}"
    elif rule.minimum is not None:
        yield f"at least {_number(rule.minimum)}{unit}"
    elif rule.maximum is not None:
        yield f"at most {_number(rule.maximum)}{unit}"
    if rule.pattern is not None and rule.pattern.pattern != r"\S+":
        yield f"matches `{rule.pattern.pattern}`"


def _number(value: float) -> str:
    return f"{value:,.15g}"


def _default(leaf: Leaf) -> str:
    if leaf.default is dataclasses.MISSING:
        return "required"
    others = [f"{profile}: {_literal(value)}" for profile, value in leaf.rule.profile_defaults.items()]
    return "; ".join([_literal(leaf.default), *others])


def _literal(value: object) -> str:
    plain = _plain(value)
    if isinstance(plain, bool):
        return f"`{str(plain).lower()}`"
    if isinstance(plain, int | float):
        return f"`{plain:.15g}`"
    return f"`{plain}`" if plain else "empty"
