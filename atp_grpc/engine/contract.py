"""The promise of a selection engine: what goes in, what comes out, and the mathematics both engines agree on.

Routing and learning speak to this module only; `reference` and `native` keep the promise and are held to it by one
conformance suite. It never does I/O, never logs, never asks for the time and never draws chance on its own.

`docs/selection.md` states the model with symbols and units. In short, for one pool of arms with one feature schema:

* An *arm* is a model. An *offer* is one deployment of an arm at a price. A query names candidate offers.
* Features of a query are `dimension` float32 numbers; the linear model sees ``x = [1, features...]``, D = dimension +
1.
* Scores are expected utility, the choice is drawn from an exact, logged distribution (see `Choice.propensities`).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from atp_grpc.domain.request import TextSource
from atp_grpc.engine.arms import Arm, ArmSummary, EngineSummary, Offer
from atp_grpc.engine.errors import (
    CheckpointMismatchError,
    CorruptCheckpointError,
    DamagedTextTableError,
    EngineError,
    EnginePanicError,
    InvalidOutcomeError,
    InvalidQueryError,
    StaleGenerationError,
)
from atp_grpc.engine.parameters import ContextMode, EngineParameters, Learner

__all__ = [
    "CONTRACT_VERSION",
    "DRAW_COUNT",
    "EXPLORATION_FLOOR",
    "Arm",
    "ArmSummary",
    "CheckpointMismatchError",
    "Choice",
    "ContextMode",
    "CorruptCheckpointError",
    "DamagedTextTableError",
    "Engine",
    "EngineError",
    "EnginePanicError",
    "EngineParameters",
    "EngineSummary",
    "Exclusion",
    "InvalidOutcomeError",
    "InvalidQueryError",
    "Learner",
    "Offer",
    "Outcome",
    "Query",
    "StaleGenerationError",
]

CONTRACT_VERSION = 3
"""Version of this promise; checkpoints carry it."""

DRAW_COUNT = 32
"""Posterior draws behind one Thompson choice; the estimated choice distribution is a multiple of 1/32."""

EXPLORATION_FLOOR = 0.1
"""Share of the exploration distribution that is uniform, so that no candidate's propensity is ever zero."""


class Exclusion(enum.StrEnum):
    """Why the engine set a candidate aside, on estimates that only it has."""

    MAX_COST = "max_cost"
    """Expected cost above the request's hard limit. Never chosen."""
    QUALITY_FLOOR = "quality_floor"
    """Predicted quality below the request's floor, while another candidate reaches it."""
    LATENCY_SLO = "latency_slo"
    """95th percentile of latency above the request's objective, or, where nobody meets it, above the smallest."""


class Query(NamedTuple):
    """One request as the engine needs it. A tuple, because one is made per request and crosses into Rust as it is.

    `text` or `features` is given, never both; a text may stay where it is (`TextSource`). `features` are `dimension`
    little-endian float32. `candidates` are indices of loaded offers, strictly increasing, at most one offer per arm.
    `now_nanos` is Unix time. `max_output_tokens` caps the expected answer length. `quality_floor`,
    `latency_slo_seconds` (of the 95th percentile) and `max_cost_nano_usd` are the request's own limits. With a
    `tenant`, what is known of how its outcomes differ from everybody's moves the predictions. `favour` (utility)
    lessens the penalty of the offer `favoured` and moves no limit; without such a candidate it says nothing.
    """

    generation: int
    candidates: tuple[int, ...]
    seed: int
    now_nanos: int
    input_tokens: float
    cost_weight: float
    latency_weight: float = 0.0
    text: str | TextSource | None = None
    features: bytes | None = None
    max_output_tokens: float | None = None
    max_cost_nano_usd: float | None = None
    quality_floor: float | None = None
    latency_slo_seconds: float | None = None
    tenant: str | None = None
    favoured: int | None = None
    favour: float = 0.0


class Choice(Protocol):
    """What the engine decided; sequences are in the order of `Query.candidates`.

    Give `predicted_mean` and `predicted_linear` back with the outcome, so that context can earn its place.
    """

    @property
    def engine(self) -> str:
        """Name of the engine that chose."""

    @property
    def chosen(self) -> int | None:
        """Position in `Query.candidates`, or None when every candidate was excluded by `MAX_COST`."""

    @property
    def propensities(self) -> Sequence[float]:
        """The exact distribution the choice was drawn from; sums to 1, 0 for the excluded."""

    @property
    def utilities(self) -> Sequence[float]:
        """Expected utilities, free of noise, with the query's favour."""

    @property
    def quality(self) -> Sequence[float]:
        """Predicted quality, clamped to 0..1."""

    @property
    def cost_nano_usd(self) -> Sequence[float]:
        """Expected cost at the offer's prices."""

    @property
    def latency_seconds(self) -> Sequence[float]:
        """Expected time to the whole answer: the mean, not the percentile that an objective is held against."""

    @property
    def failure_rate(self) -> Sequence[float]:
        """Expected share of calls that fail."""

    @property
    def exclusions(self) -> Mapping[int, Exclusion]:
        """Candidates set aside, by position, and why."""

    @property
    def floor_unmet(self) -> bool:
        """Whether no candidate reached the quality floor."""

    @property
    def slo_unmet(self) -> bool:
        """Whether no candidate met the latency objective."""

    @property
    def features(self) -> bytes:
        """The features the prediction was made on."""

    @property
    def context_on(self) -> bool:
        """Whether features shaped the prediction."""

    @property
    def predicted_mean(self) -> float:
        """The chosen arm's unclamped prediction by its plain mean, for everybody: without a tenant's offset."""

    @property
    def predicted_linear(self) -> float:
        """The chosen arm's unclamped prediction by the linear model, for everybody: without a tenant's offset."""


class Outcome(NamedTuple):
    """What became known about one attempt on one arm. Every figure is optional; each teaches its own statistics.

    `decided_nanos` dates the evidence (clamped to `now_nanos`). `replica` and `sequence` order observations: a
    sequence at or below the replica's high-water mark has been learned before and is ignored. `predicted_mean` and
    `predicted_linear` come from the decision and are given only when this arm is the one that was drawn; with them and
    a `tenant`, a quality also teaches how that tenant's outcomes differ.
    """

    arm: str
    replica: str
    sequence: int
    decided_nanos: int
    now_nanos: int
    features: bytes
    quality: float | None = None
    output_tokens: float | None = None
    latency_seconds: float | None = None
    failed: bool | None = None
    predicted_mean: float | None = None
    predicted_linear: float | None = None
    tenant: str | None = None


class Engine(Protocol):
    """A selection engine for one pool.

    Synchronous; `choose` never changes state, only `load`, `learn`, `discount` and `restore` do.
    """

    @property
    def name(self) -> str:
        """`reference` or `native`."""
        ...

    @property
    def version(self) -> str:
        """Version of the implementation."""
        ...

    @property
    def parameters(self) -> EngineParameters:
        """What the engine was built with."""
        ...

    @property
    def generation(self) -> int:
        """Generation of the arms loaded, 0 before the first load."""
        ...

    def load(self, arms: Sequence[Arm], offers: Sequence[Offer], generation: int) -> None:
        """Replaces arms, priors and prices; learned statistics stay with the arm's name, also while it is away.

        Raises:
            EngineError: duplicate names, an offer of an unknown arm, a price or prior that is negative or not finite.
            StaleGenerationError: `generation` is not above the one loaded.
        """
        ...

    def features(self, text: str) -> bytes:
        """Features of a text under a built-in schema, packed little-endian float32.

        Raises:
            InvalidQueryError: the engine's schema is a caller's own, so it cannot be computed from text.
        """
        ...

    def choose(self, query: Query) -> Choice:
        """Chooses one candidate. Pure: the same state and query give the same choice.

        Raises:
            InvalidQueryError: the query breaks the contract.
            StaleGenerationError: another generation is loaded.
            EnginePanicError: the engine failed; state is unchanged.
        """
        ...

    def choose_batch(self, queries: Sequence[Query]) -> list[Choice | EngineError]:
        """Chooses for each query against one unchanging state; a bad query becomes an error in its own place."""
        ...

    def learn(self, outcome: Outcome) -> bool:
        """Adds one outcome to the statistics. False when its sequence was learned before (nothing changes).

        An arm that is not loaded is learned all the same: its statistics wait for it.

        Raises:
            InvalidOutcomeError: the outcome breaks the contract; nothing is learned and the high-water mark stays.
        """
        ...

    def discount(self, arm: str, keep: float) -> bool:
        """Keeps a share of what is known of an arm's quality, for everybody and for each tenant; the rest is forgotten.

        For an arm whose quality was found to have changed. Lengths, latency and failures stay, and so does what the
        arms have in common until it is next read. Unlike learning it depends on its place among the outcomes. False
        for an arm that nothing is known of (nothing changes).

        Raises:
            InvalidOutcomeError: `keep` is not within 0..1; nothing is changed.
        """
        ...

    def checkpoint(self) -> bytes:
        """The learned state, engine-neutral (`engine/checkpoint` documents the bytes)."""
        ...

    def restore(self, data: bytes) -> None:
        """Replaces the learned state. Loaded arms, prices and generation stay; tenants beyond the limit are dropped.

        Raises:
            CorruptCheckpointError: truncated, altered or foreign bytes; nothing is changed.
            CheckpointMismatchError: another pool, schema, dimension, half-life or contract; nothing is changed.
        """
        ...

    def summary(self, now_nanos: int) -> EngineSummary:
        """The learned state for people, at a moment."""
        ...
