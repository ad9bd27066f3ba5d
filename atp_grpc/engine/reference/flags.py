"""The built-in feature schema `flags.v1`: fifteen cheap marks of a text, all in 0..1.

Entered by the engine when a query carries text. The marks need no model and no language; what each one says is stated
in `docs/selection.md`, and the word lists live in `engine/flags.json`. It never keeps or logs the text.
"""

from __future__ import annotations

import json
import math
import re
import struct
from dataclasses import dataclass
from importlib import resources
from typing import Final

from atp_grpc.engine.contract import InvalidQueryError

FLAGS_SCHEMA: Final = "flags.v1"
FLAGS_DIMENSION: Final = 15

_SPACE: Final = b" \t\n\v\f\r"
_DIGITS: Final = b"0123456789"
_UPPER: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LETTERS: Final = _UPPER + _UPPER.lower()
_NON_ASCII_LEAD: Final = bytes(range(0xC0, 0x100))
_CODE_MARKS: Final = b"{}();=<>[]_`#"
_MATH_MARKS: Final = b"+-*/^=%$\\"
_PACKED: Final = struct.Struct(f"<{FLAGS_DIMENSION}f")
_OPTION: Final = re.compile(rb"^[ \t]*(?:\([A-Za-z]\)|[A-Za-z][.)])(?=[ \t\n\v\f\r]|\Z)", re.MULTILINE)
_LIST_MARK: Final = re.compile(rb"^[ \t]*(?:[-*] |[#|>]|[0-9]+[.)])", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FlagExtractor:
    """Computes `flags.v1`. The word lists are ASCII, lower case, and matched as plain substrings."""

    code_words: tuple[bytes, ...]
    math_words: tuple[bytes, ...]
    writing_words: tuple[bytes, ...]

    @classmethod
    def load(cls) -> FlagExtractor:
        """Builds the extractor from the word lists shipped with the package."""
        lists = json.loads(resources.files("atp_grpc.engine").joinpath("flags.json").read_bytes())
        if lists["schema"] != FLAGS_SCHEMA:
            raise ValueError("flags.json describes another schema than the one computed here")
        return cls(*(tuple(word.encode() for word in lists[kind]) for kind in cls.__slots__))

    def extract(self, text: str) -> bytes:
        """The fifteen features as packed little-endian float32.

        Raises:
            InvalidQueryError: the text holds a lone surrogate, which no UTF-8 can carry.
        """
        try:
            data = text.encode()
        except UnicodeEncodeError:
            raise InvalidQueryError("the text holds a lone surrogate") from None
        lower = data.lower()
        characters = len(text)
        spaces = _count(data, _SPACE)
        words = len(data.split())
        letters = _count(data, _LETTERS)
        length = max(characters, 1)
        return _PACKED.pack(
            _logarithmic(characters, 8192),
            _logarithmic(words, 2048),
            min(1.0, (characters - spaces) / max(words, 1) / 12),
            min(1.0, 4 * _count(data, _DIGITS) / length),
            min(1.0, 4 * _count(data, _UPPER) / max(letters, 1)),
            _count(data, _NON_ASCII_LEAD) / length,
            _logarithmic(data.count(b"\n"), 64),
            float(b"?" in data),
            min(1.0, 8 * _count(data, _CODE_MARKS) / length),
            float(any(word in lower for word in self.code_words)),
            min(1.0, 8 * _count(data, _MATH_MARKS) / length),
            min(1.0, _distinct(lower, self.math_words) / 3),
            min(1.0, len(_OPTION.findall(data)) / 4),
            _logarithmic(len(_LIST_MARK.findall(data)), 16),
            min(1.0, _distinct(lower, self.writing_words) / 3),
        )


def _count(data: bytes, members: bytes) -> int:
    """How many bytes of `data` are among `members`."""
    return len(data) - len(data.translate(None, members))


def _distinct(lower: bytes, words: tuple[bytes, ...]) -> int:
    return sum(word in lower for word in words)


def _logarithmic(count: int, full: int) -> float:
    """Grows like the logarithm of the count and reaches 1 at `full`."""
    return min(1.0, math.log(1 + count) / math.log(1 + full))
