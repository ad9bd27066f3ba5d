"""A request to be routed, free of the wire.

The story of Route reads a `Routable`; `RouteRequest` is the plain one, made by hand or from a message.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


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


class FeatureVector(NamedTuple):
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


Objective = NamedObjective | Weights | None
"""What to optimise; None leaves it to the routing policy."""


class TextSource(Protocol):
    """A text that is kept elsewhere; a string is made of it only when somebody asks."""

    @property
    def text(self) -> str | None:
        """The text."""


class Routable(Protocol):
    """A request to be routed: a text or a caller's own vector, exactly one of them."""

    @property
    def request_id(self) -> str:
        """Makes the call idempotent; empty when it need not be."""

    @property
    def text(self) -> str | None:
        """The text, None when a vector was given."""

    @property
    def source(self) -> str | TextSource | None:
        """The text as the engine takes it, without making a string of it that nobody else needs."""

    @property
    def text_bytes(self) -> int:
        """Length of the text in UTF-8, 0 when a vector was given."""

    @property
    def schema_id(self) -> str:
        """How the vector was made, empty when a text was given."""

    @property
    def vector(self) -> bytes | None:
        """The vector as little-endian float32, None when a text was given."""

    @property
    def input_tokens(self) -> int | None:
        """Input tokens, when the caller counted them."""

    @property
    def max_output_tokens(self) -> int | None:
        """Cap on output tokens, when the caller set one."""

    @property
    def constraints(self) -> Constraints:
        """What a model must satisfy. Equal constraints are often the same object."""

    @property
    def objective(self) -> Objective:
        """What to optimise."""

    @property
    def policy(self) -> str:
        """Routing policy by name, empty for the default one."""

    @property
    def min_revision(self) -> int:
        """Lowest catalogue revision to decide on."""

    @property
    def task_type(self) -> str:
        """The caller's word for the kind of task."""

    @property
    def session_id(self) -> str:
        """The caller's name of the conversation."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The caller's own labels."""


@dataclass(frozen=True, slots=True)
class RouteRequest:
    """A request as plain values: `text` or `features`, exactly one of them."""

    text: str | None = None
    features: FeatureVector | None = None
    input_tokens: int | None = None
    max_output_tokens: int | None = None
    constraints: Constraints = NO_CONSTRAINTS
    objective: Objective = None
    policy: str = ""
    task_type: str = ""
    session_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    min_revision: int = 0
    request_id: str = ""

    @property
    def source(self) -> str | None:
        """The text itself."""
        return self.text

    @property
    def text_bytes(self) -> int:
        """Length of the text in UTF-8, 0 when a vector was given."""
        return 0 if self.text is None else len(self.text.encode())

    @property
    def schema_id(self) -> str:
        """How the vector was made, empty when a text was given."""
        return "" if self.features is None else self.features.schema_id

    @property
    def vector(self) -> bytes | None:
        """The vector as little-endian float32, None when a text was given."""
        return None if self.features is None else self.features.values
