"""A decision: what was weighed, what was drawn and with which probability. Never the prompt.

The parts made once per candidate are named tuples: they are made eight times a request, and a frozen dataclass takes
three times as long to make.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.request import FeatureVector, Weights


class RefusalCause(enum.StrEnum):
    """Why a model is not a candidate. One to one with `atp.v1.RefusalCause`, by test."""

    NOT_ALLOWED = "not_allowed"
    DENIED = "denied"
    DRAINING = "draining"
    SHADOW = "shadow"
    DEPRECATED = "deprecated"
    CAPABILITY = "capability"
    CONTEXT_LENGTH = "context_length"
    REGION = "region"
    DATA_SCOPE = "data_scope"
    NO_PRICE = "no_price"
    NO_DEPLOYMENT = "no_deployment"
    MAX_COST = "max_cost"
    QUALITY_FLOOR = "quality_floor"
    LATENCY_SLO = "latency_slo"
    BUDGET = "budget"
    EXPLORATION_CAP = "exploration_cap"
    NO_ENDPOINT = "no_endpoint"
    BREAKER_OPEN = "breaker_open"
    KEYS_RESTING = "keys_resting"
    NOT_SERVING = "not_serving"

    @property
    def is_transient(self) -> bool:
        """Whether waiting can help."""
        return self in _TRANSIENT


_TRANSIENT = frozenset(
    {RefusalCause.DRAINING, RefusalCause.BREAKER_OPEN, RefusalCause.KEYS_RESTING, RefusalCause.NOT_SERVING}
)


class ReasonCode(enum.StrEnum):
    """A remark on how a decision came about. One to one with `atp.v1.ReasonCode`, by test."""

    ONLY_CANDIDATE = "only_candidate"
    EXPLORED = "explored"
    CONTEXT_USED = "context_used"
    QUALITY_FLOOR_UNMET = "quality_floor_unmet"
    LATENCY_SLO_UNMET = "latency_slo_unmet"
    COST_CEILING_PRESSED = "cost_ceiling_pressed"
    QUALITY_FLOOR_PRESSED = "quality_floor_pressed"
    STAYED = "stayed"


class Target(NamedTuple):
    """A place where a request can be served."""

    model: str
    deployment: str
    provider: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A model that is not a candidate, and why. `deployment` and `provider` are empty when none came into question.

    `retry_after_seconds` is when it may be one again, as far as that is known.
    """

    target: Target
    cause: RefusalCause
    retry_after_seconds: float | None = None


class Closure(NamedTuple):
    """Why no deployment of a model may be called, and in how many seconds the first one may; infinite for never."""

    cause: RefusalCause
    retry_after_seconds: float


class Expectation(NamedTuple):
    """What is expected of a target. Latency in seconds, cost in nano-US-dollars."""

    quality: float
    cost_nano_usd: int
    latency_seconds: float
    failure_rate: float


class Candidate(NamedTuple):
    """A target as it was weighed."""

    target: Target
    expected: Expectation
    utility: float
    propensity: float


class Revisions(NamedTuple):
    """Which policy, catalogue and learner a decision was made with."""

    policy: str
    policy_version: int
    catalog: int
    learner: int


class DualPrices(NamedTuple):
    """Prices with which a policy's cost ceiling and quality floor entered a decision; neither is below zero.

    `cost` was added to the weight of cost that was asked for: quality given up for one cost scale of money. `quality`,
    a plain number, is by how much more quality weighed: then the weights of cost and latency were divided by
    1 + `quality`. Prices of this kind are those of Agrawal and Devanur, *Bandits with concave rewards and convex
    knapsacks*, EC 2014.
    """

    cost: float = 0.0
    quality: float = 0.0


NO_DUAL_PRICES = DualPrices()


class Scales(NamedTuple):
    """The units in which cost and latency entered a utility: those of the policy's version."""

    cost_nano_usd: float
    latency_seconds: float


class Lesson(NamedTuple):
    """What an outcome needs to know of its decision to be learned; travels in the feedback token.

    `prices` are those of the drawn deployment when the decision was made. `hold_nano_usd` is what was set aside for the
    call then, its expected cost there; 0 in what was written before it was noted, where it is not known.
    """

    tenant: str
    decision_id: str
    decided_nanos: int
    expires_nanos: int
    model: str
    deployment: str
    features: FeatureVector
    propensity: float
    predicted_mean: float
    predicted_linear: float
    input_tokens: float
    prices: TokenPrices
    revisions: Revisions
    hold_nano_usd: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """Everything recorded of one decision. `chosen` is a position in `candidates`.

    `weights` are those that the choice was made with: the `dual_prices` are in them already. `favour` is what the
    utility of the candidate at position `favoured` was raised by, because the conversation was with its model.
    `set_aside` says for each candidate why it could not be drawn, None where it could; it is empty where all could.
    `refusals` are the models that were no candidates.

    In what was written before they were noted `scales` is None; then nothing is known of the fields after it either.
    """

    lesson: Lesson
    candidates: tuple[Candidate, ...]
    chosen: int
    seed: int
    weights: Weights
    reason_codes: tuple[ReasonCode, ...]
    engine: str
    task_type: str = ""
    session_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    dual_prices: DualPrices = NO_DUAL_PRICES
    scales: Scales | None = None
    favoured: int | None = None
    favour: float = 0.0
    set_aside: tuple[RefusalCause | None, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    @property
    def tenant(self) -> str:
        """The tenant that asked."""
        return self.lesson.tenant

    @property
    def decision_id(self) -> str:
        """The decision's name."""
        return self.lesson.decision_id

    @property
    def target(self) -> Target:
        """Where the request was sent."""
        return self.candidates[self.chosen].target


class Drawn(NamedTuple):
    """What carrying a decision out needs to know of it; a `Decision` says the same and more."""

    lesson: Lesson
    candidates: tuple[Candidate, ...]
    chosen: int

    @property
    def tenant(self) -> str:
        """The tenant that asked."""
        return self.lesson.tenant

    @property
    def decision_id(self) -> str:
        """The decision's name."""
        return self.lesson.decision_id

    @property
    def target(self) -> Target:
        """Where the request was sent."""
        return self.candidates[self.chosen].target


def drawn_of(decision: Decision) -> Drawn:
    """That part of a decision."""
    return Drawn(decision.lesson, decision.candidates, decision.chosen)
