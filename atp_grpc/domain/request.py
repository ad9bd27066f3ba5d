"""A request to be routed, free of the wire."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class NamedObjective(enum.StrEnum):
    """A ready-made balance of quality, cost and latency."""

    BALANCED = "balanced"
    HIGHEST_QUALITY = "highest_quality"
    LOWEST_COST = "lowest_cost"
    LOWEST_LATENCY = "lowest_latency"


@dataclass(frozen=True, slots=True)
class Weights:
    """Quality given up for one cost scale of money and one latency scale of time."""

    cost: float
    latency: float


@dataclass(frozen=True, slots=True)
class FeatureVector:
    """Numbers in place of text: little-endian float32, and the schema that says how they were made."""

    schema_id: str
    values: bytes

    @property
    def dimension(self) -> int:
        """How many values there are."""
        return len(self.values) // 4


@dataclass(frozen=True, slots=True)
class Constraints:
    """What a model must satisfy, and what the request would like to see kept."""

    max_cost_nano_usd: int | None = None
    quality_floor: float | None = None
    latency_slo_seconds: float | None = None
    required_capabilities: frozenset[str] = frozenset()
    allowed_models: frozenset[str] = frozenset()
    denied_models: frozenset[str] = frozenset()
    region: str = ""
    data_scope: str = ""


NO_CONSTRAINTS = Constraints()


@dataclass(frozen=True, slots=True)
class RouteRequest:
    """A request to be routed: `text` or `features`, exactly one of them."""

    text: str | None = None
    features: FeatureVector | None = None
    input_tokens: int | None = None
    max_output_tokens: int | None = None
    constraints: Constraints = NO_CONSTRAINTS
    objective: NamedObjective | Weights | None = None
    policy: str = ""
    task_type: str = ""
    session_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    min_revision: int = 0
