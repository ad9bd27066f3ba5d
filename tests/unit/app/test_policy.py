"""The default policy: its version follows the settings, its scales are made once from the catalogue."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.app.policy import (
    NOMINAL_INPUT_TOKENS,
    PolicyFault,
    engine_parameters,
    settle_policies,
    settle_policy,
    terms_of,
)
from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.config import NamedPolicySettings, PolicySettings, Settings
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.policy import Cascade, Exploration, PolicyObjective, PolicyTerms, WhenUnmet
from atp_grpc.domain.request import Constraints
from atp_grpc.engine.contract import ContextMode, EngineParameters, Learner
from atp_grpc.routing.policy_memory import Remembered
from atp_grpc.store.memory import MemoryStore
from tests.unit.routing.examples import deployment, model, snapshot


def priced(output: int) -> Snapshot:
    models = [
        model("a", prior_output_tokens=100.0, prior_latency_seconds=3.0),
        model("b", prior_output_tokens=50.0, prior_latency_seconds=1.0),
    ]
    return snapshot(
        models,
        [
            deployment("a", prices=TokenPrices(input=10**9, output=output)),
            deployment("b", prices=TokenPrices(input=10**9, output=10**9)),
        ],
    )


async def test_the_scales_are_what_the_dearest_and_the_slowest_ask_for_a_nominal_request() -> None:
    policy = await settle_policy(PolicySettings(), priced(8 * 10**9), MemoryStore("r"))
    # A thousand nano-dollars an input token, eight thousand an output token.
    assert policy.cost_scale_nano_usd == pytest.approx(NOMINAL_INPUT_TOKENS * 1_000 + 100 * 8_000)
    assert policy.latency_scale_seconds == 3.0
    assert (policy.name, policy.version, policy.reads_text) == ("default", 1, True)


async def test_scales_that_are_set_win() -> None:
    settings = PolicySettings(cost_scale_usd=0.5, latency_scale_seconds=9.0)
    policy = await settle_policy(settings, priced(10**9), MemoryStore("r"))
    assert (policy.cost_scale_nano_usd, policy.latency_scale_seconds) == (0.5e9, 9.0)


async def test_an_empty_or_free_catalogue_still_has_scales_above_zero() -> None:
    free = snapshot([model("a", prior_latency_seconds=0.0)], [deployment("a", prices=TokenPrices(input=0, output=0))])
    for view in (snapshot([], []), free):
        policy = await settle_policy(PolicySettings(), view, MemoryStore("r"))
        assert (policy.cost_scale_nano_usd, policy.latency_scale_seconds) == (1.0, 1.0)


async def test_a_version_keeps_its_scales_when_prices_change() -> None:
    store = MemoryStore("r")
    first = await settle_policy(PolicySettings(), priced(10**9), store)
    assert await settle_policy(PolicySettings(), priced(10**12), store) == first


_CHANGES = st.sampled_from(
    [
        {"cost_weight": 0.5},
        {"latency_weight": 0.5},
        {"learner": Learner.GREEDY},
        {"epsilon": 0.1},
        {"half_life_seconds": 60.0},
        {"context": ContextMode.OFF},
        {},
    ]
)


@given(changes=st.lists(_CHANGES, min_size=1, max_size=6))
async def test_the_version_grows_exactly_when_the_settings_change(changes: list[dict[str, object]]) -> None:
    store, version, last = MemoryStore("r"), 0, None
    for change in changes:
        settings = dataclasses.replace(PolicySettings(), **change)  # type: ignore[arg-type]
        policy = await settle_policy(settings, priced(10**9), store)
        version += settings != last
        last = settings
        assert policy.version == version


async def test_the_engine_gets_what_the_policy_fixes() -> None:
    settings = PolicySettings(half_life_seconds=1.5, learner=Learner.LINUCB, alpha=0.2, scale=0.4, epsilon=0.3)
    policy = await settle_policy(settings, priced(10**9), MemoryStore("r"))
    parameters = engine_parameters(policy)
    assert parameters.half_life_nanos == 1_500_000_000
    assert (parameters.learner, parameters.alpha, parameters.scale, parameters.epsilon) == (
        Learner.LINUCB,
        0.2,
        0.4,
        0.3,
    )
    assert parameters.cost_scale_nano_usd == policy.cost_scale_nano_usd
    plain = await settle_policy(PolicySettings(), priced(10**9), MemoryStore("r"))
    assert engine_parameters(plain).half_life_nanos is None


async def test_the_engine_gets_what_the_policy_says_of_squarecb_and_of_tenants() -> None:
    settings = PolicySettings(
        learner=Learner.SQUARECB, gamma=7.0, tenant_pseudo_count=3.0, tenant_offset_limit=0.5, tenant_limit=9
    )
    parameters = engine_parameters(await settle_policy(settings, priced(10**9), MemoryStore("r")))
    assert (parameters.learner, parameters.gamma) == (Learner.SQUARECB, 7.0)
    assert (parameters.tenant_pseudo_count, parameters.tenant_offset_limit, parameters.tenant_limit) == (3.0, 0.5, 9)


async def test_what_the_settings_leave_open_is_what_the_contract_leaves_open() -> None:
    settings = PolicySettings()
    policy = await settle_policy(settings, priced(10**9), MemoryStore("r"))
    assert engine_parameters(policy) == EngineParameters(
        policy.name, policy.schema_id, policy.dimension, policy.cost_scale_nano_usd, policy.latency_scale_seconds
    )


NOTHING_MADE = Remembered(0, {}, {})


def test_settings_that_say_nothing_are_the_terms_that_say_nothing() -> None:
    assert terms_of(PolicySettings()) == PolicyTerms()


def test_what_settings_say_stands_in_the_terms() -> None:
    settings = NamedPolicySettings(
        name="night",
        traffic_share=0.25,
        cost_ceiling_usd=0.5,
        quality_floor_of_best=0.9,
        latency_slo_seconds=2.5,
        when_unmet=WhenUnmet.REFUSE,
        allowed_models=("a", "b"),
        region="eu",
        max_cost_usd=0.75,
        newcomer_usd_per_day=3.0,
        newcomers_stopped=True,
        affinity_weight=0.1,
        change_detection=False,
    )
    assert terms_of(settings) == PolicyTerms(
        objective=PolicyObjective(
            cost_ceiling_nano_usd=500_000_000,
            quality_floor_of_best=0.9,
            latency_slo_seconds=2.5,
            when_unmet=WhenUnmet.REFUSE,
        ),
        filters=Constraints(max_cost_nano_usd=750_000_000, allowed_models=frozenset({"a", "b"}), region="eu"),
        traffic_share=0.25,
        exploration=Exploration(max_nano_usd_per_day=3 * 10**9, is_stopped=True),
        affinity_weight=0.1,
        change_detection=False,
    )


async def test_each_policy_of_the_configuration_has_versions_of_its_own() -> None:
    store, view = MemoryStore("r"), priced(10**9)
    night = NamedPolicySettings(name="night", cost_weight=2.0)
    first = await settle_policies(Settings(policies=(night,)), view, store, NOTHING_MADE)
    assert [(policy.name, policy.version) for policy in first] == [("default", 1), ("night", 1)]
    changed = dataclasses.replace(night, cost_weight=3.0)
    second = await settle_policies(Settings(policies=(changed,)), view, store, NOTHING_MADE)
    assert [(policy.name, policy.version) for policy in second] == [("default", 1), ("night", 2)]
    assert second[0] == first[0]


async def test_policies_of_the_configuration_that_cannot_be_used_are_all_told_and_nothing_is_remembered() -> None:
    sections = (
        NamedPolicySettings(name="one", allowed_models=("ghost",)),
        NamedPolicySettings(name="two", when_unmet=WhenUnmet.REFUSE),
    )
    settings, store = Settings(policy=PolicySettings(cost_ceiling_usd=1e-9), policies=sections), MemoryStore("r")
    with pytest.raises(PolicyFault) as caught:
        await settle_policies(settings, priced(10**9), store, NOTHING_MADE)
    assert [complaint.partition(": ")[0] for complaint in caught.value.complaints] == ["default", "one", "two"]
    assert await store.read_fact("policy.default") is None


def test_a_cascade_is_set_by_its_confidence_and_unset_without_one() -> None:
    assert terms_of(PolicySettings(cascade_min_confidence=0.6, cascade_most_escalations=2)).cascade == Cascade(0.6, 2)
    assert terms_of(PolicySettings(cascade_most_escalations=2)).cascade is None


async def test_settings_without_a_cascade_keep_the_version_they_had_before_there_were_any() -> None:
    store = MemoryStore("r")
    await settle_policy(PolicySettings(), priced(10**9), store)
    written = json.loads(await store.read_fact("policy.default") or "{}")

    # The digest that the release before cascades made of the same settings.
    assert written["digest"] == "edeb8689380d7fd62a174ec87370de19"
    again = await settle_policy(PolicySettings(cascade_min_confidence=0.6), priced(10**9), store)
    assert again.version == 2
