"""What became of the arm that was drawn: the only outcome whose chance of being seen is known.

The evaluator enters here once for each logged decision. Attempts on other arms stay out, whatever they achieved,
because nothing was drawn for them. It never guesses what was not reported.
"""

from __future__ import annotations

from typing import NamedTuple

from atp_grpc.domain.decision import Lesson
from atp_grpc.domain.history import Logged
from atp_grpc.domain.outcome import Attempt, Report
from atp_grpc.learning.rewards import total_cost_nano_usd


class Drawn(NamedTuple):
    """Quality (0..1, 0 for a failure) and cost in nano-US-dollars of the drawn arm's own attempts; None is unknown.

    `answered` tells whether it answered. With `ungradable` nobody answered and nobody graded: it failed, and that is
    known of every such decision, while of the answers only those are known that somebody graded.
    """

    quality: float | None
    cost_nano_usd: int | None
    answered: bool = False
    ungradable: bool = False


NOTHING_KNOWN = Drawn(None, None)


def outcome_of_drawn(logged: Logged) -> Drawn:
    """What is known of the model that a decision drew.

    A reported quality is the drawn model's when it answered last. When its own attempts failed and the fault was its
    own, its quality is 0, whoever answered in its place; when it failed for another cause, or never was tried, nothing
    is known. An outcome without attempts is one of the drawn model.
    """
    report, lesson = logged.outcome, logged.decision.lesson
    if not report.attempts:
        return NOTHING_KNOWN if report.quality is None else Drawn(report.quality, None, answered=True)
    if len(report.attempts) == 1 and report.attempts[0].error is None:
        # Nearly all are of this kind, and a log is long.
        is_own = report.attempts[0].model == lesson.model
        return Drawn(report.quality, total_cost_nano_usd(report, lesson), answered=True) if is_own else NOTHING_KNOWN
    own = tuple(attempt for attempt in report.attempts if attempt.model == lesson.model)
    return _outcome_of_attempts(own, report, lesson) if own else NOTHING_KNOWN


def _outcome_of_attempts(own: tuple[Attempt, ...], report: Report, lesson: Lesson) -> Drawn:
    cost = total_cost_nano_usd(Report(attempts=own), lesson)
    last = next((attempt for attempt in reversed(report.attempts) if attempt.error is None), None)
    if any(attempt.error is None for attempt in own):
        is_last = last is not None and last.model == lesson.model
        return Drawn(report.quality if is_last else None, cost, answered=True)
    if not any(attempt.error is not None and attempt.error.blames_model for attempt in own):
        return Drawn(None, cost)
    if report.quality is not None:
        return Drawn(0.0, cost)
    return Drawn(0.0, cost, ungradable=True) if last is None else Drawn(None, cost)


class GradedShare:
    """Which of the failures that nobody could grade are counted: as large a share as of the answers was graded.

    Where one answer in twenty is graded and every failure is known, counting all failures would make each of them
    weigh twenty times. The share is that of the decisions before, so it tells nothing of the one at hand.
    """

    def __init__(self) -> None:
        self._answered = 0
        self._graded = 0
        self._due = 0.0

    def counts(self, drawn: Drawn) -> bool:
        """Whether a decision's quality is counted; it is to be asked once for each decision, in order."""
        if drawn.ungradable:
            self._due += self._graded / self._answered if self._answered else 1.0
            if self._due < 1.0:
                return False
            self._due -= 1.0
            return True
        if drawn.answered:
            self._answered += 1
            self._graded += drawn.quality is not None
        return drawn.quality is not None
