"""The reference engine: the contract's methods, each a few lines over the modules beside it.

Entered by whoever holds an `Engine`. It validates first and changes state last, so every refusal leaves it as it was;
it never reads a clock, a source of chance or the network, and one thread uses it at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from atp_grpc.engine.checkpoint import Checkpoint, decode, encode
from atp_grpc.engine.contract import (
    CONTRACT_VERSION,
    Arm,
    ArmSummary,
    Choice,
    ContextMode,
    EngineError,
    EngineParameters,
    EngineSummary,
    InvalidQueryError,
    Offer,
    Outcome,
    Query,
    StaleGenerationError,
)
from atp_grpc.engine.reference import validity
from atp_grpc.engine.reference.choosing import Prices, ReferenceChoice, choose
from atp_grpc.engine.reference.common import CommonSlopes
from atp_grpc.engine.reference.embedding import TEXT_SCHEMA, TextExtractor
from atp_grpc.engine.reference.flags import FLAGS_SCHEMA, FlagExtractor
from atp_grpc.engine.reference.reading import ReadingTable, residual_sd
from atp_grpc.engine.reference.snapshot import from_checkpoint, to_checkpoint
from atp_grpc.engine.reference.statistics import PoolStatistics
from atp_grpc.engine.reference.tenants import TenantTable

if TYPE_CHECKING:
    from atp_grpc.engine.reference.reading import Estimates


class ReferenceEngine:
    """`Engine` in numpy. One object per pool."""

    def __init__(self, parameters: EngineParameters, text: TextExtractor | None = None) -> None:
        """Takes what reads text for the schema `text.v1`; the other schemas never look at it.

        Raises:
            EngineError: a parameter is out of range, or the schema is `text.v1` and nothing was given that reads it.
        """
        validity.check_parameters(parameters)
        self._parameters = parameters
        self._extractor = _extractor(parameters.schema_id, text)
        self._generation = 0
        self._arms: tuple[Arm, ...] = ()
        self._offer_arms: tuple[int, ...] = ()
        self._prices = Prices(np.zeros(0), np.zeros(0))
        tenants = TenantTable(parameters.tenant_limit)
        size = parameters.dimension + 1
        self._adopt(PoolStatistics(size, parameters.half_life_nanos, tenants, CommonSlopes.none(size)))

    @property
    def name(self) -> str:
        """Always `reference`."""
        return "reference"

    @property
    def version(self) -> str:
        """The contract this engine defines."""
        return f"contract-{CONTRACT_VERSION}"

    @property
    def parameters(self) -> EngineParameters:
        """What the engine was built with."""
        return self._parameters

    @property
    def generation(self) -> int:
        """Generation of the arms loaded, 0 before the first load."""
        return self._generation

    def load(self, arms: Sequence[Arm], offers: Sequence[Offer], generation: int) -> None:
        """Replaces arms, priors and prices; see `Engine.load`."""
        if generation <= self._generation:
            raise StaleGenerationError("a load must carry a higher generation than the one loaded")
        validity.check_arms(arms, offers)
        self._generation = generation
        self._arms = tuple(arms)
        self._offer_arms = tuple(offer.arm for offer in offers)
        self._prices = Prices(
            np.array([float(offer.input_price) for offer in offers]),
            np.array([float(offer.output_price) for offer in offers]),
        )
        self._table.load(self._arms)

    def features(self, text: str) -> bytes:
        """Features of a text; see `Engine.features`."""
        if self._extractor is None:
            raise InvalidQueryError("features of this schema cannot be computed from text")
        return self._extractor.extract(text)

    def choose(self, query: Query) -> Choice:
        """Chooses one candidate; see `Engine.choose`."""
        return self._choose(query)

    def choose_batch(self, queries: Sequence[Query]) -> list[Choice | EngineError]:
        """Chooses for each query; see `Engine.choose_batch`."""
        choices: list[Choice | EngineError] = []
        for query in queries:
            try:
                choices.append(self._choose(query))
            except EngineError as error:
                choices.append(error)
        return choices

    def learn(self, outcome: Outcome) -> bool:
        """Adds one outcome to the statistics; see `Engine.learn`."""
        validity.check_outcome(outcome, self._parameters.dimension)
        statistics = self._statistics
        mark = statistics.high_water.get(outcome.replica)
        if mark is not None and outcome.sequence <= mark:
            return False
        statistics.high_water[outcome.replica] = outcome.sequence
        statistics.learned += 1
        figures = (outcome.quality, outcome.output_tokens, outcome.latency_seconds, outcome.failed)
        if any(figure is not None for figure in figures):
            self._learn_figures(outcome)
        return True

    def discount(self, arm: str, keep: float) -> bool:
        """Keeps a share of what is known of an arm's quality; see `Engine.discount`."""
        validity.check_discount(arm, keep)
        self._table.forget(arm)
        return self._statistics.discount(arm, keep)

    def checkpoint(self) -> bytes:
        """The learned state; `engine/checkpoint` documents the bytes."""
        return encode(to_checkpoint(self._parameters, self._statistics))

    def restore(self, data: bytes) -> None:
        """Replaces the learned state; see `Engine.restore`."""
        checkpoint: Checkpoint = decode(data)
        checkpoint.require(self._parameters)
        self._adopt(from_checkpoint(checkpoint, self._parameters.tenant_limit))

    def summary(self, now_nanos: int) -> EngineSummary:
        """The learned state for people; see `Engine.summary`."""
        validity.check_moment(now_nanos)
        statistics = self._statistics
        tick = statistics.tick(now_nanos)
        scale = statistics.scale(tick)
        everyone = range(len(self._arms))
        estimates = self._table.at(tick, everyone)
        return EngineSummary(
            arms=tuple(self._summarise(position, scale, estimates) for position in everyone),
            learned=statistics.learned,
            context_on=statistics.gate.is_open,
            context_z=statistics.gate.z(scale),
            high_water=dict(statistics.high_water),
        )

    def _adopt(self, statistics: PoolStatistics) -> None:
        self._statistics = statistics
        self._table = ReadingTable(statistics, self._parameters)
        self._table.load(self._arms)

    def _context_on(self) -> bool:
        if not self._parameters.learner.is_contextual:
            return False
        if self._parameters.context is ContextMode.AUTO:
            return self._statistics.gate.is_open
        return self._parameters.context is ContextMode.ON

    def _choose(self, query: Query) -> ReferenceChoice:
        if query.generation != self._generation:
            raise StaleGenerationError("the query was made against another generation of arms")
        arms = validity.check_query(query, self._offer_arms)
        if (text := query.text) is not None:
            features = self.features(text if isinstance(text, str) else text.text or "")
        else:
            features = bytes(query.features or b"")
            validity.check_features(features, self._parameters.dimension, InvalidQueryError)
        statistics, context_on = self._statistics, self._context_on()
        tick = statistics.tick(query.now_nanos)
        graded = {name: self._graded(name) for name in (self._arms[arm].name for arm in arms)}
        offers = np.array(query.candidates)
        return choose(
            self._parameters,
            query,
            self._table.at(tick, arms),
            Prices(self._prices.input[offers], self._prices.output[offers]),
            features,
            statistics.tenants.offsets(
                query.tenant, graded, statistics.scale(tick), self._parameters, context_on=context_on
            ),
            context_on=context_on,
        )

    def _learn_figures(self, outcome: Outcome) -> None:
        parameters, statistics = self._parameters, self._statistics
        moment = min(outcome.decided_nanos, outcome.now_nanos)
        if statistics.rebase(moment):
            self._table.forget()
        weight = statistics.weight(moment)
        arm = statistics.arm(outcome.arm)
        self._table.forget(outcome.arm)
        vector = np.ones(parameters.dimension + 1)
        vector[1:] = np.frombuffer(outcome.features, "<f4")
        if outcome.quality is not None:
            arm.learn_quality(weight, vector, outcome.quality)
            if statistics.age_common(outcome.now_nanos, parameters.common_precision):
                self._table.forget()
            if outcome.predicted_mean is not None and outcome.predicted_linear is not None:
                self._compare(outcome, moment, outcome.quality, outcome.predicted_mean, outcome.predicted_linear)
        if outcome.output_tokens is not None:
            arm.lengths.learn(weight, vector, outcome.output_tokens)
        if outcome.latency_seconds is not None:
            arm.learn_latency(weight, outcome.latency_seconds)
        if outcome.failed is not None:
            arm.learn_failure(weight, failed=outcome.failed)

    def _compare(self, outcome: Outcome, moment: int, quality: float, mean: float, linear: float) -> None:
        """Teaches the gate and the tenant how a graded answer differs from what had been predicted of it."""
        parameters, statistics = self._parameters, self._statistics
        weight = statistics.weight(moment)
        gate = statistics.gate
        gate.learn(weight, quality, mean, linear)
        scale = statistics.judging_scale(moment)
        gate.settle(scale, parameters.context_on_z, parameters.context_off_z, parameters.context_min_weight)
        if outcome.tenant is not None:
            differences = statistics.tenants.touch(outcome.tenant, statistics.learned, outcome.arm)
            if differences is not None:
                differences.learn(weight, quality, mean, linear)

    def _graded(self, name: str) -> float:
        """Weight of all graded answers of an arm."""
        learned = self._statistics.arms.get(name)
        return 0.0 if learned is None else float(learned.moments[0, 0])

    def _summarise(self, position: int, scale: float, estimates: Estimates) -> ArmSummary:
        name = self._arms[position].name
        learned = self._statistics.arms.get(name)
        coefficients = np.zeros(self._parameters.dimension + 1)
        if self._context_on():
            coefficients[:] = estimates.slopes[position]
        else:
            coefficients[0] = estimates.mean[position]
        return ArmSummary(
            name=name,
            observations=scale * self._graded(name),
            quality=float(estimates.mean[position]),
            output_tokens=float(estimates.output_tokens[position]),
            latency_seconds=float(estimates.latency_seconds[position]),
            failure_rate=float(estimates.failure_rate[position]),
            residual_sd=0.0 if learned is None else residual_sd(learned, scale, coefficients),
        )


def _extractor(schema_id: str, text: TextExtractor | None) -> FlagExtractor | TextExtractor | None:
    """What computes the features of a text; nothing for a caller's own schema."""
    if schema_id == FLAGS_SCHEMA:
        return FlagExtractor.load()
    if schema_id != TEXT_SCHEMA:
        return None
    if text is None:
        raise EngineError(f"schema {TEXT_SCHEMA} needs its text table")
    return text
