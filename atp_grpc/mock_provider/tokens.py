"""The stand-in's tokenizer: what one token is, so that a test can count along.

Dialects and answers enter here. It is no model's tokenizer and never claims to be: it is exact, lossless and easy to
do by hand.
"""

from __future__ import annotations

import re

IMAGE_TOKENS = 85
"""What one picture counts as, whatever it shows."""

_PIECE = re.compile(r"\s*(?:\w+|[^\w\s])|\s+")


def split_tokens(text: str) -> list[str]:
    """The tokens of a text; joined they are the text again.

    A token is a run of letters, digits and underscores, or one other sign, each together with the blanks before it;
    blanks at the very end are a token of their own. `"Hello, world!"` has four: `Hello` `,` ` world` `!`.
    """
    return _PIECE.findall(text)


def count_tokens(text: str) -> int:
    """How many tokens a text has."""
    return len(split_tokens(text))
