"""What the terms of a policy may not say: every flaw of one document at once, each with its field and a sentence.

The story of policies enters here before anything is made, and the start for those of the configuration. It never
changes terms and never asks an engine: what is predicted of the models comes in as numbers.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from atp_grpc.catalog.snapshot import Offering, Snapshot
from atp_grpc.domain.policy import TEXT_SCHEMAS, PolicyTerms, WhenUnmet
from atp_grpc.domain.request import NO_CONSTRAINTS
from atp_grpc.routing.eligibility import Eligibility
from atp_grpc.routing.nominal import nominal_cost_nano_usd

SHARE_TOLERANCE = 1e-9
"""Shares written in decimals may miss their sum by rounding."""
MOST_POLICIES = 64
"""Each has an engine of its own, so that their number decides about memory."""


class FlawKind(enum.StrEnum):
    """What sort of flaw it is; a caller may branch on it."""

    CONTRADICTION = "contradiction"
    """The terms exclude each other, or one of them can never take effect."""
    UNREACHABLE = "unreachable"
    """No eligible model of the catalogue in force can keep what is promised."""
    UNKNOWN_MODEL = "unknown_model"
    UNKNOWN_SCHEMA = "unknown_schema"
    """A schema of the caller's own without a dimension, or a built-in one with another dimension than its own."""
    SHARES_EXCEEDED = "shares_exceeded"
    """The traffic shares of all policies together are above one."""
    TOO_MANY = "too_many"
    """There are as many policies as there may be."""


class Flaw(NamedTuple):
    """One thing that is wrong; `field` is a path below the policy."""

    kind: FlawKind
    field: str
    sentence: str


def flaws_of(
    terms: PolicyTerms, *, snapshot: Snapshot, predicted_quality: Mapping[str, float], other_shares: float
) -> list[Flaw]:
    """Everything that is wrong with the terms of a policy.

    Args:
        terms: what somebody wrote; each number is within its own range already.
        snapshot: the catalogue in force.
        predicted_quality: mean quality by model, 0..1; a model that is not named has its prior.
        other_shares: sum of the traffic shares of all other policies.
    """
    flaws = [*_contradictions(terms), *_schema(terms), *_unknown_models(terms, snapshot)]
    if terms.traffic_share and terms.traffic_share + other_shares > 1 + SHARE_TOLERANCE:
        left = max(1 - other_shares, 0)
        flaws.append(Flaw(FlawKind.SHARES_EXCEEDED, "traffic_share", f"the other policies leave a share of {left:.6g}"))
    if not any(flaw.kind is FlawKind.UNKNOWN_MODEL for flaw in flaws):
        flaws += _unreachable(terms, snapshot, predicted_quality)
    return flaws


def _contradictions(terms: PolicyTerms) -> Iterator[Flaw]:
    objective, filters = terms.objective, terms.filters
    ceiling, max_cost = objective.cost_ceiling_nano_usd, filters.max_cost_nano_usd
    floors = (objective.quality_floor, objective.quality_floor_of_best)
    if None not in floors:
        yield _contradiction("objective.quality_floor_of_best", "a policy has one quality floor, not two")
    if objective.when_unmet is WhenUnmet.REFUSE and floors == (None, None) and objective.latency_slo_seconds is None:
        yield _contradiction("objective.when_unmet", "nothing can be unmet: there is neither a floor nor a latency SLO")
    if ceiling is not None and max_cost is not None and max_cost <= ceiling:
        yield _contradiction(
            "objective.cost_ceiling_nano_usd", "the mean can never reach it: no request may cost more than that anyway"
        )
    if terms.cascade is not None and terms.cascade.min_confidence <= 0:
        yield _contradiction("cascade.min_confidence", "every answer would stand; it must be above 0")
    if terms.cascade is not None and len(filters.allowed_models) == 1:
        yield _contradiction("cascade", "nobody could be asked after the first: a single model is allowed")
    if both := sorted(filters.allowed_models & filters.denied_models):
        yield _contradiction("filters.denied_models", f"both allowed and denied: {', '.join(both)}")


def _schema(terms: PolicyTerms) -> Iterator[Flaw]:
    numbers = TEXT_SCHEMAS.get(terms.schema_id, terms.dimension)
    if not terms.dimension:
        sentence = f"schema {terms.schema_id} is not built in, so its dimension must be given"
        yield Flaw(FlawKind.UNKNOWN_SCHEMA, "feature_dimension", sentence)
    elif terms.dimension != numbers:
        sentence = f"schema {terms.schema_id} has {numbers} numbers, not {terms.dimension}"
        yield Flaw(FlawKind.UNKNOWN_SCHEMA, "feature_dimension", sentence)


def _unknown_models(terms: PolicyTerms, snapshot: Snapshot) -> Iterator[Flaw]:
    named = {"allowed_models": terms.filters.allowed_models, "denied_models": terms.filters.denied_models}
    for field, names in named.items():
        for name in sorted(names - snapshot.models.keys()):
            yield Flaw(FlawKind.UNKNOWN_MODEL, f"filters.{field}", f"no such model in the catalogue: {name}")


def _unreachable(terms: PolicyTerms, snapshot: Snapshot, predicted_quality: Mapping[str, float]) -> Iterator[Flaw]:
    eligible = Eligibility(snapshot, terms.filters).sift(NO_CONSTRAINTS, needed_tokens=0).offerings
    if not eligible:
        # A catalogue that serves nobody at all is not the policy's fault.
        if terms.filters != NO_CONSTRAINTS:
            yield Flaw(FlawKind.UNREACHABLE, "filters", "no model of the catalogue passes the filters")
        return
    cheapest = min(nominal_cost_nano_usd(offering, snapshot) for offering in eligible)
    limits = {
        "objective.cost_ceiling_nano_usd": terms.objective.cost_ceiling_nano_usd,
        "filters.max_cost_nano_usd": terms.filters.max_cost_nano_usd,
    }
    for field, limit in limits.items():
        if limit is not None and limit < cheapest:
            sentence = f"the cheapest eligible model asks {cheapest:.0f} nano-US-dollars for a nominal request"
            yield Flaw(FlawKind.UNREACHABLE, field, sentence)
    best = max(_quality(offering, snapshot, predicted_quality) for offering in eligible)
    floor = terms.objective.quality_floor
    if floor is not None and floor > best:
        sentence = f"the best eligible model is predicted to reach {best:.3f}"
        yield Flaw(FlawKind.UNREACHABLE, "objective.quality_floor", sentence)


def _quality(offering: Offering, snapshot: Snapshot, predicted: Mapping[str, float]) -> float:
    model = snapshot.models[offering.deployment.model]
    return predicted.get(model.name, model.prior_quality)


def _contradiction(field: str, sentence: str) -> Flaw:
    return Flaw(FlawKind.CONTRADICTION, field, sentence)
