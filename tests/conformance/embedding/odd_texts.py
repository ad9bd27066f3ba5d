"""Texts as odd as anybody may send, the same on every machine: scripts, accents, controls, long words, mixtures.

Entered by the tests and by the script that asks another tokenizer about them.
"""

from __future__ import annotations

import random
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

PLAIN: Final = (
    "The quick brown fox jumps over the lazy dog.",
    "Größe und Überfluß: naïve café, Straße, ÅNGSTRÖM, İstanbul, ΣΊΣΥΦΟΣ, Ёлка, ﬁne",
    "東京は夜の七時, 中文字符, 漢字kanji漢字, 서울특별시 한국어, ภาษาไทย, हिन्दी में, العربية, עברית",
    "😀 👩‍👩‍👧 hello😀world ☃ → ∑ ≠ ≤ ½ ²",
    "def add(a, b):\n    return a_1 + b[2] != {'x': 3.14e-10}  # `tick` @decorator\r\n\tprint(f\"{a!r}\")",
    "supercalifragilisticexpialidocious antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
    "x" * 99 + " " + "x" * 100 + " " + "x" * 101,
    "don't can't it's e-mail U.S.A. 3,141.59 $5.00 50% #tag user@example.com https://example.com/?q=1&r=2",
    "\x00\x01a\x7fb\x80c\x9fd\u200be\u200ff\ufefeg\ufeffh\ufffdi\u2028j\u2029k\u00a0l\u3000m\x0bn\x0co\x85p",
    "e\u0301 a\u030a\u0323 o\u0308\u0304 \u0301 \u1e9b\u0323 \u212b \u2126 \u037e \u1fef \u226e",
    "\ud7a3\uac00 \u1100\u1161\u11a8 \uf900\ufa0e \U0002f800 \U00020000 \ue000 \U000f0000 \U0010ffff \u0378",
    "##ing ## #ing [ unk ]ed [ sep ] unaffable unwanted running RUNNING RuNnInG",
    "",
    " ",
    "\t\n\r",
)


def odd_texts(vocabulary: Sequence[str], count: int) -> Iterator[str]:
    """The plain ones, then mixtures of words of the vocabulary, of accents, and of any characters of old standing."""
    chance = random.Random(20)
    # Unicode 3.2 ships with Python for good, and every tokenizer knows its characters.
    known = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.ucd_3_2_0.category(chr(code)) != "Cn"]
    known = [character for character in known if not "\ud800" <= character <= "\udfff"]
    accents = [character for character in known if unicodedata.category(character) == "Mn"][:200]
    yield from PLAIN
    for _ in range(count - len(PLAIN)):
        yield "".join(_stretch(chance, vocabulary, known, accents) for _ in range(chance.randint(1, 12)))


def _stretch(chance: random.Random, vocabulary: Sequence[str], known: Sequence[str], accents: Sequence[str]) -> str:
    kind = chance.randrange(8)
    word = chance.choice(vocabulary).removeprefix("##")
    if kind < 3:
        return word + chance.choice(["", " ", "\n", "-", "_", "'"])
    if kind == 3:
        return word.upper() if chance.random() < 0.5 else word.title() + " "
    if kind == 4:
        return "".join(letter + chance.choice(accents) for letter in word)
    if kind == 5:
        start = chance.randrange(len(known) - 40)
        return "".join(known[start + chance.randrange(40)] for _ in range(chance.randint(1, 8)))
    if kind == 6:
        return "".join(chr(chance.randrange(128)) for _ in range(chance.randint(1, 12)))
    return word * chance.randint(1, 30)
