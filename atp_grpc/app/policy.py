"""Routing policies of the configuration, and what a policy fixes for its engine.

The rooms enter here at start. A version of a policy and its scales are made once and remembered: c_hi and l_hi are
taken from the catalogue when a version is made and then stay, so a later price change moves only the model whose price
changed. Other settings make a new version. It never looks at outcomes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.config import NamedPolicySettings, PolicySettings, Settings
from atp_grpc.domain.money import NANO_PER_USD
from atp_grpc.domain.policy import (
    DEFAULT_POLICY,
    Cascade,
    Exploration,
    LearnerTerms,
    PolicyObjective,
    PolicyTerms,
    RoutingPolicy,
    WhenUnmet,
    digest_of,
    table_of,
)
from atp_grpc.domain.request import Constraints
from atp_grpc.engine.contract import ContextMode, EngineParameters, Learner
from atp_grpc.routing.nominal import NOMINAL_INPUT_TOKENS, scales_of
from atp_grpc.routing.policy_memory import Remembered
from atp_grpc.routing.policy_rules import flaws_of
from atp_grpc.store.contract import Store

__all__ = ["NOMINAL_INPUT_TOKENS", "PolicyFault", "engine_parameters", "settle_policies", "settle_policy", "terms_of"]


class PolicyFault(ValueError):
    """Policies of the configuration cannot be used; `complaints` holds everything that is wrong with them."""

    def __init__(self, complaints: Sequence[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = tuple(complaints)


async def settle_policies(
    settings: Settings, snapshot: Snapshot, store: Store, remembered: Remembered
) -> list[RoutingPolicy]:
    """The policies of the configuration, `default` first.

    Raises:
        PolicyFault: one of them bears the name of a policy that was made over the API, or cannot be used.
        StoreFailure: a version could not be remembered.
    """
    sections: dict[str, PolicySettings] = {DEFAULT_POLICY: settings.policy}
    sections |= {section.name: section for section in settings.policies}
    if complaints := _complaints(sections, snapshot, remembered):
        raise PolicyFault(complaints)
    return [await settle_policy(section, snapshot, store, name=name) for name, section in sections.items()]


async def settle_policy(
    settings: PolicySettings, snapshot: Snapshot, store: Store, *, name: str = DEFAULT_POLICY
) -> RoutingPolicy:
    """The policy in force: the remembered version, or a new one when the settings are not those it was made from."""
    terms = terms_of(settings)
    fact, digest = f"policy.{name}", digest_of(table_of(terms))
    remembered = json.loads(await store.read_fact(fact) or "{}")
    if remembered.get("digest") != digest:
        cost, latency = scales_of(terms, snapshot)
        remembered = {
            "digest": digest,
            "version": remembered.get("version", 0) + 1,
            "cost_scale_nano_usd": cost,
            "latency_scale_seconds": latency,
        }
        await store.write_fact(fact, json.dumps(remembered))
    return RoutingPolicy(
        name=name,
        version=remembered["version"],
        cost_scale_nano_usd=remembered["cost_scale_nano_usd"],
        latency_scale_seconds=remembered["latency_scale_seconds"],
        terms=terms,
    )


def terms_of(settings: PolicySettings) -> PolicyTerms:
    """What a section of the configuration says, in the domain's words: there 0 or an empty text means nothing."""
    share = settings.traffic_share if isinstance(settings, NamedPolicySettings) else 0.0
    return PolicyTerms(
        objective=PolicyObjective(
            cost_weight=settings.cost_weight,
            latency_weight=settings.latency_weight,
            cost_ceiling_nano_usd=_nano_usd(settings.cost_ceiling_usd),
            quality_floor=settings.quality_floor or None,
            quality_floor_of_best=settings.quality_floor_of_best or None,
            latency_slo_seconds=settings.latency_slo_seconds or None,
            when_unmet=WhenUnmet(settings.when_unmet),
        ),
        filters=Constraints(
            max_cost_nano_usd=_nano_usd(settings.max_cost_usd),
            required_capabilities=frozenset(settings.required_capabilities),
            allowed_models=frozenset(settings.allowed_models),
            denied_models=frozenset(settings.denied_models),
            region=settings.region,
            data_scope=settings.data_scope,
        ),
        schema_id=settings.feature_schema,
        dimension=settings.feature_dimension,
        learning=LearnerTerms(
            learner=settings.learner.value,
            scale=settings.scale,
            alpha=settings.alpha,
            gamma=settings.gamma,
            epsilon=settings.epsilon,
            slope_precision=settings.slope_precision,
            half_life_seconds=settings.half_life_seconds,
            context=settings.context.value,
            tenant_pseudo_count=settings.tenant_pseudo_count,
            tenant_offset_limit=settings.tenant_offset_limit,
            tenant_limit=settings.tenant_limit,
        ),
        traffic_share=share,
        cost_scale_nano_usd=settings.cost_scale_usd * NANO_PER_USD or None,
        latency_scale_seconds=settings.latency_scale_seconds or None,
        exploration=Exploration(
            newcomer_observations=settings.newcomer_observations,
            max_share=settings.newcomer_share,
            max_nano_usd_per_day=_nano_usd(settings.newcomer_usd_per_day),
            is_stopped=settings.newcomers_stopped,
        ),
        affinity_weight=settings.affinity_weight,
        change_detection=settings.change_detection,
        cascade=_cascade(settings),
    )


def engine_parameters(policy: RoutingPolicy) -> EngineParameters:
    """What the policy fixes for its engine."""
    learning = policy.terms.learning
    return EngineParameters(
        pool=policy.name,
        schema_id=policy.schema_id,
        dimension=policy.dimension,
        cost_scale_nano_usd=policy.cost_scale_nano_usd,
        latency_scale_seconds=policy.latency_scale_seconds,
        learner=Learner(learning.learner),
        scale=learning.scale,
        alpha=learning.alpha,
        gamma=learning.gamma,
        epsilon=learning.epsilon,
        slope_precision=learning.slope_precision,
        half_life_nanos=round(learning.half_life_seconds * 1e9) or None,
        context=ContextMode(learning.context),
        tenant_pseudo_count=learning.tenant_pseudo_count,
        tenant_offset_limit=learning.tenant_offset_limit,
        tenant_limit=learning.tenant_limit,
    )


def _complaints(sections: dict[str, PolicySettings], snapshot: Snapshot, remembered: Remembered) -> list[str]:
    complaints = [
        f"{name}: a policy of that name was made over the API; delete that one or rename this one"
        for name in sections
        if name in remembered.entries
    ]
    terms = {name: terms_of(section) for name, section in sections.items()}
    made = sum(entry.policy.terms.traffic_share for entry in remembered.entries.values())
    total = made + sum(one.traffic_share for one in terms.values())
    for name, one in terms.items():
        flaws = flaws_of(one, snapshot=snapshot, predicted_quality={}, other_shares=total - one.traffic_share)
        complaints += [f"{name}: {flaw.field}: {flaw.sentence}" for flaw in flaws]
    return complaints


def _cascade(settings: PolicySettings) -> Cascade | None:
    if not settings.cascade_min_confidence:
        return None
    return Cascade(settings.cascade_min_confidence, settings.cascade_most_escalations)


def _nano_usd(usd: float) -> int | None:
    return round(usd * NANO_PER_USD) or None
