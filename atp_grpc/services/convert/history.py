"""The log to the wire: what was asked of it, its entries, and the explanation of one."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from atp_grpc.domain.clock import NANOS_PER_SECOND
from atp_grpc.domain.history import HistoryQuery, Logged
from atp_grpc.learning.history import Filter
from atp_grpc.pb.atp.v1 import decision_service_pb2 as pb
from atp_grpc.pb.atp.v1 import routing_pb2
from atp_grpc.routing.explaining import Changes, Explanation, Parts, Weighed
from atp_grpc.routing.telling import summary
from atp_grpc.services.convert import decisions as convert
from atp_grpc.services.convert.outcomes import outcome

_FURTHEST = 2**62
"""Nanoseconds from 1970 on, or before, beyond which no decision is: some 146 years."""
_IS_OBSERVED = {
    pb.OBSERVED_STATE_UNSPECIFIED: None,
    pb.OBSERVED_STATE_OBSERVED: True,
    pb.OBSERVED_STATE_UNOBSERVED: False,
}


def query(message: pb.DecisionFilter, order: pb.DecisionOrder, tenant: str | None) -> HistoryQuery:
    """Which stretch of the log is asked for; `tenant` None is everybody's."""
    return HistoryQuery(
        tenant,
        since_nanos=nanos_of(message.decided_since) if message.HasField("decided_since") else None,
        before_nanos=nanos_of(message.decided_before) if message.HasField("decided_before") else None,
        newest_first=order != pb.DECISION_ORDER_OLDEST_FIRST,
    )


def where(message: pb.DecisionFilter, observed: pb.ObservedState) -> Filter:
    """What must hold of a decision beside its tenant and its moment."""
    return Filter(
        model=message.model,
        policy=message.policy,
        task_type=message.task_type,
        session_id=message.session_id,
        labels=dict(message.labels),
        is_observed=_IS_OBSERVED[observed],
    )


def decision(logged: Logged, view: pb.DecisionView, *, with_tenant: bool) -> pb.Decision:
    """An entry of the log with its decision."""
    return convert.decision_record(
        logged.decision,
        logged.outcome,
        with_features=view == pb.DECISION_VIEW_FULL,
        tenant=logged.decision.tenant if with_tenant else "",
    )


def observation(logged: Logged, *, with_tenant: bool) -> pb.Observation:
    """An entry of the log with what has been observed."""
    lesson = logged.decision.lesson
    return pb.Observation(
        decision_id=lesson.decision_id,
        decided_at=convert.moment(lesson.decided_nanos),
        target=convert.target(logged.decision.target),
        outcome=outcome(logged.outcome, lesson),
        tenant=lesson.tenant if with_tenant else "",
    )


def explanation(told: Explanation) -> pb.ExplainDecisionResponse:
    """An explanation, with its sentences."""
    lesson = told.decision.lesson
    return pb.ExplainDecisionResponse(
        decision_id=lesson.decision_id,
        decided_at=convert.moment(lesson.decided_nanos),
        target=convert.target(told.decision.target),
        propensity=lesson.propensity,
        best=convert.target(told.best.target),
        given_up=told.given_up,
        candidates=map(_weighed, told.weighed),
        refused=map(convert.refused, told.decision.refusals),
        weights=routing_pb2.Weights(cost=told.weights.cost, latency=told.weights.latency),
        dual_prices=convert.dual_prices(told.decision.dual_prices),
        is_complete=told.decision.scales is not None,
        summary=summary(told),
    )


def _weighed(one: Weighed) -> pb.ExplainedCandidate:
    candidate = one.candidate
    return pb.ExplainedCandidate(
        target=convert.target(candidate.target),
        expected=convert.expectation(candidate.expected),
        utility=candidate.utility,
        propensity=candidate.propensity,
        gap=one.gap,
        parts=None if one.parts is None else _parts(one.parts),
        set_aside=None if one.set_aside is None else convert.REFUSAL_CAUSES[one.set_aside],
        would_be_best=None if one.changes is None else _changes(one.changes),
    )


def _parts(parts: Parts) -> pb.UtilityParts:
    return pb.UtilityParts(
        quality=parts.quality,
        failure=parts.failure,
        cost=parts.cost,
        cost_ceiling=parts.cost_ceiling,
        quality_floor=parts.quality_floor,
        latency=parts.latency,
        affinity=parts.affinity,
    )


def _changes(changes: Changes) -> pb.Changes:
    seconds = changes.latency_seconds
    return pb.Changes(
        cost_nano_usd=changes.cost_nano_usd,
        quality=changes.quality,
        latency=None if seconds is None else convert.span(seconds),
        cost_weight=changes.cost_weight,
    )


def nanos_of(moment: Timestamp) -> int:
    """Unix nanoseconds of a moment; one that no store could count is as far away as a decision cannot be."""
    nanos = moment.seconds * NANOS_PER_SECOND + moment.nanos
    return min(max(nanos, -_FURTHEST), _FURTHEST)
