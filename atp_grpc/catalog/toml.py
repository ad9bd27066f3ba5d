"""TOML from bytes that anyone may have written: one sentence with the line, whatever is wrong with them.

The catalogue and the settings are read through here. Fractions come as exact decimals only when asked for. It never
opens a file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

_POSITION = re.compile(r" \(at line (?P<line>\d+), column (?P<column>\d+)\)$")


class TomlFault(ValueError):
    """The bytes are no TOML document; `complaint` names the file and, where it is known, the line."""

    def __init__(self, complaint: str) -> None:
        super().__init__(complaint)
        self.complaint = complaint


def read_toml(data: bytes, name: str, *, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """The document in some bytes.

    Args:
        data: the content of a file.
        name: what complaints call the file.
        parse_float: turns the text of a fraction into a value.

    Raises:
        TomlFault: not UTF-8, not TOML, or nested or long beyond reason.
    """
    try:
        return tomllib.loads(data.decode("utf-8"), parse_float=parse_float)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TomlFault(f"{name}:{line}: not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise TomlFault(_located(name, str(error))) from None
    except RecursionError:
        raise TomlFault(f"{name}: nested too deeply") from None
    except ValueError:
        # A whole number with thousands of digits; Python refuses to convert it.
        raise TomlFault(f"{name}: holds a number that is too long") from None


def exact_decimal(text: str) -> Decimal:
    """A fraction as written; one beyond what decimals can hold comes as NaN, for the reader to refuse."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")


def _located(name: str, message: str) -> str:
    """What the parser says, with the line in front, where editors look for it."""
    found = _POSITION.search(message)
    return f"{name}:{found['line']}:{found['column']}: {message[: found.start()]}" if found else f"{name}: {message}"
