"""Decisions to the wire: Route's reply, Plan's reply, and the record that GetDecision returns."""

from __future__ import annotations

import struct
from itertools import zip_longest
from typing import cast

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from atp_grpc.domain.clock import NANOS_PER_SECOND
from atp_grpc.domain.decision import (
    Candidate,
    Decision,
    DualPrices,
    Expectation,
    ReasonCode,
    Refusal,
    RefusalCause,
    Target,
)
from atp_grpc.domain.outcome import Report
from atp_grpc.pb.atp.v1 import decision_service_pb2 as decision_pb
from atp_grpc.pb.atp.v1 import route_service_pb2 as route_pb
from atp_grpc.pb.atp.v1 import routing_pb2 as routing_pb
from atp_grpc.routing.fallbacks import fallbacks
from atp_grpc.routing.router import Plan
from atp_grpc.services.convert.outcomes import outcome

REASON_CODES = {
    code: cast("routing_pb.ReasonCode", routing_pb.ReasonCode.Value(f"REASON_CODE_{code.name}")) for code in ReasonCode
}
REFUSAL_CAUSES = {
    cause: cast("routing_pb.RefusalCause", routing_pb.RefusalCause.Value(f"REFUSAL_CAUSE_{cause.name}"))
    for cause in RefusalCause
}


def route_response(decision: Decision, token: bytes) -> route_pb.RouteResponse:
    """Route's reply: the decision with its sealed token."""
    lesson, chosen = decision.lesson, decision.candidates[decision.chosen]
    revisions = lesson.revisions
    return route_pb.RouteResponse(
        decision_id=lesson.decision_id,
        feedback_token=token,
        target=target(chosen.target),
        expected=expectation(chosen.expected),
        propensity=chosen.propensity,
        fallbacks=[
            routing_pb.Fallback(target=target(c.target), expected=expectation(c.expected))
            for c in fallbacks(decision.candidates, decision.chosen)
        ],
        policy=revisions.policy,
        policy_version=revisions.policy_version,
        catalog_revision=revisions.catalog,
        learner_revision=revisions.learner,
        reason_codes=[REASON_CODES[code] for code in decision.reason_codes],
        engine=decision.engine,
        decided_at=moment(lesson.decided_nanos),
        feedback_expires_at=moment(lesson.expires_nanos),
        dual_prices=dual_prices(decision.dual_prices),
    )


def plan_response(plan: Plan) -> route_pb.PlanResponse:
    """Plan's reply: candidates first, then the refused by name."""
    candidates = [
        route_pb.PlannedCandidate(
            target=target(c.target), expected=expectation(c.expected), utility=c.utility, propensity=c.propensity
        )
        for c in plan.candidates
    ]
    candidates += [_refused(refusal, plan) for refusal in sorted(plan.refusals, key=lambda r: r.target.model)]
    return route_pb.PlanResponse(
        candidates=candidates,
        policy=plan.revisions.policy,
        policy_version=plan.revisions.policy_version,
        catalog_revision=plan.revisions.catalog,
        learner_revision=plan.revisions.learner,
        reason_codes=[REASON_CODES[code] for code in plan.reason_codes],
        engine=plan.engine,
    )


def decision_record(
    decision: Decision, report: Report, *, with_features: bool = True, tenant: str = ""
) -> decision_pb.Decision:
    """A decision as it was recorded, with what has been observed of it.

    Without `with_features` only the schema of its features is told; `tenant` is whose it is, where that is to be told.
    """
    lesson, revisions = decision.lesson, decision.lesson.revisions
    values = lesson.features.values if with_features else b""
    favoured, scales = decision.favoured, decision.scales
    return decision_pb.Decision(
        decision_id=lesson.decision_id,
        decided_at=moment(lesson.decided_nanos),
        target=target(decision.target),
        propensity=lesson.propensity,
        candidates=[
            _weighed(candidate, cause)
            for candidate, cause in zip_longest(decision.candidates, decision.set_aside, fillvalue=None)
            if candidate is not None
        ],
        policy=revisions.policy,
        policy_version=revisions.policy_version,
        catalog_revision=revisions.catalog,
        learner_revision=revisions.learner,
        weights=routing_pb.Weights(cost=decision.weights.cost, latency=decision.weights.latency),
        seed=decision.seed,
        features=routing_pb.Features(
            schema_id=lesson.features.schema_id, values=struct.unpack(f"<{len(values) // 4}f", values)
        ),
        reason_codes=[REASON_CODES[code] for code in decision.reason_codes],
        engine=decision.engine,
        task_type=decision.task_type,
        session_id=decision.session_id,
        labels=decision.labels,
        outcome=outcome(report, lesson),
        dual_prices=dual_prices(decision.dual_prices),
        scales=None
        if scales is None
        else decision_pb.UtilityScales(cost_nano_usd=scales.cost_nano_usd, latency_seconds=scales.latency_seconds),
        refused=map(refused, decision.refusals),
        favoured_model="" if favoured is None else decision.candidates[favoured].target.model,
        favour=decision.favour,
        tenant=tenant,
    )


def refused(refusal: Refusal) -> decision_pb.RefusedModel:
    """A model that was no candidate."""
    return decision_pb.RefusedModel(target=target(refusal.target), cause=REFUSAL_CAUSES[refusal.cause])


def target(place: Target) -> routing_pb.Target:
    """A target."""
    return routing_pb.Target(model=place.model, deployment=place.deployment, provider=place.provider)


def expectation(expected: Expectation) -> routing_pb.Expectation:
    """What is expected of a target."""
    return routing_pb.Expectation(
        quality=expected.quality,
        cost_nano_usd=expected.cost_nano_usd,
        latency=span(expected.latency_seconds),
        failure_rate=expected.failure_rate,
    )


def moment(nanos: int) -> Timestamp:
    """A moment, from Unix nanoseconds."""
    return Timestamp(seconds=nanos // NANOS_PER_SECOND, nanos=nanos % NANOS_PER_SECOND)


def span(seconds: float) -> Duration:
    """A span, from seconds, not below zero."""
    nanos = max(round(seconds * NANOS_PER_SECOND), 0)
    return Duration(seconds=nanos // NANOS_PER_SECOND, nanos=nanos % NANOS_PER_SECOND)


def dual_prices(prices: DualPrices) -> routing_pb.DualPrices | None:
    """Dual prices; None where both are zero."""
    return routing_pb.DualPrices(cost=prices.cost, quality=prices.quality) if any(prices) else None


def _weighed(candidate: Candidate, set_aside: RefusalCause | None) -> decision_pb.DecisionCandidate:
    return decision_pb.DecisionCandidate(
        target=target(candidate.target),
        expected=expectation(candidate.expected),
        utility=candidate.utility,
        propensity=candidate.propensity,
        set_aside=None if set_aside is None else REFUSAL_CAUSES[set_aside],
    )


def _refused(refusal: Refusal, plan: Plan) -> route_pb.PlannedCandidate:
    scored = plan.expected_of_refused.get(refusal.target.model)
    return route_pb.PlannedCandidate(
        target=target(refusal.target),
        expected=None if scored is None else expectation(scored.expected),
        utility=0.0 if scored is None else scored.utility,
        refusal=REFUSAL_CAUSES[refusal.cause],
    )
