"""The default routing policy: its version and scales, made once and remembered.

c_hi and l_hi are taken from the catalogue when a version is made and then stay, so a later price change moves only
the model whose price changed. Other settings make a new version. It never looks at outcomes.
"""

from __future__ import annotations

import hashlib
import json

from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.config import PolicySettings
from atp_grpc.domain.money import NANO_PER_USD, TOKENS_PER_PRICE
from atp_grpc.domain.policy import DEFAULT_POLICY, RoutingPolicy
from atp_grpc.engine.contract import ContextMode, EngineParameters, Learner
from atp_grpc.store.contract import Store

_FACT = "policy.default"
NOMINAL_INPUT_TOKENS = 500
"""Input of the request that scales are taken from; its output is what each model is believed to write."""


async def settle_policy(settings: PolicySettings, snapshot: Snapshot, store: Store) -> RoutingPolicy:
    """The policy in force: the remembered version, or a new one when the settings are not those it was made from."""
    digest = hashlib.sha256(repr(settings).encode()).hexdigest()
    remembered = json.loads(await store.read_fact(_FACT) or "{}")
    if remembered.get("digest") != digest:
        remembered = {
            "digest": digest,
            "version": remembered.get("version", 0) + 1,
            "cost_scale_nano_usd": _cost_scale(settings, snapshot),
            "latency_scale_seconds": _latency_scale(settings, snapshot),
        }
        await store.write_fact(_FACT, json.dumps(remembered))
    return RoutingPolicy(
        name=DEFAULT_POLICY,
        version=remembered["version"],
        schema_id=settings.feature_schema,
        dimension=settings.feature_dimension,
        cost_weight=settings.cost_weight,
        latency_weight=settings.latency_weight,
        cost_scale_nano_usd=remembered["cost_scale_nano_usd"],
        latency_scale_seconds=remembered["latency_scale_seconds"],
    )


def engine_parameters(policy: RoutingPolicy, settings: PolicySettings) -> EngineParameters:
    """What the policy fixes for its engine."""
    return EngineParameters(
        pool=policy.name,
        schema_id=policy.schema_id,
        dimension=policy.dimension,
        cost_scale_nano_usd=policy.cost_scale_nano_usd,
        latency_scale_seconds=policy.latency_scale_seconds,
        learner=Learner(settings.learner),
        scale=settings.scale,
        alpha=settings.alpha,
        gamma=settings.gamma,
        epsilon=settings.epsilon,
        slope_precision=settings.slope_precision,
        half_life_nanos=round(settings.half_life_seconds * 1e9) or None,
        context=ContextMode(settings.context),
        tenant_pseudo_count=settings.tenant_pseudo_count,
        tenant_offset_limit=settings.tenant_offset_limit,
        tenant_limit=settings.tenant_limit,
    )


def _cost_scale(settings: PolicySettings, snapshot: Snapshot) -> float:
    """c_hi: what the dearest model asks for a nominal request; one nano-dollar when everything is free."""
    if settings.cost_scale_usd:
        return settings.cost_scale_usd * NANO_PER_USD
    costs = [
        (offer.input_price * NOMINAL_INPUT_TOKENS + offer.output_price * snapshot.arms[offer.arm].prior_output_tokens)
        / TOKENS_PER_PRICE
        for offer in snapshot.offers
    ]
    return max(costs, default=0.0) or 1.0


def _latency_scale(settings: PolicySettings, snapshot: Snapshot) -> float:
    """l_hi: the slowest model's believed latency; one second when nothing is believed."""
    if settings.latency_scale_seconds:
        return settings.latency_scale_seconds
    return max((arm.prior_latency_seconds for arm in snapshot.arms), default=0.0) or 1.0
