"""Another policy, taken through a log: decision after decision in, an answer or a refusal out.

Whoever reads a log enters here. It keeps sums and at most a hundred decisions, however long the log is, asks the
target before it shows it an outcome, and never keeps a decision's text or names.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from atp_grpc.domain.history import Logged
from atp_grpc.learning.evaluation.drawn import GradedShare, outcome_of_drawn
from atp_grpc.learning.evaluation.estimates import Estimate, doubly_robust, inverse_weights, normalised
from atp_grpc.learning.evaluation.overlap import NO_FOOTING, Overlap, TooThin, judge, overlap_of
from atp_grpc.learning.evaluation.sample import Figure, Sample, samples_of
from atp_grpc.learning.evaluation.tally import NO_DECISIONS, Tally, tally_of
from atp_grpc.learning.evaluation.targets import Rehearsal

LEVEL: Final = 0.95
"""Share of intervals that are to hold the true value."""

_CHUNK: Final = 100
"""Decisions summed up at once: a millisecond. A thousand would cost each a little less, and hold up calls beside it."""


class Evaluation(NamedTuple):
    """What a target would have earned on the graded requests of a log, and what was earned.

    `value` is the answer. `difference` compares it with the policy that wrote the log, decision by decision, so that
    the luck of its draws is out of it; `happened` is what its draws came to, a fact, and `value` less it says what
    another policy would have changed in what was seen. `ips` and `snips` are for comparison.
    """

    value: Estimate
    difference: Estimate
    happened: float
    ips: Estimate
    snips: Estimate
    overlap: Overlap

    @property
    def less_happened(self) -> Estimate:
        """The value less what happened: what a baseline would have cost more, of a cost."""
        return self.value.less(self.happened)


class Refused(NamedTuple):
    """There is no answer, for this cause."""

    cause: TooThin
    overlap: Overlap


class Evaluator:
    """Judges one target by one log."""

    def __init__(self, target: Rehearsal) -> None:
        self._target = target
        self._graded_share = GradedShare()
        self._waiting: list[list[Sample]] = [[] for _ in Figure]
        self._tallies = dict.fromkeys(Figure, NO_DECISIONS)

    def add(self, logged: Logged) -> None:
        """Takes the next decision of the log. Its candidates are those that the policy weighed."""
        shares = self._target.shares(logged.decision)
        drawn = outcome_of_drawn(logged)
        quality = drawn.quality if self._graded_share.counts(drawn) else None
        samples = samples_of(logged.decision, shares, quality, drawn.cost_nano_usd)
        for waiting, sample in zip(self._waiting, samples, strict=True):
            waiting.append(sample)
        self._target.learn(logged)
        if len(self._waiting[0]) >= _CHUNK:
            self._settle()

    def add_all(self, entries: Sequence[Logged]) -> None:
        """Takes a stretch of the log."""
        for logged in entries:
            self.add(logged)

    def tally(self, figure: Figure) -> Tally:
        """What has been summed up so far; tallies of parts of a log can be merged."""
        self._settle()
        return self._tallies[figure]

    def answer(self, figure: Figure, level: float = LEVEL) -> Evaluation | Refused:
        """What the log says so far."""
        return evaluate(self.tally(figure), figure, level)

    def _settle(self) -> None:
        for figure, waiting in zip(Figure, self._waiting, strict=True):
            self._tallies[figure] = self._tallies[figure].merged(tally_of(waiting, figure))
            waiting.clear()


def evaluate(tally: Tally, figure: Figure, level: float = LEVEL) -> Evaluation | Refused:
    """The answer of a tally, or why there is none."""
    answer = doubly_robust(tally, level)
    overlap = overlap_of(tally, NO_FOOTING if answer is None else answer.footing)
    snips = normalised(tally, level)
    if (cause := judge(overlap)) is not None or answer is None or snips is None:
        return Refused(cause or TooThin.FEW_EFFECTIVE, overlap)
    return Evaluation(
        _within(answer.value, figure),
        answer.difference,
        tally.totals.outcome / tally.totals.graded,
        inverse_weights(tally, level),
        snips,
        overlap,
    )


def _within(value: Estimate, figure: Figure) -> Estimate:
    """Nothing is told that the figure cannot be: no quality above 1, nothing below 0."""
    most = 1.0 if figure is Figure.QUALITY else math.inf
    mean, low, high = (min(max(end, 0.0), most) for end in (value.value, value.low, value.high))
    return Estimate(mean, value.standard_error, low, high)
