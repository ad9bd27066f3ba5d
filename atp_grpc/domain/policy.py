"""A routing policy: a named, versioned objective with filters, its learner and its share of the traffic.

`PolicyTerms` is what somebody writes; `RoutingPolicy` is one version of it in force. Routing, the stores and the wire
all read these values. Nothing here judges them: what terms may say is known by `routing.policy_rules`.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Final

from atp_grpc.domain.request import NO_CONSTRAINTS, Constraints

DEFAULT_POLICY = "default"
DEFAULT_SCHEMA: Final = "text.v1"
TEXT_SCHEMAS: Final[Mapping[str, int]] = MappingProxyType({"flags.v1": 15, "text.v1": 47})
"""Feature schemas that the engine computes from text, and how many numbers each has."""


class Origin(enum.StrEnum):
    """Where a policy was made. One to one with `atp.admin.v1.Origin`, by test."""

    FILE = "file"
    """The configuration; read-only over the API."""
    API = "api"


class WhenUnmet(enum.StrEnum):
    """What becomes of a request whose floor or latency objective nobody meets. One to one with the contract."""

    BEST_EFFORT = "best_effort"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class PolicyObjective:
    """What a policy optimises and what it promises to keep; None promises nothing.

    The weights are quality given up for one cost scale and one latency scale. `cost_ceiling_nano_usd` bounds the mean
    settled cost of a request, for each tenant; `quality_floor` the mean quality, and `quality_floor_of_best` the same
    as a share of what the best eligible model is predicted to reach; `latency_slo_seconds` the predicted latency.
    """

    cost_weight: float = 0.1
    latency_weight: float = 0.0
    cost_ceiling_nano_usd: int | None = None
    quality_floor: float | None = None
    quality_floor_of_best: float | None = None
    latency_slo_seconds: float | None = None
    when_unmet: WhenUnmet = WhenUnmet.BEST_EFFORT


@dataclass(frozen=True, slots=True)
class Exploration:
    """How far models that are little known may be tried.

    A model counts as a newcomer below `newcomer_observations`; newcomers get at most `max_share` of the requests and
    `max_nano_usd_per_day` of a tenant's money, None for any. `is_stopped` ends it at once.
    """

    newcomer_observations: int = 50
    max_share: float = 0.1
    max_nano_usd_per_day: int | None = None
    is_stopped: bool = False


@dataclass(frozen=True, slots=True)
class LearnerTerms:
    """The bandit algorithm and its numbers; `docs/selection.md` says what each does. Zero half-life: nothing fades.

    `learner` and `context` are the words of `engine.contract.Learner` and `engine.contract.ContextMode`.
    """

    learner: str = "thompson"
    scale: float = 0.03
    alpha: float = 0.05
    gamma: float = 200.0
    epsilon: float = 0.01
    slope_precision: float = 2.0
    half_life_seconds: float = 0.0
    context: str = "auto"
    tenant_pseudo_count: float = 100.0
    tenant_offset_limit: float = 0.2
    tenant_limit: int = 1000


@dataclass(frozen=True, slots=True)
class Cascade:
    """Cheap models first: an answer that its model is not sure of is not shown, and the next dearer one is asked.

    `min_confidence` is the least geometric mean of the tokens' probabilities with which an answer stands, 0..1;
    `most_escalations` how often a dearer model is asked. After FrugalGPT (Chen, Zaharia and Zou, 2023).
    """

    min_confidence: float
    most_escalations: int = 1


@dataclass(frozen=True, slots=True)
class PolicyTerms:
    """What somebody writes of a policy.

    Both `filters` and a request's own constraints hold. Scales that are None are taken from the catalogue when a
    version is made. `affinity_weight` is quality given up to stay with a conversation's model.
    """

    objective: PolicyObjective = PolicyObjective()
    filters: Constraints = NO_CONSTRAINTS
    schema_id: str = DEFAULT_SCHEMA
    dimension: int = TEXT_SCHEMAS[DEFAULT_SCHEMA]
    learning: LearnerTerms = LearnerTerms()
    traffic_share: float = 0.0
    cost_scale_nano_usd: float | None = None
    latency_scale_seconds: float | None = None
    exploration: Exploration = Exploration()
    affinity_weight: float = 0.0
    change_detection: bool = True
    cascade: Cascade | None = None


@dataclass(frozen=True, slots=True)
class RoutingPolicy:
    """One version of a policy, as it serves.

    `cost_scale_nano_usd` (c_hi) and `latency_scale_seconds` (l_hi) are fixed when the version is made, so a later price
    change moves only the model whose price changed.
    """

    name: str
    version: int
    cost_scale_nano_usd: float
    latency_scale_seconds: float
    terms: PolicyTerms = PolicyTerms()
    origin: Origin = Origin.FILE

    @property
    def schema_id(self) -> str:
        """How features are made."""
        return self.terms.schema_id

    @property
    def dimension(self) -> int:
        """Numbers in a feature vector."""
        return self.terms.dimension

    @property
    def reads_text(self) -> bool:
        """Whether features are computed from the request's text."""
        return self.schema_id in TEXT_SCHEMAS

    @property
    def etag(self) -> str:
        """Tells this version with this content from every other."""
        return digest_of({**table_of(self.terms), "name": self.name, "version": self.version})


def table_of(terms: PolicyTerms) -> dict[str, Any]:
    """Terms as tables of plain values, the same for equal terms; `terms_of` reads them back."""
    table = asdict(terms)
    if terms.cascade is None:
        # Left out, so that terms without it have the digest that they had before there were cascades.
        del table["cascade"]
    table["filters"] = {
        name: sorted(value) if isinstance(value, frozenset) else value for name, value in table["filters"].items()
    }
    return table


def terms_of(table: Mapping[str, Any]) -> PolicyTerms:
    """The terms that `table_of` wrote down; what an earlier release did not know has its default.

    Raises:
        KeyError, TypeError, ValueError: `table_of` did not write it.
    """
    filters: dict[str, Any] = {
        name: frozenset(value) if isinstance(value, list) else value for name, value in table["filters"].items()
    }
    objective = {**table["objective"], "when_unmet": WhenUnmet(table["objective"]["when_unmet"])}
    parts = {
        "objective": PolicyObjective(**objective),
        "filters": Constraints(**filters),
        "learning": LearnerTerms(**table["learning"]),
        "exploration": Exploration(**table["exploration"]),
    }
    cascade = table.get("cascade")
    return PolicyTerms(**{**table, **parts, "cascade": None if cascade is None else Cascade(**cascade)})


def digest_of(table: Mapping[str, Any]) -> str:
    """A digest of tables of plain values, the same in whatever order they were put together."""
    return hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()[:32]
