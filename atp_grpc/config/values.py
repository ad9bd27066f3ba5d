"""One value of one setting: from the text of a variable or the value of a file to the declared type, or what is wrong.

The loader enters here once per given value. Adding a setting needs nothing here; a new type of setting does. It never
looks up a source, and the sentence about a secret never quotes it.
"""

from __future__ import annotations

import dataclasses
import difflib
import enum
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from atp_grpc.config.fields import Leaf, Rule, Secret, leaves_of

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_LONGEST_QUOTE = 60


@dataclasses.dataclass(frozen=True, slots=True)
class Misfit:
    """What is wrong with a value. `where` names the part of it, for example `[0].digest`; empty: the value itself."""

    where: str
    sentence: str


class MisfitError(ValueError):
    """A value that cannot be a setting; holds everything that is wrong with it."""

    def __init__(self, misfits: Sequence[Misfit]) -> None:
        super().__init__("; ".join(f"{misfit.where} {misfit.sentence}".strip() for misfit in misfits))
        self.misfits = tuple(misfits)


def read_text(leaf: Leaf, text: str) -> Any:
    """The value that a text stands for, by the setting's type; a list is written as JSON.

    Raises:
        MisfitError: it stands for none.
    """
    if get_origin(leaf.type) is tuple:
        try:
            entries = json.loads(text)
        except (ValueError, RecursionError):
            raise _misfit(f"must be a JSON {'object' if leaf.rule.keyed_by else 'list'}") from None
        return read_value(leaf, entries)
    return _obey(leaf.rule, leaf.type, _scalar(leaf.type, _untext(leaf.type, text)))


def read_value(leaf: Leaf, value: object) -> Any:
    """The setting that a value of a file stands for. Nothing is converted but a whole number to a number.

    Raises:
        MisfitError: it stands for none.
    """
    if get_origin(leaf.type) is not tuple:
        return _obey(leaf.rule, leaf.type, _scalar(leaf.type, value))
    if leaf.rule.keyed_by:
        return _obey(leaf.rule, leaf.type, _keyed(leaf, value))
    if not isinstance(value, list | tuple):
        raise _misfit(f"must be a list, got {_quote(value)}")
    entry, entries, misfits = get_args(leaf.type)[0], [], []
    for position, raw in enumerate(value):
        try:
            entries.append(_scalar(entry, raw) if leaf.table is None else _table(leaf.table, raw))
        except MisfitError as error:
            misfits += [Misfit(f"[{position}]{misfit.where}", misfit.sentence) for misfit in error.misfits]
    if misfits:
        raise MisfitError(misfits)
    return _obey(leaf.rule, leaf.type, tuple(entries))


def unknown(name: str, known: Iterable[str]) -> str:
    """The sentence about a name that does not exist, with the name that may have been meant."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"unknown; did you mean {near[0]}?" if near else "unknown"


def _keyed(leaf: Leaf, value: object) -> tuple[Any, ...]:
    """The tables of a table of tables, in order; each learns its name."""
    if not isinstance(value, dict) or leaf.table is None:
        raise _misfit(f"must be a table of tables, got {_quote(value)}")
    entries, misfits = [], []
    for name, raw in value.items():
        try:
            if isinstance(raw, dict) and leaf.rule.keyed_by in raw:
                raise _misfit(f"has its {leaf.rule.keyed_by} already: it is the name of the table")
            entries.append(_table(leaf.table, {**raw, leaf.rule.keyed_by: name} if isinstance(raw, dict) else raw))
        except MisfitError as error:
            misfits += [Misfit(f".{name}{misfit.where}", misfit.sentence) for misfit in error.misfits]
    if misfits:
        raise MisfitError(misfits)
    return tuple(entries)


def _table(table: type, raw: object) -> Any:
    if not isinstance(raw, dict):
        raise _misfit(f"must be a table, got {_quote(raw)}")
    leaves = {leaf.name: leaf for leaf in leaves_of(table)}
    misfits = [Misfit(f".{name}", unknown(str(name), leaves)) for name in raw if name not in leaves]
    values = {}
    for name, leaf in leaves.items():
        if name not in raw:
            if leaf.default is dataclasses.MISSING:
                misfits.append(Misfit(f".{name}", "is missing"))
            continue
        try:
            values[name] = read_value(leaf, raw[name])
        except MisfitError as error:
            misfits += [Misfit(f".{name}{misfit.where}", misfit.sentence) for misfit in error.misfits]
    if misfits:
        raise MisfitError(misfits)
    return table(**values)


def _untext(kind: Any, text: str) -> object:
    """A text as a file would have given it."""
    word = text.strip()
    try:
        if kind is bool and word.lower() in _TRUE | _FALSE:
            return word.lower() in _TRUE
        if kind is int:
            return int(word)
        if kind is float:
            return float(word)
    except ValueError:
        pass
    return text


def _scalar(kind: Any, value: object) -> Any:
    """A single value as its type. `bool` is no number, although Python says so."""
    if kind is float and type(value) in {int, float}:
        number = _as_float(value)
        if math.isfinite(number):
            return number
    if kind in {bool, int} and type(value) is kind:
        return value
    if kind in {str, Path, Secret} and isinstance(value, str | kind) and str(value).isprintable():
        return kind(value)
    choices = _choices(kind)
    if isinstance(value, str) and value in choices:
        return kind(value) if isinstance(kind, type) else str(value)
    wanted = f"one of {', '.join(choices)}" if choices else _NAMES[kind]
    got = "something else" if kind is Secret else _quote(value)
    raise _misfit(f"must be {wanted}, got {got}")


_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "printable text",
    Path: "a printable path",
    Secret: "printable text",
}


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _choices(kind: Any) -> tuple[str, ...]:
    if get_origin(kind) is Literal:
        return get_args(kind)
    if isinstance(kind, type) and issubclass(kind, enum.StrEnum):
        return tuple(member.value for member in kind)
    return ()


def _obey(rule: Rule, kind: Any, value: Any) -> Any:
    """The value itself, if it keeps the setting's rule."""
    is_list = isinstance(value, tuple)
    size = len(value) if is_list else value
    verb, unit, got = ("have", " entries", f"{size}") if is_list else ("be", "", _quote(value))
    sentence = ""
    if rule.minimum is not None and size < rule.minimum:
        sentence = f"must {verb} at least {rule.minimum:.15g}{unit}, got {got}"
    elif rule.maximum is not None and size > rule.maximum:
        sentence = f"must {verb} at most {rule.maximum:.15g}{unit}, got {got}"
    elif rule.least_above_zero is not None and size != 0 and size < rule.least_above_zero:
        sentence = f"must be 0 or at least {rule.least_above_zero:g}, got {got}"
    elif rule.pattern is not None and not rule.pattern.fullmatch(value):
        sentence = f"must match {rule.pattern.pattern}" + ("" if kind is Secret else f", got {got}")
    if sentence:
        raise _misfit(sentence)
    return value


def _misfit(sentence: str) -> MisfitError:
    return MisfitError([Misfit("", sentence)])


def _quote(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."
