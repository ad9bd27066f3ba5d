"""What a routing policy fixes for the life of an engine. Part of the contract, which passes these names on."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Learner(enum.StrEnum):
    """How uncertainty turns into exploration."""

    THOMPSON = "thompson"
    """Linear Thompson sampling: one normal per arm and draw, sd = `scale` times the posterior width (Agrawal 2013)."""
    LINUCB = "linucb"
    """Optimism: mean plus `alpha` times the posterior width (Li et al. 2010)."""
    GREEDY = "greedy"
    """The mean alone; exploration comes only from epsilon."""


class ContextMode(enum.StrEnum):
    """Whether the linear model may differ from an arm's plain mean."""

    AUTO = "auto"
    """Context is used once progressive validation shows that it earns its place."""
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class EngineParameters:
    """What a routing policy fixes for the life of an engine.

    All spans in nanoseconds; `cost_scale_nano_usd` (c_hi) and `latency_scale_seconds` (l_hi) are the units in which
    cost and latency enter the utility, taken from the catalogue when the policy version is made.
    """

    pool: str
    schema_id: str
    dimension: int
    cost_scale_nano_usd: float
    latency_scale_seconds: float
    learner: Learner = Learner.THOMPSON
    scale: float = 0.03
    alpha: float = 0.05
    epsilon: float = 0.01
    slope_precision: float = 1.0
    half_life_nanos: int | None = None
    context: ContextMode = ContextMode.AUTO
    context_on_z: float = 1.0
    context_off_z: float = 0.0
    context_min_weight: float = 32.0
