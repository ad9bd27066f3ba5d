"""Light edits of a prompt: what a person changes without meaning anything else by it.

Whoever asks how steady choices are enters here. An edit is a rule and no chance, so the same text is always edited in
the same way; nothing here knows a model.
"""

from __future__ import annotations

import enum
import re
from typing import Final

_WORD: Final = re.compile(r"[^\W\d_]{4,}")
_GAP: Final = re.compile(r"(?<=\S) (?=\S)")


class Edit(enum.StrEnum):
    """What is changed."""

    CASE = "case of the first letter"
    TRAILING_SPACE = "a space at the end"
    DOUBLED_SPACE = "a doubled space"
    """The gap in the middle."""
    TYPO = "a typo"
    """Two letters change places, in the middle one of the words of four letters or more."""


def edited(edit: Edit, text: str) -> str | None:
    """The text after an edit; None when there is nothing in it to edit."""
    if edit is Edit.CASE:
        place = next((at for at, letter in enumerate(text) if letter.isalpha()), len(text))
        changed = text[:place] + text[place : place + 1].swapcase() + text[place + 1 :]
    elif edit is Edit.TRAILING_SPACE:
        changed = text + " "
    elif edit is Edit.DOUBLED_SPACE:
        gap = _middle(_GAP, text)
        changed = text if gap is None else text[: gap.start()] + " " + text[gap.start() :]
    else:
        changed = _mistyped(text)
    return None if changed == text else changed


def _mistyped(text: str) -> str:
    word = _middle(_WORD, text)
    if word is None:
        return text
    second, rest = word.start() + 1, word.start() + 3
    return text[:second] + text[second + 1] + text[second] + text[rest:]


def _middle(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = list(pattern.finditer(text))
    return found[len(found) // 2] if found else None
