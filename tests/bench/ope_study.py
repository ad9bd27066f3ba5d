"""How often an interval of off-policy evaluation holds the true value, over many logs of files with every outcome.

The bench and a test enter here. The true value of a target is looked up: what each model made of each request of the
log, weighed by the target's shares. Nothing of it reaches an estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np

from atp_grpc.domain.decision import Decision
from atp_grpc.domain.history import Logged
from atp_grpc.learning.evaluation.evaluator import Evaluation, Evaluator, Refused
from atp_grpc.learning.evaluation.overlap import Overlap
from atp_grpc.learning.evaluation.sample import Figure
from atp_grpc.learning.evaluation.targets import Always, Rehearsal, Uniform
from tests.bench.ope_log import Learning, Served, World, serve

OTHER_COST_WEIGHT: Final = 1.0


def targets_of(of: World) -> Mapping[str, Callable[[], Rehearsal]]:
    """Who is judged: two single models, chance, and another learner that minds costs ten times as much."""
    return {
        "best": lambda: Always(of.best),
        "cheapest": lambda: Always(of.cheapest),
        "uniform": Uniform,
        "linucb": lambda: Learning(of, "linucb", OTHER_COST_WEIGHT if of.cost_nano_usd is not None else 0.0),
    }


class Judged(NamedTuple):
    """One answer beside the truth, or a refusal. `gap` is the true difference to the policy of the log."""

    target: str
    figure: Figure
    found: Evaluation | Refused
    truth: float
    gap: float


class Recorded:
    """A target whose shares are noted, to be looked up by the true outcomes afterwards."""

    def __init__(self, target: Rehearsal) -> None:
        self._target = target
        self.shares_given: list[list[float]] = []

    def shares(self, decision: Decision) -> list[float]:
        shares = list(self._target.shares(decision))
        self.shares_given.append(shares)
        return shares

    def learn(self, logged: Logged) -> None:
        self._target.learn(logged)


def judge_log(of: World, order: int, rows: int | None = None) -> Iterator[Judged]:
    """Writes a log and judges every target by it."""
    log: list[Served] = list(serve(of, order, rows))
    at = [served.row for served in log]
    logged_shares = np.array([[c.propensity for c in served.logged.decision.candidates] for served in log])
    for name, make in targets_of(of).items():
        target = Recorded(make())
        evaluator = Evaluator(target)
        evaluator.add_all([served.logged for served in log])
        shares = np.array(target.shares_given)
        for figure, outcomes in ((Figure.QUALITY, of.quality), (Figure.COST, of.cost_nano_usd)):
            if outcomes is not None:
                truth = float((shares * outcomes[at]).sum(1).mean())
                logged = float((logged_shares * outcomes[at]).sum(1).mean())
                yield Judged(name, figure, evaluator.answer(figure), truth, truth - logged)


class Standing(NamedTuple):
    """How a target fared over many logs, of which `answered` were.

    `coverage` is the share of intervals that hold the truth, `difference_coverage` that of intervals of the difference,
    `ips_coverage` that of plain IPS on the same logs, and `width` how wide the first are in those of IPS (median).
    `deviant` is the share of logs whose mean weight is more than 3 standard errors from 1.
    """

    logs: int
    answered: int
    coverage: float
    difference_coverage: float
    ips_coverage: float
    width: float
    effective: float
    deviant: float


def standing_of(judged: list[Judged]) -> Standing:
    """The standing of the answers of one target and figure."""
    answers = [(one, one.found) for one in judged if isinstance(one.found, Evaluation)]
    overlaps: list[Overlap] = [one.found.overlap for one in judged]
    widths = [
        (found.value.high - found.value.low) / (found.ips.high - found.ips.low)
        for _, found in answers
        if found.ips.high > found.ips.low
    ]

    def share(held: list[bool]) -> float:
        return sum(held) / len(held) if held else float("nan")

    return Standing(
        logs=len(judged),
        answered=len(answers),
        coverage=share([found.value.low <= one.truth <= found.value.high for one, found in answers]),
        difference_coverage=share([found.difference.low <= one.gap <= found.difference.high for one, found in answers]),
        ips_coverage=share([found.ips.low <= one.truth <= found.ips.high for one, found in answers]),
        width=float(np.median(widths)) if widths else float("nan"),
        effective=float(np.median([overlap.footing.effective for overlap in overlaps])),
        deviant=share([abs(overlap.weight_deviation) > 3.0 for overlap in overlaps]),
    )
