"""How an uncased BERT folds every character of Unicode, as a table.

Entered by the maker of the text table only. A character is dropped, becomes a space, or becomes its letters in lower
case without accents; punctuation and the characters of Chinese stand alone between spaces.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator
from typing import Final

from atp_grpc.engine.text_table import ITSELF, Folding

_IDEOGRAPHS: Final = (
    range(0x4E00, 0xA000),
    range(0x3400, 0x4DC0),
    range(0x20000, 0x2A6E0),
    range(0x2A700, 0x2B740),
    range(0x2B740, 0x2B820),
    range(0x2B920, 0x2CEB0),
    range(0xF900, 0xFB00),
    range(0x2F800, 0x2FA20),
)
_SPACES: Final = frozenset({"Zs", "Zl", "Zp"})
# A character that is not assigned yet may become a letter, so it is none of these.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co"})
_ASCII_MARKS: Final = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


def foldings() -> tuple[Folding, ...]:
    """All characters that do not stay as they are, in order; neighbours of one fate are one entry."""
    return tuple(_joined())


def _joined() -> Iterator[Folding]:
    first, fate = 0, fold(0)
    for code in range(1, sys.maxunicode + 2):
        text = fold(code) if code <= sys.maxunicode else None
        if text == fate:
            continue
        if fate is not None:
            yield Folding(first, code - 1, fate)
        first, fate = code, text


def fold(code: int) -> str | None:
    """What replaces the character, or None if it stays."""
    character = chr(code)
    category = unicodedata.category(character)
    if character in "\t\n\r" or category in _SPACES:
        return " "
    if character in "\0\ufffd" or category in _UNSEEN:
        return ""
    letters = [mark for mark in unicodedata.normalize("NFD", character) if unicodedata.category(mark) != "Mn"]
    folded = "".join(_apart(lower) for letter in letters for lower in letter.lower())
    if any(code in ideographs for ideographs in _IDEOGRAPHS):
        folded = f" {folded} "
    if folded == character:
        return None
    # An entry that speaks of its own character can be shared by a whole range.
    return folded.replace(character, ITSELF)


def _apart(character: str) -> str:
    is_mark = character in _ASCII_MARKS or unicodedata.category(character)[0] == "P"
    return f" {character} " if is_mark else character
