"""What routing saved: what was paid, to the nano-dollar, beside what a baseline would have cost on the same requests.

Whoever reads a log for a statement adds its decisions here, in order. Money that was paid is summed from bills and
never estimated; what a baseline would have cost is estimated where the log can tell, else only predicted, and then it
says so. A decision that cannot be compared is counted in a group of its own and changes neither side.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import NamedTuple

from atp_grpc.domain.decision import Decision
from atp_grpc.domain.history import Logged
from atp_grpc.domain.outcome import Report
from atp_grpc.learning.evaluation.drawn import GradedShare, outcome_of_drawn
from atp_grpc.learning.evaluation.evaluator import Evaluation, Evaluator, Refused
from atp_grpc.learning.evaluation.sample import Figure
from atp_grpc.learning.evaluation.targets import Rehearsal
from atp_grpc.learning.rewards import total_cost_nano_usd


class Basis(enum.StrEnum):
    """What a figure of the baseline rests on."""

    ESTIMATED = "estimated"
    """Predictions, corrected by what its models did when they were drawn; there is an interval."""
    PREDICTED = "predicted"
    """Predictions alone, because too few draws speak of it; there is no interval."""


class Group(NamedTuple):
    """Decisions, and an amount in nano-US-dollars that goes with them."""

    decisions: int = 0
    nano_usd: int = 0

    def plus(self, nano_usd: int) -> Group:
        """One decision more."""
        return Group(self.decisions + 1, self.nano_usd + nano_usd)


class Bounds(NamedTuple):
    """The ends of an interval."""

    low: float
    high: float


class Figures(NamedTuple):
    """A figure of the baseline: a total in nano-US-dollars, or a mean quality (0..1).

    `bounds` is None where the figure is only predicted. `verdict` is what the log said of it.
    """

    value: float
    bounds: Bounds | None
    verdict: Evaluation | Refused

    @property
    def basis(self) -> Basis:
        """What it rests on."""
        return Basis.PREDICTED if self.bounds is None else Basis.ESTIMATED

    def over(self, known: float) -> Figures:
        """By how much it is above a figure that is known for certain."""
        bounds = self.bounds and Bounds(self.bounds.low - known, self.bounds.high - known)
        return Figures(self.value - known, bounds, self.verdict)

    def under(self, known: float) -> Figures:
        """By how much it is below a figure that is known for certain."""
        bounds = self.bounds and Bounds(known - self.bounds.high, known - self.bounds.low)
        return Figures(known - self.value, bounds, self.verdict)


class Statement(NamedTuple):
    """What routing saved against a baseline.

    `compared` are the decisions the comparison is about, with what was paid for them, exactly. Of that were paid: for
    `beside` attempts that gave no answer, or not the last one; and by `explored` decisions, which did not draw the best
    candidate, so much more (or less) than the best one was expected to cost.

    `out_of_reach` are decisions for which the baseline was no candidate, with what was paid; `unbilled` those of which
    some cost is not known, with what they were expected to cost; `void` those that were given up at no cost before
    anybody had answered. They are on neither side.

    `predicted_nano_usd` is the baseline's cost by predictions alone. `quality` is the mean of what callers got on the
    `graded` decisions that were compared, None without any.
    """

    compared: Group
    beside: Group
    explored: Group
    out_of_reach: Group
    unbilled: Group
    void: int
    predicted_nano_usd: float
    cost: Figures
    quality: float | None
    graded: int
    baseline_quality: Figures

    @property
    def saving(self) -> Figures:
        """The baseline's cost less what was paid, in nano-US-dollars."""
        return self.cost.over(self.compared.nano_usd)

    @property
    def saved_share(self) -> Figures | None:
        """The saving as a share of the baseline's cost; None where the baseline costs nothing."""
        cost, paid = self.cost, self.compared.nano_usd
        if cost.value <= 0.0 or (cost.bounds is not None and cost.bounds.low <= 0.0):
            return None
        bounds = cost.bounds and Bounds(1.0 - paid / cost.bounds.low, 1.0 - paid / cost.bounds.high)
        return Figures(1.0 - paid / cost.value, bounds, cost.verdict)


class _Asked:
    """A target that has been asked about the decision at hand."""

    def __init__(self) -> None:
        self.answer: Sequence[float] = ()

    def shares(self, _: Decision) -> Sequence[float]:
        return self.answer

    def learn(self, logged: Logged) -> None:
        """Learns nothing: whoever asked the target teaches it."""


class Savings:
    """Adds up one baseline's statement."""

    def __init__(self, baseline: Rehearsal) -> None:
        self._baseline = baseline
        self._asked = _Asked()
        self._evaluator = Evaluator(self._asked)
        self._graded_share = GradedShare()
        self._compared = self._beside = self._explored = self._out_of_reach = self._unbilled = Group()
        self._void = self._graded = 0
        self._mass = self._predicted_cost = self._predicted_quality = self._got = 0.0

    def add(self, logged: Logged) -> None:
        """Takes the next decision of the log."""
        shares = self._baseline.shares(logged.decision)
        report, lesson = logged.outcome, logged.decision.lesson
        paid = total_cost_nano_usd(report, lesson)
        if paid is None:
            decision = logged.decision
            self._unbilled = self._unbilled.plus(decision.candidates[decision.chosen].expected.cost_nano_usd)
        elif paid == 0 and _is_void(report):
            self._void += 1
        elif not any(shares):
            self._out_of_reach = self._out_of_reach.plus(paid)
        else:
            self._compare(logged, shares, paid)
        self._baseline.learn(logged)

    def statement(self, level: float) -> Statement:
        """What the decisions so far say; `level` is the share of intervals that hold the true value."""
        return Statement(
            compared=self._compared,
            beside=self._beside,
            explored=self._explored,
            out_of_reach=self._out_of_reach,
            unbilled=self._unbilled,
            void=self._void,
            predicted_nano_usd=self._predicted_cost,
            cost=self._cost(level),
            quality=self._got / self._graded if self._graded else None,
            graded=self._graded,
            baseline_quality=self._quality(level),
        )

    def _compare(self, logged: Logged, shares: Sequence[float], paid: int) -> None:
        decision, report = logged.decision, logged.outcome
        self._compared = self._compared.plus(paid)
        if (beside := paid - _cost_of_answer(logged, paid)) or len(report.attempts) > 1:
            self._beside = self._beside.plus(beside)
        best = max((one for one in decision.candidates if one.propensity > 0), key=lambda one: one.utility)
        if decision.candidates[decision.chosen].utility < best.utility:
            self._explored = self._explored.plus(paid - best.expected.cost_nano_usd)
        for candidate, share in zip(decision.candidates, shares, strict=True):
            if share:
                expected = candidate.expected
                self._mass += share
                self._predicted_cost += share * expected.cost_nano_usd
                self._predicted_quality += share * (1.0 - expected.failure_rate) * expected.quality
        if self._graded_share.counts(outcome_of_drawn(logged)):
            self._graded += 1
            # Counted without a grade: nobody answered.
            self._got += report.quality or 0.0
        self._asked.answer = shares
        self._evaluator.add(logged)

    def _cost(self, level: float) -> Figures:
        verdict = self._evaluator.answer(Figure.COST, level)
        if isinstance(verdict, Refused):
            return Figures(self._predicted_cost, None, verdict)
        totals = self._evaluator.tally(Figure.COST).totals
        # What the draws could not correct stays as it was predicted, and is taken to be as uncertain as the rest.
        rest = self._predicted_cost - totals.predicted
        value = verdict.value.value * totals.supported + rest
        spread = totals.supported * (self._predicted_cost / totals.predicted if totals.predicted > 0.0 else 1.0)
        low, high = verdict.value.value - verdict.value.low, verdict.value.high - verdict.value.value
        return Figures(value, Bounds(max(value - spread * low, 0.0), value + spread * high), verdict)

    def _quality(self, level: float) -> Figures:
        verdict = self._evaluator.answer(Figure.QUALITY, level)
        if isinstance(verdict, Refused):
            return Figures(self._predicted_quality / self._mass if self._mass else 0.0, None, verdict)
        return Figures(verdict.value.value, Bounds(verdict.value.low, verdict.value.high), verdict)


def _is_void(report: Report) -> bool:
    """Whether every attempt ended for a cause that says nothing about a model."""
    return all(attempt.error is not None and not attempt.error.blames_model for attempt in report.attempts)


def _cost_of_answer(logged: Logged, paid: int) -> int:
    """What the attempt cost that answered last; 0 where none did."""
    attempts = logged.outcome.attempts
    if len(attempts) == 1 and attempts[0].error is None:
        return paid
    answer = next((attempt for attempt in reversed(attempts) if attempt.error is None), None)
    if answer is None:
        return 0
    return total_cost_nano_usd(Report(attempts=(answer,)), logged.decision.lesson) or 0
