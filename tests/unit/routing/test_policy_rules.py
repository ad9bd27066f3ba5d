"""What the terms of a policy may not say."""

from __future__ import annotations

import pytest

from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.policy import Cascade, PolicyObjective, PolicyTerms, WhenUnmet
from atp_grpc.domain.request import Constraints
from atp_grpc.routing.nominal import nominal_cost_nano_usd
from atp_grpc.routing.policy_rules import FlawKind, flaws_of
from tests.unit.routing.examples import DRAINING, deployment, model, snapshot

VIEW = snapshot(
    [
        model("cheap", prior_quality=0.5, prior_output_tokens=100.0),
        model("good", prior_quality=0.9, prior_output_tokens=100.0, capabilities=frozenset({"tools"})),
    ],
    [
        deployment("cheap", prices=TokenPrices(10**9, 10**9)),
        deployment("good", prices=TokenPrices(10**10, 10**10), regions=frozenset({"eu"})),
    ],
)
CHEAPEST = 600_000
"""Five hundred tokens in and a hundred out, a thousand nano-dollars each."""


def kinds_of(terms: PolicyTerms, *, others: float = 0.0, **quality: float) -> list[tuple[FlawKind, str]]:
    flaws = flaws_of(terms, snapshot=VIEW, predicted_quality=quality, other_shares=others)
    return [(flaw.kind, flaw.field) for flaw in flaws]


def objective(**fields: object) -> PolicyTerms:
    return PolicyTerms(objective=PolicyObjective(**fields))  # type: ignore[arg-type]


def filters(**fields: object) -> PolicyTerms:
    return PolicyTerms(filters=Constraints(**fields))  # type: ignore[arg-type]


def test_the_defaults_are_good_also_on_a_catalogue_that_serves_nobody() -> None:
    assert kinds_of(PolicyTerms()) == []
    nobody = snapshot([model("a", status=DRAINING)], [deployment("a")])
    for view in (snapshot([], []), nobody):
        assert flaws_of(PolicyTerms(), snapshot=view, predicted_quality={}, other_shares=0.0) == []


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (objective(quality_floor=0.5, quality_floor_of_best=0.5), "objective.quality_floor_of_best"),
        (objective(when_unmet=WhenUnmet.REFUSE), "objective.when_unmet"),
        (objective(when_unmet=WhenUnmet.REFUSE, cost_ceiling_nano_usd=CHEAPEST), "objective.when_unmet"),
        (
            PolicyTerms(
                objective=PolicyObjective(cost_ceiling_nano_usd=CHEAPEST),
                filters=Constraints(max_cost_nano_usd=CHEAPEST),
            ),
            "objective.cost_ceiling_nano_usd",
        ),
        (
            filters(allowed_models=frozenset({"cheap", "good"}), denied_models=frozenset({"good"})),
            "filters.denied_models",
        ),
        (PolicyTerms(cascade=Cascade(0.5), filters=Constraints(allowed_models=frozenset({"good"}))), "cascade"),
        (PolicyTerms(cascade=Cascade(0.0)), "cascade.min_confidence"),
    ],
)
def test_terms_that_exclude_each_other_are_flaws(terms: PolicyTerms, field: str) -> None:
    assert kinds_of(terms) == [(FlawKind.CONTRADICTION, field)]


def test_a_cascade_among_several_models_is_no_flaw() -> None:
    assert kinds_of(PolicyTerms(cascade=Cascade(0.5, 2))) == []


def test_refusing_is_no_flaw_where_something_can_be_unmet() -> None:
    for promise in ({"quality_floor": 0.5}, {"quality_floor_of_best": 0.5}, {"latency_slo_seconds": 1.0}):
        assert kinds_of(objective(when_unmet=WhenUnmet.REFUSE, **promise)) == []


def test_a_ceiling_below_the_cheapest_nominal_request_is_a_flaw_and_one_at_it_is_none() -> None:
    offerings = [one for several in VIEW.offerings.values() for one in several]
    assert min(nominal_cost_nano_usd(one, VIEW) for one in offerings) == CHEAPEST
    below = (FlawKind.UNREACHABLE, "objective.cost_ceiling_nano_usd")
    assert kinds_of(objective(cost_ceiling_nano_usd=CHEAPEST)) == []
    assert kinds_of(objective(cost_ceiling_nano_usd=CHEAPEST - 1)) == [below]
    # Only who passes the filters counts.
    only_good = Constraints(allowed_models=frozenset({"good"}))
    dear = PolicyTerms(objective=PolicyObjective(cost_ceiling_nano_usd=CHEAPEST), filters=only_good)
    assert kinds_of(dear) == [below]
    assert kinds_of(filters(max_cost_nano_usd=CHEAPEST - 1)) == [(FlawKind.UNREACHABLE, "filters.max_cost_nano_usd")]


def test_a_floor_above_what_the_best_is_predicted_to_reach_is_a_flaw() -> None:
    above = [(FlawKind.UNREACHABLE, "objective.quality_floor")]
    assert kinds_of(objective(quality_floor=0.9)) == []
    assert kinds_of(objective(quality_floor=0.91)) == above
    assert kinds_of(objective(quality_floor=0.91), cheap=0.95) == []
    assert kinds_of(objective(quality_floor=0.9), good=0.7, cheap=0.6) == above


def test_filters_that_leave_nobody_are_a_flaw() -> None:
    left = [(FlawKind.UNREACHABLE, "filters")]
    assert kinds_of(filters(required_capabilities=frozenset({"vision"}))) == left
    assert kinds_of(filters(region="eu", denied_models=frozenset({"good"}))) == left
    assert kinds_of(filters(region="eu")) == []


def test_models_and_schemas_nobody_knows_are_flaws() -> None:
    unknown = filters(allowed_models=frozenset({"ghost", "good"}), denied_models=frozenset({"spirit"}))
    assert kinds_of(unknown) == [
        (FlawKind.UNKNOWN_MODEL, "filters.allowed_models"),
        (FlawKind.UNKNOWN_MODEL, "filters.denied_models"),
    ]
    flaw = [(FlawKind.UNKNOWN_SCHEMA, "feature_dimension")]
    assert kinds_of(PolicyTerms(schema_id="text.v1", dimension=15)) == flaw
    assert kinds_of(PolicyTerms(schema_id="acme.v1", dimension=0)) == flaw
    assert kinds_of(PolicyTerms(schema_id="acme.v1", dimension=3)) == []


def test_shares_may_add_up_to_one_and_no_further() -> None:
    assert kinds_of(PolicyTerms(traffic_share=0.3), others=0.7) == []
    assert kinds_of(PolicyTerms(traffic_share=0.31), others=0.7) == [(FlawKind.SHARES_EXCEEDED, "traffic_share")]
    # Whoever takes no share cannot have taken too much.
    assert kinds_of(PolicyTerms(), others=1.5) == []


def test_all_flaws_are_told_at_once() -> None:
    terms = PolicyTerms(
        objective=PolicyObjective(quality_floor=1.0, quality_floor_of_best=1.0, cost_ceiling_nano_usd=1),
        schema_id="flags.v1",
        traffic_share=1.0,
    )
    assert kinds_of(terms, others=0.5) == [
        (FlawKind.CONTRADICTION, "objective.quality_floor_of_best"),
        (FlawKind.UNKNOWN_SCHEMA, "feature_dimension"),
        (FlawKind.SHARES_EXCEEDED, "traffic_share"),
        (FlawKind.UNREACHABLE, "objective.cost_ceiling_nano_usd"),
        (FlawKind.UNREACHABLE, "objective.quality_floor"),
    ]
