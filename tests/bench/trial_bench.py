"""How often a trial is wrong and how soon it is right, in made-up worlds: `make bench ONLY=trial`.

`python -m tests.bench.trial_bench` prints the tables of `docs/trials.md`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from atp_grpc.learning.trial.terms import TrialTerms
from tests.bench.trial_world import SHAPES, Verdicts, World, judged

TRIALS, OUTCOMES, AT_ONCE = 2_000, 20_000, 100
SHARES: Final = (0.05, 0.2, 0.5)
DIFFERENCES: Final = (0.01, 0.03, 0.1)
TERMS: Final = TrialTerms("challenger", 0.5)


def rows() -> list[dict[str, object]]:
    """The figures: false promotions where nothing differs and at the margin, and the power, over all shapes."""
    figures = []
    for shape in SHAPES:
        for share in SHARES:
            name = f"{shape}.share_{share:g}"
            same = run(World(shape, share))
            shown = float(same.shown_better_or_cheaper.mean())
            figures.append(_row(f"trial.shown_without_difference.{name}", shown, "of trials", 0.05))
            figures.append(_row(f"trial.rolled_back_without_difference.{name}", _ever(same.rolled_back), "of trials"))
            edge = run(World(shape, share, difference=-TERMS.gates.quality_margin, cost_ratio=0.5))
            figures.append(_row(f"trial.promoted_at_the_margin.{name}", _ever(edge.promoted), "of trials", 0.05))
    for shape in SHAPES:
        for share in SHARES:
            for difference in DIFFERENCES:
                better = run(World(shape, share, difference=difference), trials=400)
                name = f"{shape}.share_{share:g}.better_{difference:g}"
                figures.append(_row(f"trial.power.{name}", _ever(better.promoted), "of trials", trials=400))
                figures.append(_row(f"trial.median.{name}", _median(better.promoted), "outcomes", trials=400))
    for share in SHARES:
        for what, world in _USES.items():
            told = run(World("even", share, **world), trials=400)
            ends = told.rolled_back if "worse" in what or "failing" in what else told.promoted
            figures.append(_row(f"trial.power.{what}.share_{share:g}", _ever(ends), "of trials", trials=400))
            figures.append(_row(f"trial.median.{what}.share_{share:g}", _median(ends), "outcomes", trials=400))
    return figures


_USES: Final[dict[str, dict[str, float]]] = {
    "cheaper_by_30_percent": {"cost_ratio": 0.7},
    "cheaper_by_50_percent": {"cost_ratio": 0.5},
    "worse_by_0.1": {"difference": -0.1},
    "worse_by_0.3": {"difference": -0.3},
    "failing_0.1_more": {"more_failures": 0.1},
}


def run(world: World, *, trials: int = TRIALS, outcomes: int = OUTCOMES, seed: int = 7) -> Verdicts:
    """Many trials in one world; a hundred at a time, because their outcomes lie in memory."""
    chance = np.random.default_rng(seed)
    parts = [
        judged(
            world.arrivals(min(AT_ONCE, trials - start), outcomes, chance),
            TERMS.gates,
            share=world.share,
            hold=TERMS.hold,
        )
        for start in range(0, trials, AT_ONCE)
    ]
    return Verdicts(*(np.concatenate(one) for one in zip(*parts, strict=True)))


def _ever(ends: np.ndarray) -> float:
    return float(np.isfinite(ends).mean())


def _median(ends: np.ndarray) -> float:
    """Of all trials; infinite when most of them never end so."""
    return float(np.median(ends))


def _row(name: str, value: float, unit: str, most: float | None = None, *, trials: int = TRIALS) -> dict[str, object]:
    ratio = "" if most is None else value / most
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "baseline": "" if most is None else "at most",
        "baseline_value": "" if most is None else most,
        "ratio": ratio,
        "n": trials,
    }


def tables(values: Mapping[str, float]) -> Iterator[str]:
    """The figures by name as tables in Markdown."""
    shares = [f"{share:.0%}".replace("%", " %") for share in SHARES]
    yield from _head(
        "outcomes", "share", "shown, though not so", "rolled back, though the same", "promoted at the margin"
    )
    for shape, (share, text) in itertools.product(SHAPES, zip(SHARES, shares, strict=True)):
        name = f"{shape}.share_{share:g}"
        kinds = ("shown_without_difference", "rolled_back_without_difference", "promoted_at_the_margin")
        yield _line(shape, text, *(_percent(values[f"trial.{kind}.{name}"]) for kind in kinds))
    yield ""
    yield from _head("outcomes", "share", *(f"better by {difference:g}" for difference in DIFFERENCES))
    for shape, (share, text) in itertools.product(SHAPES, zip(SHARES, shares, strict=True)):
        names = (f"{shape}.share_{share:g}.better_{difference:g}" for difference in DIFFERENCES)
        yield _line(shape, text, *(_power(values, name) for name in names))
    yield ""
    yield from _head("even outcomes, and", *(f"share {text}" for text in shares))
    for what in _USES:
        yield _line(what.replace("_", " "), *(_power(values, f"{what}.share_{share:g}") for share in SHARES))


def _head(*columns: str) -> tuple[str, str]:
    return _line(*columns), _line(*["---"] * len(columns))


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _power(values: Mapping[str, float], name: str) -> str:
    """How many of the trials end so within their outcomes, and the median of all of them where it is one."""
    median = values[f"trial.median.{name}"]
    return f"{100 * values[f'trial.power.{name}']:.0f} %" + (f", {median:,.0f}" if np.isfinite(median) else "")


def main() -> None:
    """Prints the figures in Markdown."""
    print("\n".join(tables({str(row["name"]): float(str(row["value"])) for row in rows()})))


if __name__ == "__main__":
    main()
