"""A trial as it is kept: who is on trial since when, what has become of it, and everything that was heard.

`Trials` makes these, writes them down and reads them back; services show them. It decides nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from atp_grpc.learning.trial.evidence import Measure
from atp_grpc.learning.trial.hearing import Sides
from atp_grpc.learning.trial.terms import Gates, TrialTerms
from atp_grpc.learning.trial.trial import Trial


class TrialState(enum.StrEnum):
    """What has become of a trial. One to one with `atp.admin.v1.TrialState`, by test."""

    RUNNING = "running"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    STOPPED = "stopped"


class StopCause(enum.StrEnum):
    """Why a trial was stopped. One to one with `atp.admin.v1.TrialStopCause`, by test."""

    OPERATOR = "operator"
    FUTILE = "futile"
    POLICY_CHANGED = "policy_changed"
    PROMOTION_REFUSED = "promotion_refused"


@dataclass(slots=True)
class TrialRun:
    """One trial.

    `balance` is the challenger's share of what both sides get; `digest` names its terms, whatever its share.
    """

    trial_id: str
    terms: TrialTerms
    sides: Sides
    balance: float
    digest: str
    trial: Trial
    state: TrialState = TrialState.RUNNING
    cause: StopCause | None = None
    ended_nanos: int | None = None

    @property
    def figures(self) -> dict[str, float]:
        """What the trial stands at, for those who are told of it."""
        evidence = self.trial.evidence
        figures = {"share": self.terms.share, "total_requests": float(self.trial.requests)}
        for measure in Measure:
            standing = evidence.standing(measure)
            for side, outcomes, mean in zip(("champion", "challenger"), *standing, strict=True):
                if outcomes:
                    figures[f"{side}.{measure.value}"] = mean
        return figures | {f"log_wealth.{question.value}": log for question, log in evidence.logs.items()}

    @property
    def table(self) -> dict[str, Any]:
        """All of it in plain values; `run_of` reads it back."""
        return {
            "id": self.trial_id,
            "terms": asdict(self.terms),
            "sides": list(self.sides),
            "balance": self.balance,
            "digest": self.digest,
            "trial": self.trial.state,
            "state": self.state.value,
            "cause": None if self.cause is None else self.cause.value,
            "ended_nanos": self.ended_nanos,
        }


def run_of(table: Mapping[str, Any]) -> TrialRun:
    """The trial that a table was made of.

    Raises:
        KeyError, TypeError, ValueError: it was not made here.
    """
    terms = TrialTerms(**{**table["terms"], "gates": Gates(**table["terms"]["gates"])})
    (champion, its_version), (challenger, version), since_nanos = table["sides"]
    return TrialRun(
        trial_id=table["id"],
        terms=terms,
        sides=Sides((champion, its_version), (challenger, version), since_nanos),
        balance=table["balance"],
        digest=table["digest"],
        trial=Trial(terms, table["balance"], table["trial"]),
        state=TrialState(table["state"]),
        cause=None if table["cause"] is None else StopCause(table["cause"]),
        ended_nanos=table["ended_nanos"],
    )
