"""What a routing policy fixes for the life of an engine. Part of the contract, which passes these names on."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

COMMON_PRECISION: Final = 1.0
"""Prior precision of each slope that the arms have in common, unless told otherwise."""


class Learner(enum.StrEnum):
    """How uncertainty turns into exploration."""

    THOMPSON = "thompson"
    """Linear Thompson sampling: one normal per arm and draw, sd = `scale` times the posterior width (Agrawal 2013)."""
    LINUCB = "linucb"
    """Optimism: mean plus `alpha` times the posterior width (Li et al. 2010)."""
    SQUARECB = "squarecb"
    """Inverse-gap weighting: the further behind the best prediction, the rarer (Foster and Rakhlin 2020)."""
    GREEDY = "greedy"
    """The mean alone; exploration comes only from epsilon."""
    UCB1 = "ucb1"
    """Optimism by counts, without context: `alpha` times the bound of Auer, Cesa-Bianchi and Fischer (2002)."""
    THOMPSON_BETA = "thompson_beta"
    """Thompson sampling from a Beta posterior per arm, without context (Agrawal and Goyal 2012)."""

    @property
    def is_contextual(self) -> bool:
        """Whether features may shape what this learner predicts."""
        return self not in {Learner.UCB1, Learner.THOMPSON_BETA}


class ContextMode(enum.StrEnum):
    """Whether the linear model may differ from an arm's plain mean."""

    AUTO = "auto"
    """Context is used until progressive validation shows that it does harm, and again once it does none."""
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class EngineParameters:
    """What a routing policy fixes for the life of an engine.

    All spans in nanoseconds; `cost_scale_nano_usd` (c_hi) and `latency_scale_seconds` (l_hi) are the units in which
    cost and latency enter the utility, taken from the catalogue when the policy version is made.

    `slope_precision` is for each pair of arms: every pair is one more chance for noise to overturn the order of the
    means. `token_precision` holds each slope of the answer length to zero, `common_precision` each slope that the arms
    have in common.

    `gamma` is how fast SquareCB stops exploring. A tenant's estimate begins with what the others saw, worth
    `tenant_pseudo_count` observations at most; it stays within `tenant_offset_limit` of everybody's quality, and is
    kept apart for the `tenant_limit` tenants that were learned from last.
    """

    pool: str
    schema_id: str
    dimension: int
    cost_scale_nano_usd: float
    latency_scale_seconds: float
    learner: Learner = Learner.THOMPSON
    scale: float = 0.03
    alpha: float = 0.05
    gamma: float = 200.0
    epsilon: float = 0.01
    slope_precision: float = 2.0
    half_life_nanos: int | None = None
    context: ContextMode = ContextMode.AUTO
    context_on_z: float = 0.0
    context_off_z: float = -4.0
    context_min_weight: float = 32.0
    tenant_pseudo_count: float = 100.0
    tenant_offset_limit: float = 0.2
    tenant_limit: int = 1000
    token_precision: float = 1.0
    common_precision: float = COMMON_PRECISION
