"""The figures by which a whole sweep is judged; `docs/grading.md` defines each and says how to read it.

`score` enters here with the settings' standings. It knows no choices: only means by seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from atp_grpc.replay.grading.frontier import Frontier
from atp_grpc.replay.grading.hull import Floats
from atp_grpc.replay.grading.standing import SettingStanding, costs_by_seed
from atp_grpc.replay.grading.table import OutcomeTable

CALL_GRID: Final = 1001
"""Shares of strong calls at which the curve of calls is read."""


class CallCurve(NamedTuple):
    """What strong calls bought: area under the curve, and the least shares of them that recover half and 0.8."""

    apgr: float
    cpt50: float
    cpt80: float


def metrics(table: OutcomeTable, standings: Sequence[SettingStanding]) -> dict[str, float]:
    """Every figure that the settings allow, by name; those named `_sd` are population standard deviations over seeds.

    `q0` needs a setting that ignores cost; the shares and costs need a cost sweep and costs; the curve of calls needs
    two models. A figure that is not reached is nan.
    """
    found: dict[str, float] = {}
    for standing in standings:
        if standing.setting.weight == 0:
            found |= {"q0": standing.mean_quality, "q0_sd": float(standing.quality.std())}
    if table.frontier is None:
        return found
    sweep = [standing for standing in standings if standing.setting.is_of_cost_sweep]
    if sweep:
        found |= _sweep_metrics(table.frontier, sweep)
    calls = [standing for standing in standings if standing.setting.is_calls] or sweep
    if calls and table.strong:
        found |= _call_metrics(table.frontier, calls)
    return found


def call_curve(calls: Floats, quality: Floats, weak: float, strong: float) -> CallCurve:
    """Recovered gap, (quality - weak) / (strong - weak), against the share of calls that went to the strong model.

    Straight between points and from (0, 0) to (1, 1), no hull (Ong et al., *RouteLLM*, arXiv 2406.18665).
    """
    shares = np.concatenate([[0.0], calls, [1.0]])
    recovered = (np.concatenate([[weak], quality, [strong]]) - weak) / (strong - weak)
    order, grid = np.argsort(shares, kind="stable"), np.linspace(0, 1, CALL_GRID)
    curve = np.interp(grid, shares[order], recovered[order])
    half, most = 0.5, 0.8
    return CallCurve(
        apgr=float((curve[1:] + curve[:-1]).mean() / 2),
        cpt50=float(grid[np.argmax(curve >= half)]),
        cpt80=float(grid[np.argmax(curve >= most)]),
    )


def _sweep_metrics(frontier: Frontier, sweep: Sequence[SettingStanding]) -> dict[str, float]:
    costs, qualities = costs_by_seed(sweep), np.array([standing.quality for standing in sweep])
    whole = frontier.policy(costs.mean(1), qualities.mean(1))
    by_seed = [frontier.policy(*points) for points in zip(costs.T, qualities.T, strict=True)]
    return {
        "share_lin": frontier.share_lin(whole),
        "share_lin_sd": float(np.std([frontier.share_lin(hull) for hull in by_seed])),
        "share_log": frontier.share_log(whole),
        "share_log_sd": float(np.std([frontier.share_log(hull) for hull in by_seed])),
        "cost98": frontier.cost_of(whole, 0.98),
        "cost95": frontier.cost_of(whole, 0.95),
    }


def _call_metrics(frontier: Frontier, points: Sequence[SettingStanding]) -> dict[str, float]:
    weak, strong = frontier.cheapest_quality, frontier.best_quality
    calls, qualities = (np.array(rows) for rows in zip(*((p.best_share, p.quality) for p in points), strict=True))
    curves = [call_curve(*seed, weak, strong) for seed in zip(calls.T, qualities.T, strict=True)]
    apgr, cpt50, cpt80 = (np.array(column) for column in zip(*curves, strict=True))
    return {
        "apgr": float(apgr.mean()),
        "apgr_sd": float(apgr.std()),
        "cpt50": float(cpt50.mean()),
        "cpt80": float(cpt80.mean()),
    }
