"""A routing policy: a named, versioned objective with its learner. One exists in this release: `default`."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_POLICY = "default"
TEXT_SCHEMA = "flags.v1"
"""Feature schema computed from text by the engine."""
TEXT_DIMENSION = 15


@dataclass(frozen=True, slots=True)
class RoutingPolicy:
    """How requests under this policy are weighed.

    `cost_scale_nano_usd` (c_hi) and `latency_scale_seconds` (l_hi) are fixed when the version is made, so a later price
    change moves only the model whose price changed.
    """

    name: str
    version: int
    schema_id: str
    dimension: int
    cost_weight: float
    latency_weight: float
    cost_scale_nano_usd: float
    latency_scale_seconds: float

    @property
    def reads_text(self) -> bool:
        """Whether features are computed from the request's text."""
        return self.schema_id == TEXT_SCHEMA
