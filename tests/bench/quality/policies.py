"""Who is measured: ATP's learners by their settings, and the baselines by how they are made.

The table enters here for names. A policy says how choices are made and nothing about what they are worth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from atp_grpc.engine.contract import Learner
from atp_grpc.replay.grading import OutcomeTable
from tests.bench.quality.baselines.clusters import ClusterTable
from tests.bench.quality.baselines.contract import Baseline, Task
from tests.bench.quality.baselines.linucb import DisjointLinUcb
from tests.bench.quality.baselines.means import ArmMeans
from tests.bench.quality.baselines.neighbours import NearestNeighbours
from tests.bench.quality.baselines.single import SingleModel

LEARNERS: Final[Mapping[str, Mapping[str, str]]] = {
    learner.value: {"policy.learner": learner.value} for learner in Learner
}
"""ATP's own, each on the defaults of the settings but for what stands here."""

BASELINES: Final[Mapping[str, Callable[[Task], Baseline]]] = {
    "cluster_table": partial(ClusterTable, clusters=20, exploration=0.01),
    "nearest_neighbours": partial(NearestNeighbours, neighbours=50, exploration=0.01),
    "disjoint_linucb": partial(DisjointLinUcb, alpha=0.5),
    "epsilon_greedy": partial(ArmMeans, exploration=0.02),
    "uniform_random": partial(ArmMeans, exploration=1.0),
}
"""The best of a few values each, looked at in orders that no figure is reported on, and the same for all files."""

SINGLES: Final = ("best_single", "cheapest_single")
"""Models known to be the best or the cheapest in hindsight."""

POLICIES: Final = (*LEARNERS, *BASELINES, *SINGLES)


def baseline(name: str, table: OutcomeTable) -> Callable[[Task], Baseline]:
    """How a baseline is made for a file."""
    if name not in SINGLES:
        return BASELINES[name]
    cheapest = table.frontier.cheapest if table.frontier else table.best
    return partial(SingleModel, arm=table.best if name == "best_single" else cheapest)
