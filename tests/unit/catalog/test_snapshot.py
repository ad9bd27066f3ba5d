"""A snapshot is one moment of one catalogue: sorted, priced, and pointing at itself correctly."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.catalog.loader import Catalogue, read_catalogue
from atp_grpc.catalog.snapshot import Offering, Snapshot, build_snapshot
from atp_grpc.domain.decision import Target
from atp_grpc.domain.model import DatedPrices, Deployment, Model, Provider
from atp_grpc.domain.money import TokenPrices
from atp_grpc.engine.contract import Arm, Offer

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "catalog"
LATEST = 40

histories = st.dictionaries(st.integers(0, LATEST), st.integers(0, 1000), min_size=1, max_size=3).map(
    lambda prices: tuple(DatedPrices(since, TokenPrices(prices[since], 2 * prices[since])) for since in sorted(prices))
)


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    models = draw(st.lists(st.sampled_from("abcdef"), unique=True, min_size=1))
    places = draw(st.lists(st.tuples(st.sampled_from(models), st.sampled_from("xyz")), unique=True, min_size=1))
    return Catalogue(
        providers=tuple(map(Provider, "zyx")),
        models=tuple(Model(name, 1000, 100, prior_quality=0.5) for name in models),
        deployments=tuple(Deployment(f"{by}-{model}", model, by, draw(histories)) for model, by in places),
        digest="0" * 64,
    )


def snapshot_at(catalogue: Catalogue, now: int) -> Snapshot:
    return build_snapshot(catalogue, revision=3, generation=7, now_nanos=now)


@given(catalogues(), st.integers(0, LATEST))
def test_everything_is_in_order_of_names(catalogue: Catalogue, now: int) -> None:
    snapshot = snapshot_at(catalogue, now)

    for mapping in (snapshot.providers, snapshot.models, snapshot.deployments):
        assert list(mapping) == sorted(mapping)
    assert [arm.name for arm in snapshot.arms] == list(snapshot.models)
    places = [(offering.target.model, offering.target.deployment) for offering in in_order(snapshot)]
    assert places == sorted(places)


def in_order(snapshot: Snapshot) -> list[Offering]:
    offerings = [offering for entries in snapshot.offerings.values() for offering in entries]
    return sorted(offerings, key=lambda offering: offering.offer)


@given(catalogues(), st.integers(0, LATEST))
def test_exactly_the_deployments_with_a_price_in_force_are_offered(catalogue: Catalogue, now: int) -> None:
    snapshot = snapshot_at(catalogue, now)
    offered = {o.deployment.name: o.prices for entries in snapshot.offerings.values() for o in entries}

    priced = {d.name: d.prices_at(now) for d in catalogue.deployments if d.price_history[0].effective_nanos <= now}
    assert offered == priced


@given(catalogues(), st.integers(0, LATEST))
def test_each_offering_points_at_its_own_offer_and_arm(catalogue: Catalogue, now: int) -> None:
    snapshot = snapshot_at(catalogue, now)
    offerings = [offering for entries in snapshot.offerings.values() for offering in entries]

    assert sorted(offering.offer for offering in offerings) == list(range(len(snapshot.offers)))
    for offering in offerings:
        offer, deployment = snapshot.offers[offering.offer], offering.deployment
        assert snapshot.arms[offer.arm].name == deployment.model
        assert (offer.input_price, offer.output_price) == (offering.prices.input, offering.prices.output)
        assert offering.target == Target(deployment.model, deployment.name, deployment.provider)
        assert snapshot.deployments[deployment.name] is deployment


@given(catalogues(), st.integers(0, LATEST))
def test_a_snapshot_holds_until_the_moment_it_says_and_no_longer(catalogue: Catalogue, now: int) -> None:
    snapshot = snapshot_at(catalogue, now)
    until = snapshot.valid_until_nanos
    same = [moment for moment in range(now, LATEST + 1) if until is None or moment < until]

    assert all(snapshot_at(catalogue, moment).offerings == snapshot.offerings for moment in same)
    if until is not None:
        begins = {dated.effective_nanos for d in catalogue.deployments for dated in d.price_history}
        assert until in begins
        assert until > now


def test_a_model_is_an_arm_with_its_beliefs() -> None:
    snapshot = snapshot_at(read_catalogue(FIXTURES / "good_everything.toml"), 0)

    assert snapshot.arms == (
        Arm("ember", prior_quality=0.75, prior_output_tokens=300.0, prior_latency_seconds=0.5),
        Arm("labs/cobalt-2.1:free"),
    )
    assert snapshot.offers == (Offer(0, 3_000_000_000, 12_000_000_001), Offer(1, 0, 0))


def test_a_model_without_a_deployment_is_an_arm_without_an_offering() -> None:
    catalogue = Catalogue((Provider("x"),), (Model("a", 10, 1),), (), "0" * 64)

    snapshot = snapshot_at(catalogue, 0)

    assert [arm.name for arm in snapshot.arms] == ["a"]
    assert snapshot.offerings == {"a": ()}


def test_a_snapshot_remembers_when_its_file_was_read() -> None:
    catalogue = read_catalogue(FIXTURES / "good_smallest.toml")
    later = build_snapshot(catalogue, revision=1, generation=2, now_nanos=9, loaded_nanos=5)

    assert snapshot_at(catalogue, 5).loaded_nanos == 5
    assert later.loaded_nanos == 5


def test_nothing_in_a_snapshot_can_be_changed() -> None:
    snapshot = snapshot_at(read_catalogue(FIXTURES / "good_smallest.toml"), 0)

    with pytest.raises(dataclasses.FrozenInstanceError):
        snapshot.revision = 4  # type: ignore[misc]
    for mapping in (snapshot.providers, snapshot.models, snapshot.deployments, snapshot.offerings):
        assert isinstance(mapping, MappingProxyType)
