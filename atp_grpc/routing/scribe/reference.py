"""The scribe in Python: builds the decision as a value, then seals its lesson and encodes it whole.

The composition root picks it where there is no native one; the native scribe hands it the choices of other engines.
It defines what is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from atp_grpc.domain.clock import NANOS_PER_SECOND
from atp_grpc.domain.decision import Decision, Lesson, Revisions, Scales
from atp_grpc.domain.policy import RoutingPolicy
from atp_grpc.domain.request import FeatureVector, Weights
from atp_grpc.engine.contract import Choice
from atp_grpc.routing.answers import candidates_of, exclusion_causes, reason_codes
from atp_grpc.routing.feedback import FeedbackTokens
from atp_grpc.routing.scribe.contract import Facts


@dataclass(frozen=True, slots=True)
class ReferenceRouted:
    """A decision with its sealed token and its record; see `Routed`."""

    decision: Decision
    token: bytes
    record: bytes

    @property
    def decision_id(self) -> str:
        """The decision's name."""
        return self.decision.decision_id

    @property
    def policy(self) -> str:
        """The routing policy that decided."""
        return self.decision.lesson.revisions.policy

    @property
    def model(self) -> str:
        """The model that was chosen."""
        return self.decision.target.model

    @property
    def expected_cost_nano_usd(self) -> int:
        """What the call is expected to cost there."""
        return self.decision.candidates[self.decision.chosen].expected.cost_nano_usd


class ReferenceScribe:
    """`Scribe` in Python."""

    def __init__(
        self,
        *,
        policy: RoutingPolicy,
        tokens: FeedbackTokens,
        encode: Callable[[Decision], bytes],
        token_ttl_seconds: float,
    ) -> None:
        """`encode` makes the record of a decision."""
        self._policy = policy
        self._tokens = tokens
        self._encode = encode
        self._token_ttl_nanos = round(token_ttl_seconds * NANOS_PER_SECOND)

    def write(self, choice: Choice, facts: Facts) -> ReferenceRouted:
        """Writes a choice down; see `Scribe.write`.

        Raises:
            ValueError: nobody was chosen.
        """
        decision = self._decision(choice, facts)
        return ReferenceRouted(decision, self._tokens.seal(decision.lesson), self._encode(decision))

    def _decision(self, choice: Choice, facts: Facts) -> Decision:
        if (chosen := choice.chosen) is None:
            raise ValueError("a decision without a choice")
        request, query, offering = facts.request, facts.query, facts.offerings[chosen]
        candidates = candidates_of(facts.offerings, choice)
        lesson = Lesson(
            tenant=facts.tenant,
            decision_id=facts.decision_id,
            decided_nanos=query.now_nanos,
            expires_nanos=query.now_nanos + self._token_ttl_nanos,
            model=offering.deployment.model,
            deployment=offering.deployment.name,
            features=FeatureVector(self._policy.schema_id, choice.features),
            propensity=candidates[chosen].propensity,
            predicted_mean=choice.predicted_mean,
            predicted_linear=choice.predicted_linear,
            input_tokens=query.input_tokens,
            prices=offering.prices,
            revisions=Revisions(
                self._policy.name, self._policy.version, facts.snapshot.revision, facts.learner_revision
            ),
            hold_nano_usd=candidates[chosen].expected.cost_nano_usd,
        )
        return Decision(
            lesson=lesson,
            candidates=candidates,
            chosen=chosen,
            seed=query.seed,
            weights=Weights(query.cost_weight, query.latency_weight),
            reason_codes=reason_codes(choice, facts.dual_prices, facts.favoured),
            engine=choice.engine,
            task_type=request.task_type,
            session_id=request.session_id,
            labels=request.labels,
            dual_prices=facts.dual_prices,
            scales=Scales(self._policy.cost_scale_nano_usd, self._policy.latency_scale_seconds),
            favoured=facts.favoured,
            favour=query.favour,
            set_aside=exclusion_causes(choice, is_short_of_money=facts.is_short_of_money),
            refusals=facts.refusals,
        )
