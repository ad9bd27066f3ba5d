"""Texts as odd as a tokenizer may meet, the same on every machine.

Entered by the tests and by the script that asks another tokenizer about them.
"""

from __future__ import annotations

import random
import sys
import unicodedata
from collections.abc import Iterator
from typing import Final

PLAIN: Final = (
    "",
    "The quick brown fox jumps over the lazy dog.",
    "Größe und Überfluß: naïve café, Straße, ÅNGSTRÖM, İstanbul, ΣΊΣΥΦΟΣ, Ёлка, ﬁne",
    "東京は夜の七時, 中文字符, 漢字kanji漢字, 서울특별시 한국어, ภาษาไทย, हिन्दी में, العربية, עברית",
    "😀 👩‍👩‍👧 hello😀world ☃ → ∑ ≠ ≤ ½ ² Ⅷ ١٢٣٤",
    "def add(a, b):\n    return a_1 + b[2] != {'x': 3.14e-10}  # `tick` @decorator\r\n\tprint(f\"{a!r}\")",
    '{"name": "get_weather", "arguments": {"city": "Zürich", "days": 12345, "units": null}}',
    "don't can't IT'S we'LL they'Ve I'd 'tis ''s x'\u017f a's's http://example.com/a/b//c?q=1&r=2 /// //\n",
    "camelCase HTTPServer iPhone McDonald ǅungla ʰa aʰ AÉbÉ éA\u0301b <|endoftext|> <|im_start|>",
    "  leading, trailing  \n\n  indented\n\t\ttabs \r\n\r\n   ",
    "a \u00a0\u2003 b\u200bc\ufeffd\u2028e\x85f\x0bg\x00h",
    "x" * 500 + "=" * 300 + " " * 200 + "7" * 100 + "中" * 150,
)
_COMMON: Final = (
    *" \n\t\r'sStTlLrReEvVdDmM.,!?/-_0123456789abcABC",
    *(
        "\u00a0",
        "\u2003",
        "é",
        "É",
        "ß",
        "\u017f",
        "\u212a",
        "İ",
        "\u0131",
        "ǅ",
        "\u0301",
        "\u200d",
        "'ll",
        "'S",
        "\n\n",
        "  ",
    ),
    *("the", " of", "WORLD", "camelCase", " привет", "你好"),
)
_COMMON_SHARE: Final = 0.8
_LONGEST: Final = 40


def odd_texts(count: int) -> Iterator[str]:
    """The plain ones, then mixtures of what the rules of cutting look at and of any characters of old standing."""
    chance = random.Random(21)
    # Unicode 3.2 ships with Python for good, and every tokenizer knows its characters.
    known = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.ucd_3_2_0.category(chr(code)) != "Cn"]
    known = [character for character in known if not "\ud800" <= character <= "\udfff"]
    yield from PLAIN
    for _ in range(count - len(PLAIN)):
        length = chance.randint(1, _LONGEST)
        yield "".join([chance.choice(_COMMON if chance.random() < _COMMON_SHARE else known) for _ in range(length)])
