"""What can be routed to: providers, models, deployments and their prices over time."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from atp_grpc.domain.endpoint import Endpoint
from atp_grpc.domain.money import TokenPrices


class ServingStatus(enum.StrEnum):
    """Whether a model or deployment takes requests."""

    ACTIVE = "active"
    SHADOW = "shadow"
    DRAINING = "draining"
    DEPRECATED = "deprecated"


class Encoding(enum.StrEnum):
    """How a model's tokenizer cuts text, by its published name."""

    O200K_BASE = "o200k_base"
    """OpenAI's since GPT-4o: 4.1, 4.5, 5, o1, o3, o4-mini."""
    CL100K_BASE = "cl100k_base"
    """OpenAI's GPT-4 and GPT-3.5."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A company or cluster that runs deployments."""

    name: str
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """What quality belongs to. `context_tokens` holds input and output together.

    `tokenizer` counts what its providers do not tell; None where it is not known here.
    """

    name: str
    context_tokens: int
    max_output_tokens: int
    display_name: str = ""
    capabilities: frozenset[str] = frozenset()
    status: ServingStatus = ServingStatus.ACTIVE
    prior_quality: float = 1.0
    prior_output_tokens: float = 256.0
    prior_latency_seconds: float = 1.0
    tokenizer: Encoding | None = None


@dataclass(frozen=True, slots=True)
class DatedPrices:
    """Prices that hold from a moment (Unix nanoseconds) on."""

    effective_nanos: int
    prices: TokenPrices


@dataclass(frozen=True, slots=True)
class Deployment:
    """One way to reach a model. `price_history` is sorted by moment and not empty.

    Without an `endpoint` it can be decided for, but not called from here.
    """

    name: str
    model: str
    provider: str
    price_history: tuple[DatedPrices, ...]
    regions: frozenset[str] = frozenset()
    data_scopes: frozenset[str] = frozenset()
    status: ServingStatus = ServingStatus.ACTIVE
    endpoint: Endpoint | None = None

    def prices_at(self, now_nanos: int) -> TokenPrices | None:
        """The prices in force, or None before the first."""
        current = None
        for dated in self.price_history:
            if dated.effective_nanos > now_nanos:
                break
            current = dated.prices
        return current
