"""Compares what a page shows below a prompt with what the command prints: ids, keys, tokens and times do not count.

A line `...` in a page stands for any number of lines. Nothing is run here.
"""

from __future__ import annotations

import re

_MASKS = (
    (re.compile(r"\batp_[a-z]+_\w{20,}"), "KEY"),
    (re.compile(r"[A-Za-z0-9+/_-]{120,}={0,2}"), "TOKEN"),
    (re.compile(r"\b(?:[0-9a-f]{16}|[0-9a-f]{32})\b"), "ID"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
    (re.compile(r"\b(?:127\.0\.0\.1|localhost):\d+"), "ADDRESS"),
    (re.compile(r"\b\d+(?:\.\d+)? ?(?:ns|us|µs|ms|s)\b"), "SPAN"),
    (re.compile(r"(Requests/sec:\s+)[\d.]+"), r"\1RATE"),
    (re.compile(r'("engine": ")\w+'), r"\1ENGINE"),
)
ANYTHING = "..."


def masked(text: str) -> list[str]:
    """The lines of an output, with what differs from run to run hidden and blanks at the ends cut."""
    for pattern, name in _MASKS:
        text = pattern.sub(name, text)
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def agrees(shown: str, printed: str) -> bool:
    """Whether a page shows what was printed."""
    wanted, left = masked(shown), masked(printed)
    pattern = "".join(r"(?:.*\n)*?" if line.strip() == ANYTHING else re.escape(line) + r"\n" for line in wanted)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in left)) is not None
