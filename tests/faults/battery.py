"""One line of JSON for each test of the battery: what was done how often, what was seen, and what was asked for."""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path("build/faults.jsonl")


def report(test: str, *, n: int, figure: object, bar: object, passed: bool) -> None:
    """Prints the line of one test and keeps it in `build/faults.jsonl`.

    Args:
        test: id in the battery, for example `A1`.
        n: how often it was done: 0 failures of n bound the rate at 3/n (95 %).
        figure: what was seen.
        bar: what was asked for.
        passed: whether the figure meets the bar.
    """
    line = json.dumps({"id": test, "n": n, "figure": figure, "bar": bar, "pass": passed})
    print(line)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as kept:
        kept.write(line + "\n")
