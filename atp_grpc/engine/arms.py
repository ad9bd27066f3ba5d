"""What an engine is loaded with, and what it says of what it has learned; the contract passes these names on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Arm:
    """A model as the engine sees it: its name and what to believe before any outcome.

    Each prior counts as one observation (failures: four).
    """

    name: str
    prior_quality: float = 1.0
    prior_output_tokens: float = 256.0
    prior_latency_seconds: float = 1.0
    prior_failure_rate: float = 0.01


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to buy an arm: index into the loaded arms, and prices in nano-US-dollars per million tokens."""

    arm: int
    input_price: int
    output_price: int


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """An arm's learned state for people: effective (decayed) counts and plain means at `now`."""

    name: str
    observations: float
    quality: float
    output_tokens: float
    latency_seconds: float
    failure_rate: float
    residual_sd: float


@dataclass(frozen=True, slots=True)
class EngineSummary:
    """The engine's learned state for people."""

    arms: tuple[ArmSummary, ...]
    learned: int
    context_on: bool
    context_z: float
    high_water: Mapping[str, int] = field(default_factory=dict)
