"""A trial from its first outcome to its verdict: a machine that is told outcomes and says what they come to.

`Trials` enters here in the order in which reports arrive, and a restart goes on from its state, bit for bit. A
promotion waits until the gates have held for a while; a challenger that does harm is sent back at once. It knows no
policy, no store and no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atp_grpc.learning.trial.evidence import Evidence, Heard
from atp_grpc.learning.trial.terms import TrialTerms, Verdict


class Trial:
    """Takes outcomes in until there is a verdict; what comes later changes nothing."""

    def __init__(self, terms: TrialTerms, share: float, state: Mapping[str, Any] | None = None) -> None:
        """`share` is the challenger's of what both sides get, above 0 and below 1; `state` what to go on from."""
        kept = state or {}
        self._terms = terms
        self.evidence = Evidence(terms.gates, share, kept.get("evidence"))
        self.verdict = Verdict(kept.get("verdict", Verdict.GO_ON))
        self.requests: int = kept.get("requests", 0)
        """Requests that something was reported of."""
        self.held: int | None = kept.get("held")
        """Graded requests for which the gates have held; None when they do not."""

    @property
    def state(self) -> dict[str, Any]:
        """All there is to know, in plain values."""
        return {
            "evidence": self.evidence.state,
            "verdict": self.verdict.value,
            "requests": self.requests,
            "held": self.held,
        }

    def learn(self, heard: Heard) -> Verdict:
        """Takes a report in and says what all of them come to."""
        if self.verdict is not Verdict.GO_ON:
            return self.verdict
        self.requests += heard.is_first
        if self.evidence.learn(heard):
            if self.evidence.is_harmful:
                self.verdict = Verdict.ROLL_BACK
                return self.verdict
            if not self.evidence.passes:
                self.held = None
            elif self.held is None:
                # What closed the gates is no further request.
                self.held = -1
        if self.held is not None and heard.quality is not None:
            self.held += 1
        if self.held is not None and self.held >= self._terms.hold:
            self.verdict = Verdict.PROMOTE
        elif self.held is None and self.requests >= self._terms.max_requests:
            self.verdict = Verdict.FUTILE
        return self.verdict
