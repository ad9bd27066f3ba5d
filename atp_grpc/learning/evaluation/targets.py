"""Policies to be judged: what each would have done with a logged decision.

Callers of the evaluator enter here for the policies that need no engine; one that learns comes from `app`. A target
never sees an outcome before it has said what it would have done: the estimates are right for that reason alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from atp_grpc.domain.decision import Decision
from atp_grpc.domain.history import Logged


class Rehearsal(Protocol):
    """A policy that goes through a log, decision by decision."""

    def shares(self, decision: Decision) -> Sequence[float]:
        """The probability with which it would have drawn each logged candidate, in their order.

        The sum is at most 1; the rest is for models that were no candidates, of which the log knows nothing.
        """
        ...

    def learn(self, logged: Logged) -> None:
        """Sees what became of the decision; called after `shares`, once for each decision, in order."""
        ...


class _Unlearned:
    """Targets that do not learn."""

    def learn(self, logged: Logged) -> None:
        """Learns nothing."""


class Always(_Unlearned):
    """One model for every request."""

    def __init__(self, model: str) -> None:
        self._model = model

    def shares(self, decision: Decision) -> Sequence[float]:
        """All for the model, nothing at all where it was no candidate."""
        return [float(candidate.target.model == self._model) for candidate in decision.candidates]


class Uniform(_Unlearned):
    """Every candidate as often as any other."""

    def shares(self, decision: Decision) -> Sequence[float]:
        """Equal shares among those that could be drawn."""
        drawable = [candidate.propensity > 0.0 for candidate in decision.candidates]
        share = 1.0 / sum(drawable)
        return [share if is_drawable else 0.0 for is_drawable in drawable]


class AsLogged(_Unlearned):
    """The policy that wrote the log: a check, since what it earned is known."""

    def shares(self, decision: Decision) -> Sequence[float]:
        """The logged propensities."""
        return [candidate.propensity for candidate in decision.candidates]
