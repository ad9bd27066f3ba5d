"""One choice: set candidates aside, build the exact distribution, draw from it.

Entered by the engine with estimates, prices and a valid query; `docs/selection.md` states each step with its symbols.
It is a pure function: no state is read beyond the arguments and nothing is remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from atp_grpc.engine.contract import EXPLORATION_FLOOR, ContextMode, EngineParameters, Exclusion
from atp_grpc.engine.reference.chance import PICK_STREAM, uniform
from atp_grpc.engine.reference.learners import Contest, distribution

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Query
    from atp_grpc.engine.reference.reading import Estimates

Vector = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]

_TOKENS_PER_PRICE: Final = 1e6


@dataclass(frozen=True, slots=True)
class ReferenceChoice:
    """A `Choice` as plain values, in the order of the query's candidates."""

    chosen: int | None
    propensities: tuple[float, ...]
    utilities: tuple[float, ...]
    quality: tuple[float, ...]
    cost_nano_usd: tuple[float, ...]
    latency_seconds: tuple[float, ...]
    failure_rate: tuple[float, ...]
    exclusions: Mapping[int, Exclusion]
    floor_unmet: bool
    slo_unmet: bool
    features: bytes
    context_on: bool
    predicted_mean: float
    predicted_linear: float

    @property
    def engine(self) -> str:
        """Always `reference`."""
        return "reference"


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of the candidates, in nano-US-dollars per million tokens."""

    input: Vector
    output: Vector


@dataclass(frozen=True, slots=True)
class _Weights:
    """How much one unit of scaled cost and of scaled latency takes from the utility."""

    cost: float
    latency: float


@dataclass(frozen=True, slots=True)
class _Prediction:
    """What is expected of each candidate for this query."""

    quality: Vector
    width: Vector
    cost: Vector
    latency: Vector
    latency_tail: Vector
    failure: Vector

    def penalties(self, parameters: EngineParameters, weights: _Weights) -> Vector:
        return (
            weights.cost * self.cost / parameters.cost_scale_nano_usd
            + weights.latency * self.latency / parameters.latency_scale_seconds
        )


@dataclass(frozen=True, slots=True)
class _Field:
    """Who is left to choose from, and why the others are not."""

    remaining: Positions
    exclusions: dict[int, Exclusion]
    floor_unmet: bool = False
    slo_unmet: bool = False


def choose(  # noqa: D417 - the arguments are the contract's own words
    parameters: EngineParameters,
    query: Query,
    estimates: Estimates,
    prices: Prices,
    features: bytes,
    offsets: Vector,
    *,
    context_on: bool,
) -> ReferenceChoice:
    """Chooses one candidate from its exact distribution.

    Args:
        estimates: one row per candidate of the query.
        offsets: how the quality of each candidate differs for the query's tenant.
        features: packed float32 features of the query.
        context_on: whether the linear model is served, else the plain mean.
    """
    vector = np.ones(parameters.dimension + 1)
    vector[1:] = np.frombuffer(features, "<f4")
    linear, linear_variance = estimates.linear(vector)
    prediction = _Prediction(
        quality=(linear if context_on else estimates.mean) + offsets,
        width=np.sqrt(linear_variance if context_on else 1.0 / estimates.evidence),
        cost=_expected_cost(query, estimates.tokens(vector, with_context=_reads_context(parameters)), prices),
        latency=estimates.latency_seconds,
        latency_tail=estimates.latency_tail,
        failure=estimates.failure_rate,
    )
    field = _set_aside(query, prediction)
    weights = _Weights(0.0, 0.0) if field.floor_unmet else _Weights(query.cost_weight, query.latency_weight)
    penalties = prediction.penalties(parameters, weights)
    if query.favoured in query.candidates:
        penalties[query.candidates.index(query.favoured)] -= query.favour
    success = 1.0 - prediction.failure

    propensities = np.zeros(len(query.candidates))
    chosen: int | None = None
    left = field.remaining
    if len(left) == 1:
        chosen = int(left[0])
        propensities[chosen] = 1.0
    elif len(left) > 1:
        contest = Contest(
            quality=prediction.quality[left],
            width=prediction.width[left],
            evidence=estimates.evidence[left],
            success=success[left],
            penalty=penalties[left],
            cost=prediction.cost[left],
        )
        learned = distribution(parameters, query.seed, contest)
        propensities[left] = mixed = _mixed(parameters, learned, contest.cost, weights.cost)
        chosen = int(left[_draw(mixed, query.seed)])
    return ReferenceChoice(
        chosen=chosen,
        propensities=tuple(propensities.tolist()),
        utilities=tuple((success * prediction.quality - penalties).tolist()),
        quality=tuple(np.clip(prediction.quality, 0.0, 1.0).tolist()),
        cost_nano_usd=tuple(prediction.cost.tolist()),
        latency_seconds=tuple(prediction.latency.tolist()),
        failure_rate=tuple(prediction.failure.tolist()),
        exclusions=MappingProxyType(field.exclusions),
        floor_unmet=field.floor_unmet,
        slo_unmet=field.slo_unmet,
        features=features,
        context_on=context_on,
        predicted_mean=0.0 if chosen is None else float(estimates.mean[chosen]),
        predicted_linear=0.0 if chosen is None else float(linear[chosen]),
    )


def _reads_context(parameters: EngineParameters) -> bool:
    """Whether what is not gated may depend on the prompt; a learner or policy without context sees means only."""
    return parameters.learner.is_contextual and parameters.context is not ContextMode.OFF


def _expected_cost(query: Query, output_tokens: Vector, prices: Prices) -> Vector:
    """Expected price of one call, in nano-US-dollars, at the prices now loaded."""
    if query.max_output_tokens is not None:
        output_tokens = np.minimum(output_tokens, query.max_output_tokens)
    return (prices.input * query.input_tokens + prices.output * output_tokens) / _TOKENS_PER_PRICE


def _set_aside(query: Query, prediction: _Prediction) -> _Field:
    """Applies the request's own limits in their fixed order: cost (hard), quality floor, latency objective."""
    remaining: Positions = np.arange(len(query.candidates))
    exclusions: dict[int, Exclusion] = {}
    floor_unmet = slo_unmet = False

    def keep(mask: npt.NDArray[np.bool_], reason: Exclusion) -> Positions:
        exclusions.update(dict.fromkeys(remaining[~mask].tolist(), reason))
        return remaining[mask]

    if query.max_cost_nano_usd is not None:
        remaining = keep(prediction.cost[remaining] <= query.max_cost_nano_usd, Exclusion.MAX_COST)
    if query.quality_floor is not None and len(remaining) > 0:
        reached = np.clip(prediction.quality[remaining], 0.0, 1.0) >= query.quality_floor
        floor_unmet = not bool(reached.any())
        if not floor_unmet:
            remaining = keep(reached, Exclusion.QUALITY_FLOOR)
    if query.latency_slo_seconds is not None and len(remaining) > 0:
        latency = prediction.latency_tail[remaining]
        met = latency <= query.latency_slo_seconds
        slo_unmet = not bool(met.any())
        remaining = keep(latency == latency.min() if slo_unmet else met, Exclusion.LATENCY_SLO)
    return _Field(remaining, exclusions, floor_unmet, slo_unmet)


def _mixed(parameters: EngineParameters, learned: Vector, cost: Vector, cost_weight: float) -> Vector:
    """The learner's choice distribution mixed with exploration: p = (1 - epsilon) learned + epsilon exploration."""
    ratio = np.exp(-cost_weight * (cost - cost.min()) / parameters.cost_scale_nano_usd)
    exploration = (1.0 - EXPLORATION_FLOOR) * ratio / ratio.sum() + EXPLORATION_FLOOR / len(cost)
    mixed: Vector = (1.0 - parameters.epsilon) * learned + parameters.epsilon * exploration
    return mixed


def _draw(distribution: Vector, seed: int) -> int:
    """Position of the first cumulative sum above one uniform number."""
    above = np.cumsum(distribution) > uniform(seed, PICK_STREAM, 0)
    return int(np.argmax(above)) if above[-1] else len(distribution) - 1
