"""What ceilings and floors come to in made-up worlds: `python -m tests.bench.pacing_bench` prints the tables of
`docs/pacing.md`."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Final

from atp_grpc.tenancy.pacing import Targets
from tests.bench.pacing_world import (
    CHEAP_AND_DEAR,
    COST_SCALE,
    GRADED,
    HARD_PROMPTS,
    THREE,
    Arm,
    Served,
    World,
    ceiled,
    floor_kept,
    mean_cost,
)

SEEDS, DELAY = 10, 20
WORLDS: Final = {
    "cheap and dear": CHEAP_AND_DEAR,
    "cheap and dear, graded": GRADED,
    "three arms": THREE,
    "hard prompts": HARD_PROMPTS,
}


def main() -> None:
    """Prints the tables in Markdown."""
    _row("world", "ceiling", "first price", "after 500", "after 1,375", "after 5,000", "quality")
    _row(*["---"] * 7)
    for name in ("cheap and dear", "three arms", "hard prompts"):
        for share in (0.1, 0.3, 0.6):
            _ceiling(name, WORLDS[name], round(share * COST_SCALE))
    print()
    _row("world", "cost weight", "windows kept", "mean share of the best", "cost / cost of the best")
    _row(*["---"] * 5)
    for name, arms in WORLDS.items():
        for cost_weight in (0.1, 0.5, 5.0):
            _floor(name, arms, cost_weight)


def _ceiling(name: str, arms: Sequence[Arm], ceiling: int) -> None:
    targets = ceiled(ceiling)
    found = statistics.mean(served[-1].cost_price for served in _runs(arms, targets, 5_000))
    for first in (0.0, found):
        runs = _runs(arms, targets, 5_000, first_price=first)
        spent = [statistics.mean(mean_cost(run[:n]) / ceiling for run in runs) for n in (500, 1_375, 5_000)]
        quality = _mean(runs, lambda served: statistics.mean(one.quality for one in served))
        share = f"{ceiling / COST_SCALE:g} of the best"
        _row(name, share, f"{first:.2f}", *(f"{value:.3f}" for value in spent), f"{quality:.3f}")


def _floor(name: str, arms: Sequence[Arm], cost_weight: float) -> None:
    runs = _runs(arms, Targets(quality_floor_of_best=0.95), 3_300, cost_weight=cost_weight)
    windows = [kept for served in runs for kept in floor_kept(served, 0.95)]
    share = _mean(runs, lambda served: sum(s.quality for s in served) / sum(s.quality_of_best for s in served))
    cost = _mean(runs, mean_cost) / COST_SCALE
    _row(name, f"{cost_weight:g}", f"{sum(windows)} of {len(windows)}", f"{share:.3f}", f"{cost:.2f}")


def _runs(
    arms: Sequence[Arm], targets: Targets, requests: int, *, cost_weight: float = 0.0, first_price: float = 0.0
) -> list[list[Served]]:
    world = World(arms, DELAY)
    return [
        world.serve(requests, targets, seed=seed, cost_weight=cost_weight, first_price=first_price)
        for seed in range(SEEDS)
    ]


def _mean(runs: list[list[Served]], figure: Callable[[list[Served]], float]) -> float:
    return statistics.mean(map(figure, runs))


def _row(*columns: str) -> None:
    print(f"| {' | '.join(columns)} |", flush=True)


if __name__ == "__main__":
    main()
