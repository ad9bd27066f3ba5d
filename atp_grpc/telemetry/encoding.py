"""JSON for log lines: small, strict and safe to print on any terminal.

Everything that writes a log line encodes it here. Control characters, line breaks, escape sequences and everything
beyond ASCII leave escaped, long values leave cut, and an object of unknown type leaves as the name of its type, never
as its text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii

TEXT_CHARACTERS = 512
LIST_ITEMS = 64
_CONSTANTS = {True: "true", False: "false", None: "null"}


def encode_line(fields: Mapping[str, object]) -> str:
    """One JSON object on one line, in the order of the fields, without the line break."""
    return "{" + ",".join([f"{encode_text(key)}:{encode_value(value)}" for key, value in fields.items()]) + "}"


def encode_text(text: str) -> str:
    """A JSON string of printable ASCII, at most 512 characters of the text in it."""
    if len(text) > TEXT_CHARACTERS:
        text = text[:TEXT_CHARACTERS] + "..."
    return encode_basestring_ascii(text)


def encode_value(value: object) -> str:
    """Any value in JSON."""
    match value:
        case bool() | None:
            return _CONSTANTS[value]
        case str():
            return encode_text(value)
        case int():
            return str(int(value))
        case float():
            return repr(float(value)) if math.isfinite(value) else f'"{value}"'
        case list() | tuple():
            return "[" + ",".join([encode_value(item) for item in value[:LIST_ITEMS]]) + "]"
        case _:
            return encode_text(f"<{type(value).__qualname__}>")
