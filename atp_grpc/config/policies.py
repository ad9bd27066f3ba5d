"""The settings of routing policies: `default`, and those beside it.

`settings` puts them into the tree; they stand apart because there are many. What they promise is judged against the
catalogue when the process starts, not here.
"""

# ruff: noqa: RUF009 - `setting` returns a dataclass field, made anew for each class.
from __future__ import annotations

from dataclasses import dataclass

from atp_grpc.config.fields import WORD, setting
from atp_grpc.domain.policy import DEFAULT_SCHEMA, TEXT_SCHEMAS, WhenUnmet
from atp_grpc.engine.contract import ContextMode, Learner

_YEAR = 366 * 86_400.0


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """The routing policy `default`; what requests may ask of it is in the API."""

    cost_weight: float = setting("Quality given up for one cost scale of money.", 0.1, minimum=0, maximum=1e6)
    latency_weight: float = setting("Quality given up for one latency scale of time.", 0.0, minimum=0, maximum=1e6)
    cost_ceiling_usd: float = setting(
        "Most that a request may cost a tenant on average, as billed; 0: any.",
        0.0,
        maximum=1e6,
        least_above_zero=1e-9,
    )
    quality_floor: float = setting("Least mean quality, 0 to 1; 0: any.", 0.0, minimum=0, maximum=1)
    quality_floor_of_best: float = setting(
        "The same as a share of what the best eligible model is predicted to reach; 0: any.", 0.0, minimum=0, maximum=1
    )
    latency_slo_seconds: float = setting(
        "Longest predicted latency of a request that names none; 0: any.", 0.0, maximum=3600, least_above_zero=1e-6
    )
    when_unmet: WhenUnmet = setting(
        "What becomes of a request whose floor or latency objective no model meets.", WhenUnmet.BEST_EFFORT
    )
    allowed_models: tuple[str, ...] = setting("The only models that serve; empty: all.", (), maximum=512)
    denied_models: tuple[str, ...] = setting("Models that never serve.", (), maximum=512)
    required_capabilities: tuple[str, ...] = setting("Capabilities that a model must have.", (), maximum=32)
    region: str = setting("Region in which every request is served; empty: any.", "", pattern=r".{0,64}")
    data_scope: str = setting(
        "Data scope that every deployment must be cleared for; empty: none.", "", pattern=r".{0,64}"
    )
    max_cost_usd: float = setting(
        "Most that a single request may be expected to cost; 0: any.", 0.0, maximum=1e6, least_above_zero=1e-9
    )
    learner: Learner = setting("How uncertainty turns into exploration.", Learner.THOMPSON)
    scale: float = setting(
        "Posterior widths in one standard deviation of a Thompson draw.", 0.03, minimum=0, maximum=1e6
    )
    alpha: float = setting(
        "Posterior widths that LinUCB adds to the mean; confidence bounds that UCB1 adds.", 0.05, minimum=0, maximum=1e6
    )
    gamma: float = setting(
        "How fast SquareCB stops exploring; more means greedier, with the root of the evidence.",
        200.0,
        minimum=0,
        maximum=1e9,
    )
    epsilon: float = setting("Share of choices drawn from the exploration distribution.", 0.01, minimum=0, maximum=1)
    slope_precision: float = setting(
        "Prior precision of a feature's slope, for each pair of models; more means more shrinkage to what they share.",
        2.0,
        minimum=1e-9,
        maximum=1e9,
    )
    half_life_seconds: float = setting(
        "Age at which an observation counts half; 0: observations never fade.",
        0.0,
        maximum=100 * _YEAR,
        least_above_zero=1,
    )
    context: ContextMode = setting(
        "Whether features may move a prediction; auto: once they prove to help.", ContextMode.AUTO
    )
    tenant_pseudo_count: float = setting(
        "Observations of a tenant that move it half-way from what the others saw to what it saw itself.",
        100.0,
        minimum=1e-9,
        maximum=1e9,
    )
    tenant_offset_limit: float = setting(
        "Most quality by which a tenant's own outcomes may move a prediction made for it.", 0.2, minimum=0, maximum=1
    )
    tenant_limit: int = setting(
        "Most tenants kept apart by their own outcomes, those taught last; 0: all are treated alike.",
        1000,
        minimum=0,
        maximum=1_000_000,
    )
    feature_schema: str = setting(
        "Names a request's features; flags.v1 and text.v1 are computed from text.", DEFAULT_SCHEMA, pattern=WORD
    )
    feature_dimension: int = setting(
        "Numbers in a feature vector.", TEXT_SCHEMAS[DEFAULT_SCHEMA], minimum=1, maximum=512
    )
    cost_scale_usd: float = setting(
        "US dollars that one cost weight stands for; 0: the dearest model's nominal request.",
        0.0,
        maximum=1e6,
        least_above_zero=1e-9,
    )
    latency_scale_seconds: float = setting(
        "Seconds that one latency weight stands for; 0: the slowest model's believed latency.",
        0.0,
        maximum=1e6,
        least_above_zero=1e-6,
    )
    newcomer_observations: int = setting(
        "Observations below which a model is a newcomer, whose trials are limited.", 50, minimum=0, maximum=1_000_000
    )
    newcomer_share: float = setting("Most of the requests that newcomers may get.", 0.1, minimum=0, maximum=1)
    newcomer_usd_per_day: float = setting(
        "Most of a tenant's money that newcomers may cost in a day; 0: any.", 0.0, maximum=1e6, least_above_zero=1e-9
    )
    newcomers_stopped: bool = setting("Whether newcomers are tried no further.", default=False)
    affinity_weight: float = setting(
        "Quality given up to stay with the model of a conversation.", 0.0, minimum=0, maximum=1
    )
    change_detection: bool = setting("Whether a model that has changed is learned anew.", default=True)
    cascade_min_confidence: float = setting(
        "Least confidence with which an answer of a cheaper model stands, 0 to 1; 0: no cascade.",
        0.0,
        minimum=0,
        maximum=1,
    )
    cascade_most_escalations: int = setting("How often a dearer model is asked in a cascade.", 1, minimum=1, maximum=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPolicySettings(PolicySettings):
    """A routing policy beside `default`, named by its table; what it leaves out has the default below."""

    name: str = setting("The policy's name.", pattern=WORD)
    traffic_share: float = setting(
        "Share of the requests that name no policy and are served by this one.", 0.0, minimum=0, maximum=1
    )
