"""The default policy: its version follows the settings, its scales are made once from the catalogue."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.app.policy import NOMINAL_INPUT_TOKENS, engine_parameters, settle_policy
from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.config import PolicySettings
from atp_grpc.domain.money import TokenPrices
from atp_grpc.engine.contract import ContextMode, EngineParameters, Learner
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
    parameters = engine_parameters(policy, settings)
    assert parameters.half_life_nanos == 1_500_000_000
    assert (parameters.learner, parameters.alpha, parameters.scale, parameters.epsilon) == (
        Learner.LINUCB,
        0.2,
        0.4,
        0.3,
    )
    assert parameters.cost_scale_nano_usd == policy.cost_scale_nano_usd
    assert engine_parameters(policy, PolicySettings()).half_life_nanos is None


async def test_the_engine_gets_what_the_policy_says_of_squarecb_and_of_tenants() -> None:
    settings = PolicySettings(
        learner=Learner.SQUARECB, gamma=7.0, tenant_pseudo_count=3.0, tenant_offset_limit=0.5, tenant_limit=9
    )
    parameters = engine_parameters(await settle_policy(settings, priced(10**9), MemoryStore("r")), settings)
    assert (parameters.learner, parameters.gamma) == (Learner.SQUARECB, 7.0)
    assert (parameters.tenant_pseudo_count, parameters.tenant_offset_limit, parameters.tenant_limit) == (3.0, 0.5, 9)


async def test_what_the_settings_leave_open_is_what_the_contract_leaves_open() -> None:
    settings = PolicySettings()
    policy = await settle_policy(settings, priced(10**9), MemoryStore("r"))
    assert engine_parameters(policy, settings) == EngineParameters(
        policy.name, policy.schema_id, policy.dimension, policy.cost_scale_nano_usd, policy.latency_scale_seconds
    )
