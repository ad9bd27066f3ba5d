"""What a policy is compared with, as plain values: single models, the random choice, the hulls of both bounds.

Scores print them and write them to JSON. They need every outcome of the file and are known only in hindsight.
"""

from __future__ import annotations

from atp_grpc.replay.grading.frontier import Frontier
from atp_grpc.replay.grading.hull import Hull
from atp_grpc.replay.grading.table import OutcomeTable


def references(table: OutcomeTable) -> dict[str, dict[str, object]]:
    """By name. Quality is a mean 0..1, `usd_per_1k` US dollars per 1,000 requests, `cost98` a part of the best model's.

    A file without costs has the qualities of `best_single`, `random` and `oracle` alone.
    """
    frontier = table.frontier
    found: dict[str, dict[str, object]] = {
        "best_single": _single(table, table.best),
        "random": {"quality": float(table.mean_quality.mean())},
        "oracle": {"quality": float(table.quality.max(1).mean())},
    }
    if frontier is None:
        return found
    found["cheapest"] = _single(table, frontier.cheapest)
    found["random"]["usd_per_1k"] = float(frontier.mean_cost.mean())
    found["range"] = {"c_min": frontier.c_min, "c_hi": frontier.c_hi}
    found["oracle"] = _bound(frontier, frontier.oracle)
    # Rounded for people; nothing is computed from them.
    points = [[round(cost, 6), round(quality, 6)] for cost, quality in frontier.zero.corners]
    found["zero_hull"] = {**_bound(frontier, frontier.zero), "points": points}
    return found


def _single(table: OutcomeTable, column: int) -> dict[str, object]:
    made: dict[str, object] = {"model": table.model(column), "quality": float(table.mean_quality[column])}
    if table.frontier is not None:
        made["usd_per_1k"] = float(table.frontier.mean_cost[column])
    return made


def _bound(frontier: Frontier, hull: Hull) -> dict[str, object]:
    cost, quality = hull.best
    return {
        "quality": quality,
        "usd_per_1k": cost,
        "cost98": frontier.cost_of(hull, 0.98),
        "cost95": frontier.cost_of(hull, 0.95),
    }
