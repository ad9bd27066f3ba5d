"""Routing policies between the wire and the domain, and what an update mask does to one.

The terms of a policy survive the way to the wire and back unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, cast

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from atp_grpc.domain.clock import NANOS_PER_SECOND
from atp_grpc.domain.errors import FieldViolation, InvalidFieldError
from atp_grpc.domain.policy import (
    DEFAULT_SCHEMA,
    TEXT_SCHEMAS,
    Cascade,
    Exploration,
    LearnerTerms,
    Origin,
    PolicyObjective,
    PolicyTerms,
    WhenUnmet,
)
from atp_grpc.domain.request import Constraints
from atp_grpc.engine.contract import ContextMode, Learner
from atp_grpc.pb.atp.admin.v1 import catalog_service_pb2 as catalog_pb
from atp_grpc.pb.atp.admin.v1 import policy_service_pb2 as policy_pb
from atp_grpc.routing.policy_memory import Entry
from atp_grpc.services.convert.decisions import span

ORIGINS = MappingProxyType(
    {origin: cast("catalog_pb.Origin", catalog_pb.Origin.Value(f"ORIGIN_{origin.name}")) for origin in Origin}
)
WHEN_UNMET: Mapping[int, WhenUnmet] = MappingProxyType(
    {policy_pb.WhenUnmet.Value(f"WHEN_UNMET_{word.name}"): word for word in WhenUnmet}
)
LEARNERS: Mapping[int, Learner] = MappingProxyType(
    {policy_pb.Learner.Value(f"LEARNER_{word.name}"): word for word in Learner}
)
CONTEXT_MODES: Mapping[int, ContextMode] = MappingProxyType(
    {policy_pb.ContextMode.Value(f"CONTEXT_MODE_{word.name}"): word for word in ContextMode}
)
EVERYTHING = "*"
_SET_BY_SERVER = frozenset(
    {
        *("name", "version", "origin", "etag", "previous_version"),
        *("cost_scale_in_force_nano_usd", "latency_scale_in_force"),
    }
)
_PARTS = frozenset({"objective", "filters", "learner", "exploration", "cascade"})
_FIELDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        field.name: frozenset(field.message_type.fields_by_name) if field.message_type else frozenset()
        for field in policy_pb.RoutingPolicy.DESCRIPTOR.fields
    }
)


def policy(entry: Entry) -> policy_pb.RoutingPolicy:
    """A policy with everything that the server says of it."""
    made, previous = entry.policy, entry.previous
    message = written(made.terms)
    message.name, message.version, message.etag = made.name, made.version, made.etag
    message.origin = ORIGINS[made.origin]
    message.cost_scale_in_force_nano_usd = made.cost_scale_nano_usd
    message.latency_scale_in_force.CopyFrom(span(made.latency_scale_seconds))
    message.previous_version = 0 if previous is None else previous.version
    return message


def written(terms: PolicyTerms) -> policy_pb.RoutingPolicy:
    """Terms on the wire, defaults said aloud."""
    objective, filters, learning, exploration = terms.objective, terms.filters, terms.learning, terms.exploration
    return policy_pb.RoutingPolicy(
        objective=policy_pb.PolicyObjective(
            cost_weight=objective.cost_weight,
            latency_weight=objective.latency_weight,
            cost_ceiling_nano_usd=objective.cost_ceiling_nano_usd,
            quality_floor=objective.quality_floor,
            quality_floor_of_best=objective.quality_floor_of_best,
            latency_slo=_span(objective.latency_slo_seconds),
            when_unmet=_number(WHEN_UNMET, objective.when_unmet),
        ),
        filters=policy_pb.PolicyFilters(
            max_cost_nano_usd=filters.max_cost_nano_usd,
            required_capabilities=sorted(filters.required_capabilities),
            allowed_models=sorted(filters.allowed_models),
            denied_models=sorted(filters.denied_models),
            region=filters.region,
            data_scope=filters.data_scope,
        ),
        feature_schema=terms.schema_id,
        feature_dimension=terms.dimension,
        learner=policy_pb.LearnerParameters(
            learner=_number(LEARNERS, Learner(learning.learner)),
            scale=learning.scale,
            alpha=learning.alpha,
            gamma=learning.gamma,
            epsilon=learning.epsilon,
            slope_precision=learning.slope_precision,
            half_life=_span(learning.half_life_seconds or None),
            context=_number(CONTEXT_MODES, ContextMode(learning.context)),
            tenant_pseudo_count=learning.tenant_pseudo_count,
            tenant_offset_limit=learning.tenant_offset_limit,
            tenant_limit=learning.tenant_limit,
        ),
        traffic_share=terms.traffic_share,
        cost_scale_nano_usd=terms.cost_scale_nano_usd,
        latency_scale=_span(terms.latency_scale_seconds),
        exploration=policy_pb.Exploration(
            newcomer_observations=exploration.newcomer_observations,
            max_share=exploration.max_share,
            max_nano_usd_per_day=exploration.max_nano_usd_per_day,
            stopped=exploration.is_stopped,
        ),
        affinity_weight=terms.affinity_weight,
        change_detection=terms.change_detection,
        cascade=None if terms.cascade is None else policy_pb.Cascade(**asdict(terms.cascade)),
    )


def terms_of(message: policy_pb.RoutingPolicy) -> PolicyTerms:
    """The terms that a message says, whose fields keep their rules; what is absent has its default."""
    schema = message.feature_schema or DEFAULT_SCHEMA
    return PolicyTerms(
        objective=_objective(message.objective),
        filters=_filters(message.filters),
        schema_id=schema,
        dimension=message.feature_dimension or TEXT_SCHEMAS.get(schema, 0),
        learning=_learning(message.learner),
        traffic_share=message.traffic_share,
        cost_scale_nano_usd=_given(message, "cost_scale_nano_usd"),
        latency_scale_seconds=_seconds(message, "latency_scale"),
        exploration=_exploration(message.exploration),
        affinity_weight=message.affinity_weight,
        change_detection=_given(message, "change_detection", default=True),
        cascade=_cascade(message.cascade) if message.HasField("cascade") else None,
    )


def reviser(given: policy_pb.RoutingPolicy, paths: Sequence[str]) -> Callable[[PolicyTerms], PolicyTerms]:
    """What an update makes of terms: the fields at the paths as given, else at their defaults; the rest as it is.

    Raises:
        InvalidFieldError: there are no paths, or one names nothing that can be changed.
    """
    violations = [
        FieldViolation("update_mask", f"no field that can be changed: {path}") for path in paths if not _is_path(path)
    ]
    if not paths:
        violations.append(FieldViolation("update_mask", f"names no field; {EVERYTHING} stands for all"))
    if violations:
        raise InvalidFieldError(violations)

    def revise(terms: PolicyTerms) -> PolicyTerms:
        if EVERYTHING in paths:
            return terms_of(given)
        message = written(terms)
        for path in paths:
            part, _, field = path.partition(".")
            if field:
                _replace(getattr(message, part), getattr(given, part), field)
            else:
                _replace(message, given, part)
        return terms_of(message)

    return revise


def _is_path(path: str) -> bool:
    part, dot, field = path.partition(".")
    if path == EVERYTHING:
        return True
    if part not in _FIELDS or part in _SET_BY_SERVER:
        return False
    return not dot or (part in _PARTS and field in _FIELDS[part])


def _replace(target: Message, source: Message, field: str) -> None:
    """One field of a message by that of another: a copy where it is given, else its absence."""
    target.ClearField(field)
    lone = type(source)()
    lone.CopyFrom(source)
    for other in source.DESCRIPTOR.fields:
        if other.name != field:
            lone.ClearField(other.name)
    target.MergeFrom(lone)


def _objective(message: policy_pb.PolicyObjective) -> PolicyObjective:
    plain = PolicyObjective()
    return PolicyObjective(
        cost_weight=_given(message, "cost_weight", default=plain.cost_weight),
        latency_weight=_given(message, "latency_weight", default=plain.latency_weight),
        cost_ceiling_nano_usd=_given(message, "cost_ceiling_nano_usd"),
        quality_floor=_given(message, "quality_floor"),
        quality_floor_of_best=_given(message, "quality_floor_of_best"),
        latency_slo_seconds=_seconds(message, "latency_slo"),
        when_unmet=WHEN_UNMET.get(message.when_unmet, plain.when_unmet),
    )


def _filters(message: policy_pb.PolicyFilters) -> Constraints:
    return Constraints(
        max_cost_nano_usd=_given(message, "max_cost_nano_usd"),
        required_capabilities=frozenset(message.required_capabilities),
        allowed_models=frozenset(message.allowed_models),
        denied_models=frozenset(message.denied_models),
        region=message.region,
        data_scope=message.data_scope,
    )


def _learning(message: policy_pb.LearnerParameters) -> LearnerTerms:
    plain = LearnerTerms()
    named = ("scale", "alpha", "gamma", "epsilon", "slope_precision")
    of_tenants = ("tenant_pseudo_count", "tenant_offset_limit", "tenant_limit")
    numbers = {name: _given(message, name, default=getattr(plain, name)) for name in (*named, *of_tenants)}
    return LearnerTerms(
        learner=LEARNERS.get(message.learner, Learner(plain.learner)).value,
        half_life_seconds=_seconds(message, "half_life") or 0.0,
        context=CONTEXT_MODES.get(message.context, ContextMode(plain.context)).value,
        **numbers,
    )


def _exploration(message: policy_pb.Exploration) -> Exploration:
    plain = Exploration()
    return Exploration(
        newcomer_observations=_given(message, "newcomer_observations", default=plain.newcomer_observations),
        max_share=_given(message, "max_share", default=plain.max_share),
        max_nano_usd_per_day=_given(message, "max_nano_usd_per_day"),
        is_stopped=message.stopped,
    )


def _cascade(message: policy_pb.Cascade) -> Cascade:
    return Cascade(message.min_confidence, _given(message, "most_escalations", default=1))


def _given(message: Message, field: str, *, default: Any = None) -> Any:
    return getattr(message, field) if message.HasField(field) else default


def _seconds(message: Message, field: str) -> float | None:
    # Divided as a whole number, so that a span survives the way to the wire and back.
    return getattr(message, field).ToNanoseconds() / NANOS_PER_SECOND if message.HasField(field) else None


def _span(spent_seconds: float | None) -> Duration | None:
    return None if spent_seconds is None else span(spent_seconds)


def _number(words: Mapping[int, Any], word: Any) -> Any:
    return next(number for number, one in words.items() if one is word)
