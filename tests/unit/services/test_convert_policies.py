"""Policies between wire, domain and store: nothing is lost on the way, and an update touches what it names."""

from __future__ import annotations

import dataclasses
import json

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.errors import InvalidFieldError
from atp_grpc.domain.policy import (
    Cascade,
    Exploration,
    LearnerTerms,
    Origin,
    PolicyObjective,
    PolicyTerms,
    RoutingPolicy,
    WhenUnmet,
    digest_of,
    table_of,
)
from atp_grpc.domain.policy import terms_of as terms_of_table
from atp_grpc.domain.request import Constraints
from atp_grpc.engine.contract import ContextMode, Learner
from atp_grpc.pb.atp.admin.v1 import policy_service_pb2 as pb
from atp_grpc.routing.policy_memory import Entry
from atp_grpc.services.convert import policies as convert

NUMBERS = st.floats(0, 1e6, allow_nan=False)
SHARES = st.floats(0, 1)
MONEY = st.integers(1, 2**62)
MILLISECONDS = st.integers(1, 10**9).map(lambda count: count / 1000)
WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
NAMES = st.frozensets(WORDS, max_size=3)
TERMS = st.builds(
    PolicyTerms,
    objective=st.builds(
        PolicyObjective,
        cost_weight=NUMBERS,
        latency_weight=NUMBERS,
        cost_ceiling_nano_usd=st.none() | MONEY,
        quality_floor=st.none() | SHARES,
        quality_floor_of_best=st.none() | SHARES,
        latency_slo_seconds=st.none() | MILLISECONDS,
        when_unmet=st.sampled_from(WhenUnmet),
    ),
    filters=st.builds(
        Constraints,
        max_cost_nano_usd=st.none() | MONEY,
        quality_floor=st.none(),
        latency_slo_seconds=st.none(),
        required_capabilities=NAMES,
        allowed_models=NAMES,
        denied_models=NAMES,
        region=WORDS | st.just(""),
        data_scope=WORDS | st.just(""),
    ),
    schema_id=st.sampled_from(["flags.v1", "text.v1", "acme.v1"]),
    dimension=st.integers(1, 512),
    learning=st.builds(
        LearnerTerms,
        learner=st.sampled_from([one.value for one in Learner]),
        scale=NUMBERS,
        alpha=NUMBERS,
        gamma=NUMBERS,
        epsilon=SHARES,
        slope_precision=NUMBERS,
        half_life_seconds=st.just(0.0) | MILLISECONDS,
        context=st.sampled_from([one.value for one in ContextMode]),
        tenant_pseudo_count=NUMBERS,
        tenant_offset_limit=SHARES,
        tenant_limit=st.integers(0, 10**6),
    ),
    traffic_share=SHARES,
    cost_scale_nano_usd=st.none() | NUMBERS,
    latency_scale_seconds=st.none() | MILLISECONDS,
    exploration=st.builds(
        Exploration,
        newcomer_observations=st.integers(0, 10**6),
        max_share=SHARES,
        max_nano_usd_per_day=st.none() | MONEY,
        is_stopped=st.booleans(),
    ),
    affinity_weight=SHARES,
    change_detection=st.booleans(),
    cascade=st.none() | st.builds(Cascade, min_confidence=SHARES, most_escalations=st.integers(1, 8)),
)
PATHS = st.sampled_from(
    [
        "objective",
        "objective.cost_weight",
        "objective.quality_floor",
        "filters",
        "filters.allowed_models",
        "learner.half_life",
        "feature_schema",
        "traffic_share",
        "cost_scale_nano_usd",
        "latency_scale",
        "exploration.stopped",
        "change_detection",
        "cascade",
    ]
)


@given(terms=TERMS)
def test_terms_survive_the_wire(terms: PolicyTerms) -> None:
    payload = convert.written(terms).SerializeToString()
    assert convert.terms_of(pb.RoutingPolicy.FromString(payload)) == terms


@given(terms=TERMS)
def test_terms_survive_the_store(terms: PolicyTerms) -> None:
    assert terms_of_table(json.loads(json.dumps(table_of(terms)))) == terms


@given(terms=TERMS)
def test_what_an_earlier_release_wrote_is_read_and_has_the_digest_it_had(terms: PolicyTerms) -> None:
    terms = dataclasses.replace(terms, cascade=None)
    # Before there were cascades, nothing was written of them.
    assert "cascade" not in table_of(terms)
    assert terms_of_table(json.loads(json.dumps({**table_of(terms), "cascade": None}))) == terms


def test_a_cascade_without_a_count_escalates_once() -> None:
    message = pb.RoutingPolicy(cascade=pb.Cascade(min_confidence=0.5))
    assert convert.terms_of(message).cascade == Cascade(0.5, 1)


def test_a_part_of_a_cascade_can_be_changed_alone() -> None:
    given_message = pb.RoutingPolicy(cascade=pb.Cascade(min_confidence=0.7))

    def after(terms: PolicyTerms, path: str) -> Cascade | None:
        return convert.reviser(given_message, [path])(terms).cascade

    before = PolicyTerms(cascade=Cascade(0.5, 3))
    assert after(before, "cascade.min_confidence") == Cascade(0.7, 3)
    assert after(before, "cascade.most_escalations") == Cascade(0.5, 1)
    assert after(PolicyTerms(), "cascade.min_confidence") == Cascade(0.7, 1)
    assert convert.reviser(pb.RoutingPolicy(), ["cascade"])(before).cascade is None


def test_what_is_absent_has_the_defaults_of_the_domain() -> None:
    assert convert.terms_of(pb.RoutingPolicy()) == PolicyTerms()
    assert convert.terms_of(pb.RoutingPolicy(feature_schema="text.v1")).dimension == 47


@given(one=TERMS, other=TERMS, versions=st.tuples(st.integers(1, 3), st.integers(1, 3)))
def test_an_etag_tells_versions_and_contents_apart_and_nothing_else(
    one: PolicyTerms, other: PolicyTerms, versions: tuple[int, int]
) -> None:
    pairs = zip(versions, (one, other), strict=True)
    etags = [RoutingPolicy("a", version, 1.0, 1.0, terms).etag for version, terms in pairs]
    assert (etags[0] == etags[1]) == (one == other and versions[0] == versions[1])
    assert digest_of(table_of(one)) == digest_of(dict(reversed(table_of(one).items())))


@given(terms=TERMS, given_terms=TERMS, paths=st.lists(PATHS, min_size=1, unique=True))
def test_an_update_takes_what_it_names_and_leaves_the_rest(
    terms: PolicyTerms, given_terms: PolicyTerms, paths: list[str]
) -> None:
    before, given_message = convert.written(terms), convert.written(given_terms)
    after = convert.written(convert.reviser(given_message, paths)(terms))
    for field in pb.RoutingPolicy.DESCRIPTOR.fields:
        inner = {path.partition(".")[2] for path in paths if path.partition(".")[0] == field.name}
        if not inner:
            assert getattr(after, field.name) == getattr(before, field.name)
        elif "" in inner:
            assert getattr(after, field.name) == getattr(given_message, field.name)
        else:
            assert field.message_type is not None
            for part in field.message_type.fields_by_name:
                source = given_message if part in inner else before
                assert getattr(getattr(after, field.name), part) == getattr(getattr(source, field.name), part)


@given(terms=TERMS)
def test_an_update_of_everything_is_the_policy_as_given(terms: PolicyTerms) -> None:
    assert convert.reviser(convert.written(terms), ["*"])(PolicyTerms()) == terms


@pytest.mark.parametrize("paths", [[], ["ghost"], ["name"], ["objective", "etag"], ["latency_scale.nanos"], [""]])
def test_a_mask_that_names_nothing_a_caller_may_change_is_refused(paths: list[str]) -> None:
    with pytest.raises(InvalidFieldError):
        convert.reviser(pb.RoutingPolicy(), paths)


def test_a_policy_on_the_wire_says_what_the_server_knows_of_it() -> None:
    before = RoutingPolicy("fast", 3, 5.0, 2.5, PolicyTerms(), Origin.API)
    after = RoutingPolicy("fast", 4, 7.0, 1.5, PolicyTerms(traffic_share=0.5), Origin.API)
    message = convert.policy(Entry(after, previous=before))
    assert (message.name, message.version, message.previous_version) == ("fast", 4, 3)
    assert (message.etag, message.origin) == (after.etag, convert.ORIGINS[Origin.API])
    assert message.cost_scale_in_force_nano_usd == 7.0
    assert message.latency_scale_in_force == Duration(seconds=1, nanos=500_000_000)
    assert not message.HasField("latency_scale")
