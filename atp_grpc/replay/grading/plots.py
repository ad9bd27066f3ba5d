"""A picture of each score: what quality cost, beside what was to be had, and how the policy learned along the stream.

`atp replay` and studies enter here. It draws what a score holds and computes no metric; matplotlib is imported only
when something is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from atp_grpc.replay.grading.frontier import Frontier
from atp_grpc.replay.grading.hull import Floats
from atp_grpc.replay.grading.paper import COLOURS, FAINT, HAIRLINE, INK, dress, label, sheet
from atp_grpc.replay.grading.scores import Score
from atp_grpc.replay.grading.standing import SettingStanding, costs_by_seed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POLICY: Final = COLOURS[0]
ORACLE: Final = "#a06b00"
FOLLOWED: Final = (0.0, 0.1, 1.0)
"""Cost weights whose learning is drawn: the settings nearest to them."""

SETTLED: Final = 20
"""Requests before a running mean says anything; curves begin there."""


def draw(scores: Sequence[Score], path: Path) -> list[Path]:
    """Writes a picture of each score, png or svg by the suffix of the path.

    One score goes to the path itself, more than one to names with the dataset behind the stem: `curve-NAME.svg`.

    Returns:
        the files written, in the order of the scores.

    Raises:
        PictureError: matplotlib is missing or the suffix is neither; nothing is written.
        OSError: a file cannot be written.
    """
    alone = len(scores) == 1
    paths = [path if alone else path.with_stem(f"{path.stem}-{score.table.name}") for score in scores]
    for score, file in zip(scores, paths, strict=True):
        counts = f"{len(score.table.prompts):,} prompts, {len(score.table.models)} models, {len(score.seeds)} seeds"
        with sheet(file, f"{score.table.name}: {counts}") as (left, right):
            if score.table.frontier is None:
                _qualities(left, score)
            else:
                _quality_for_money(left, score, score.table.frontier)
            _learning(right, score)
    return paths


def _quality_for_money(axes: Axes, score: Score, frontier: Frontier) -> None:
    """Single models, the hulls of both bounds, and the policy's points and hull with the spread over seeds."""
    costs = np.geomspace(max(frontier.c_min, frontier.c_hi * 1e-9), max(frontier.mean_cost.max(), frontier.c_hi), 400)
    axes.set_xscale("log")
    axes.plot(costs, frontier.oracle.quality_at(costs), color=ORACLE, linewidth=1.6)
    axes.plot(costs, frontier.zero.quality_at(costs), color=FAINT, linewidth=1.4, linestyle=(0, (5, 3)))
    axes.plot(frontier.mean_cost, score.table.mean_quality, "s", color=FAINT, markersize=4.5)
    sweep = [standing for standing in score.standings if standing.setting.is_of_cost_sweep]
    if sweep:
        _policy(axes, frontier, sweep, costs)
    for standing in score.standings:
        if standing.setting.ceiling is not None and standing.usd_per_1k is not None:
            axes.axvline(standing.setting.ceiling, color=HAIRLINE, linewidth=1, linestyle=":")
            axes.plot(standing.usd_per_1k.mean(), standing.mean_quality, "D", color=POLICY, markersize=6, zorder=6)
    dress(axes, "Quality for money (bands and bars: sd over seeds)", "US$ per 1,000 requests")
    axes.xaxis.set_major_formatter(lambda value, _: f"${value:g}")
    # Models far below the hull would press everything else together; they lie outside the picture.
    low, high = frontier.zero.qualities[0], frontier.oracle.qualities[-1]
    axes.set_ylim(low - 0.12 * (high - low), high + 0.12 * (high - low))
    middle = costs[len(costs) // 3]
    label(
        axes, "oracle, in hindsight", (middle, float(frontier.oracle.quality_at(middle))), colour=ORACLE, side="right"
    )
    _name_models(axes, score, frontier)


def _policy(axes: Axes, frontier: Frontier, sweep: Sequence[SettingStanding], costs: Floats) -> None:
    usd, quality = costs_by_seed(sweep), np.array([standing.quality for standing in sweep])
    hull = frontier.policy(usd.mean(1), quality.mean(1)).quality_at(costs)
    seeds = [frontier.policy(*seed).quality_at(costs) for seed in zip(usd.T, quality.T, strict=True)]
    spread = np.std(seeds, axis=0)
    axes.fill_between(costs, hull - spread, hull + spread, color=POLICY, alpha=0.18, linewidth=0)
    axes.plot(costs, hull, color=POLICY, linewidth=2.2, zorder=4)
    axes.errorbar(
        usd.mean(1),
        quality.mean(1),
        xerr=usd.std(1),
        yerr=quality.std(1),
        fmt="o",
        color=POLICY,
        markersize=4,
        elinewidth=0.8,
        zorder=5,
    )
    at = int(np.argmax(hull - frontier.zero.quality_at(costs)))
    label(axes, "policy", (costs[at], hull[at]), colour=POLICY, side="right")


def _name_models(axes: Axes, score: Score, frontier: Frontier) -> None:
    """Numbers the corners of the hull of single models and names them at the lower right, where no hull can pass."""
    means = zip(frontier.mean_cost.tolist(), score.table.mean_quality.tolist(), strict=True)
    names = dict(zip(means, score.table.models, strict=True))
    lines = []
    for number, corner in enumerate(frontier.zero.corners, start=1):
        label(axes, str(number), corner, colour=INK, above=False)
        lines.append(f"{number} {names[corner].rpartition('/')[2]}")
    key = axes.text(0.99, 0.03, "\n".join(lines), transform=axes.transAxes, color=INK, fontsize=9, ha="right")
    key.set_multialignment("left")


def _qualities(axes: Axes, score: Score) -> None:
    """Without costs there is one axis: the single models from the worst to the best, then the settings."""
    order = np.argsort(score.table.mean_quality, kind="stable")
    names = [score.table.model(int(column)).rpartition("/")[2] for column in order]
    axes.plot(score.table.mean_quality[order], range(len(order)), "s", color=FAINT, markersize=5)
    for at, standing in enumerate(score.standings, start=len(order)):
        axes.errorbar(standing.mean_quality, at, xerr=standing.quality.std(), fmt="o", color=POLICY, markersize=6)
        names.append(f"policy, {standing.setting.label}")
    bound = float(score.table.quality.max(1).mean())
    axes.axvline(bound, color=ORACLE, linewidth=1.6)
    axes.set_yticks(range(len(names)), names)
    dress(axes, "Quality of single models and of the policy (bars: sd over seeds)", "mean quality")
    label(axes, "oracle, in hindsight", (bound, 0), colour=ORACLE, side="right")


def _learning(axes: Axes, score: Score) -> None:
    """How far the policy was ahead of the single model that is best in hindsight, after so many requests."""
    axes.axhline(0, color=FAINT, linewidth=1.4, linestyle=(0, (5, 3)))
    ends = []
    for standing, colour in zip(_followed(score.standings), COLOURS, strict=False):
        trail = standing.trail
        settled = trail.requests >= min(SETTLED, trail.requests[-1])
        requests, lead = trail.requests[settled], trail.lead[:, settled]
        mean, spread = lead.mean(0), lead.std(0)
        axes.fill_between(requests, mean - spread, mean + spread, color=colour, alpha=0.14, linewidth=0)
        axes.plot(requests, mean, color=colour, linewidth=2)
        ends.append((mean[-1], _name(standing), colour))
    dress(
        axes, "Learning: utility above the best single model", "requests so far (running means; bands: sd over seeds)"
    )
    # Names beside curves that end close together would hide each other; there is room at the lower right.
    for place, (_, name, colour) in enumerate(sorted(ends)):
        axes.text(0.99, 0.03 + 0.065 * place, name, transform=axes.transAxes, color=colour, fontsize=10, ha="right")
    axes.margins(x=0.01)


def _followed(standings: Sequence[SettingStanding]) -> list[SettingStanding]:
    """The settings with the weights nearest to those worth following; the first few where none has a weight."""
    weighed = [(standing.setting.weight, standing) for standing in standings if standing.setting.weight is not None]
    if not weighed:
        return list(standings[: len(FOLLOWED)])
    nearest = (min(weighed, key=lambda pair: abs(pair[0] - wanted))[1] for wanted in FOLLOWED)
    return list({standing.setting.name: standing for standing in nearest}.values())


def _name(standing: SettingStanding) -> str:
    weight = standing.setting.weight
    return standing.setting.name if weight is None else f"cost weight {weight:.2g}"
