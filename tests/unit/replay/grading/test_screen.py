"""The page that a score prints."""

from __future__ import annotations

import io

import numpy as np
from rich.console import Console

from atp_grpc.replay.grading import Score, score
from tests.unit.replay.grading.worlds import lines, noisy_sweep, sweep, table

CHANCE = np.random.default_rng(5)
WORLD = table((CHANCE.random((300, 2)) < [0.5, 0.8]).astype(float), CHANCE.integers(1_000, 3_000, (300, 2)) * [1, 20])


def printed(graded: Score) -> str:
    text = io.StringIO()
    graded.show(Console(file=text, width=120))
    return text.getvalue()


def test_everything_has_its_place_on_the_page() -> None:
    settings = ["0", "0.1", "3", "calls=0.1", "ceiling=0.02"]
    page = printed(score(WORLD, noisy_sweep(WORLD, settings, [0, 1], halves=False)))

    for words in (
        "made   300 prompts, 2 models, 2 seeds",
        "zero_hull",
        "oracle",
        *settings,
        "share_log",
        "apgr",
        "run_max",
    ):
        assert words in page
    assert max(map(len, page.splitlines())) <= 120


def test_what_is_below_the_hull_points_left_and_what_is_above_right() -> None:
    half = (np.arange(300) < 150).astype(int)
    best = (WORLD.quality[:, 1] > WORLD.quality[:, 0]).astype(int)
    page = printed(score(WORLD, sweep(WORLD, {"bad": 1 - best, "good": best, "half": half})))
    rows = {line.split()[0]: line for line in page.splitlines() if line.strip()}

    assert "█│" in rows["bad"]
    assert "│█" in rows["good"]


def test_a_ceilings_row_reads_spend_worst_seed_peak_and_both_bounds() -> None:
    graded = score(WORLD, noisy_sweep(WORLD, ["ceiling=0.02"], [0, 1], halves=False))
    held = graded.standings[0].ceiling
    page = printed(graded)

    assert held is not None
    parts, qualities = (held.spend, held.spend_worst, held.run_max), (held.zero, held.oracle)
    row = ["ceiling=0.02", *(f"{part:.3f}" for part in parts), *(f"{quality:.4f}" for quality in qualities)]
    assert row in [line.split() for line in page.splitlines()]


def test_a_file_without_costs_and_without_a_sweep_is_a_short_page() -> None:
    world = table([[0.2, 0.9], [0.4, 0.3]], None)
    page = printed(score(world, lines(world, "plain", 1)))

    assert "Metrics" not in page
    assert "plain" in page
