"""A routing policy: a named, versioned objective with its learner. One exists in this release: `default`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

DEFAULT_POLICY = "default"
DEFAULT_SCHEMA: Final = "flags.v1"
TEXT_SCHEMAS: Final[Mapping[str, int]] = MappingProxyType({DEFAULT_SCHEMA: 15, "text.v1": 47})
"""Feature schemas that the engine computes from text, and how many numbers each has."""


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
        return self.schema_id in TEXT_SCHEMAS
