"""What the engine accepts: every bound on parameters, arms, offers, queries and outcomes, in one place.

Entered by the engine before it touches state, so that a refusal changes nothing and accepted numbers can never
overflow. It only judges; it never repairs or clamps a value.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from atp_grpc.domain.policy import TEXT_SCHEMAS
from atp_grpc.engine.contract import EngineError, InvalidOutcomeError, InvalidQueryError

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Arm, EngineParameters, Offer, Outcome, Query

INTEGER_LIMIT: Final = 2**63 - 1
SEED_LIMIT: Final = 2**64 - 1
DIMENSION_LIMIT: Final = 512
FEATURE_LIMIT: Final = 1e6
FIGURE_LIMIT: Final = 1e9
"""Largest token count, latency (seconds), prior of either, and utility weight."""
PREDICTION_LIMIT: Final = 1e12
TENANT_LIMIT: Final = 10**6
HALF_LIFE_RANGE: Final = (64, 2**62)


def check_parameters(parameters: EngineParameters) -> None:
    """Raises EngineError unless the parameters are within their documented ranges."""
    _name("pool", parameters.pool, EngineError)
    _name("schema_id", parameters.schema_id, EngineError)
    _integer("dimension", parameters.dimension, 1, DIMENSION_LIMIT, EngineError)
    numbers = TEXT_SCHEMAS.get(parameters.schema_id, parameters.dimension)
    if parameters.dimension != numbers:
        raise EngineError(f"schema {parameters.schema_id} has {numbers} dimensions")
    _number("cost_scale_nano_usd", parameters.cost_scale_nano_usd, 1e-12, 1e24, EngineError)
    _number("latency_scale_seconds", parameters.latency_scale_seconds, 1e-12, 1e24, EngineError)
    _number("scale", parameters.scale, 0.0, 1e6, EngineError)
    _number("alpha", parameters.alpha, 0.0, 1e6, EngineError)
    _number("gamma", parameters.gamma, 0.0, 1e9, EngineError)
    _number("epsilon", parameters.epsilon, 0.0, 1.0, EngineError)
    _number("slope_precision", parameters.slope_precision, 1e-9, 1e9, EngineError)
    if parameters.half_life_nanos is not None:
        _integer("half_life_nanos", parameters.half_life_nanos, *HALF_LIFE_RANGE, EngineError)
    _number("context_on_z", parameters.context_on_z, -1e9, 1e9, EngineError)
    _number("context_off_z", parameters.context_off_z, -1e9, parameters.context_on_z, EngineError)
    _number("context_min_weight", parameters.context_min_weight, 0.0, 1e18, EngineError)
    _number("tenant_pseudo_count", parameters.tenant_pseudo_count, 1e-9, 1e9, EngineError)
    _number("tenant_offset_limit", parameters.tenant_offset_limit, 0.0, 1.0, EngineError)
    _integer("tenant_limit", parameters.tenant_limit, 0, TENANT_LIMIT, EngineError)
    _number("token_precision", parameters.token_precision, 1e-9, 1e9, EngineError)
    _number("common_precision", parameters.common_precision, 1e-9, 1e9, EngineError)


def check_arms(arms: Sequence[Arm], offers: Sequence[Offer]) -> None:
    """Raises EngineError unless names are unique, offers point at arms, and priors and prices are in range."""
    for arm in arms:
        _name("arm", arm.name, EngineError)
        _number("prior_quality", arm.prior_quality, 0.0, 1.0, EngineError)
        _number("prior_output_tokens", arm.prior_output_tokens, 0.0, FIGURE_LIMIT, EngineError)
        _number("prior_latency_seconds", arm.prior_latency_seconds, 0.0, FIGURE_LIMIT, EngineError)
        _number("prior_failure_rate", arm.prior_failure_rate, 0.0, 1.0, EngineError)
    if len({arm.name for arm in arms}) != len(arms):
        raise EngineError("two arms have the same name")
    for offer in offers:
        _integer("offer's arm", offer.arm, 0, len(arms) - 1, EngineError)
        _integer("input_price", offer.input_price, 0, INTEGER_LIMIT, EngineError)
        _integer("output_price", offer.output_price, 0, INTEGER_LIMIT, EngineError)


def check_query(query: Query, offer_arms: Sequence[int]) -> list[int]:
    """Judges everything of a query but its text and features.

    Returns:
        The arm of each candidate.

    Raises:
        InvalidQueryError: the query breaks the contract.
    """
    candidates = query.candidates
    if not candidates:
        raise InvalidQueryError("a query needs a candidate")
    if candidates[0] < 0 or candidates[-1] >= len(offer_arms):
        raise InvalidQueryError("a candidate is not a loaded offer")
    if any(later <= earlier for earlier, later in itertools.pairwise(candidates)):
        raise InvalidQueryError("candidates are not strictly increasing")
    arms = [offer_arms[candidate] for candidate in candidates]
    if len(set(arms)) != len(arms):
        raise InvalidQueryError("two candidates offer the same arm")
    if (query.text is None) == (query.features is None):
        raise InvalidQueryError("a query carries either text or features")
    _check_numbers(query)
    return arms


def _check_numbers(query: Query) -> None:
    """Judges a query's own numbers and its tenant."""
    _integer("seed", query.seed, 0, SEED_LIMIT, InvalidQueryError)
    _integer("now_nanos", query.now_nanos, 0, INTEGER_LIMIT, InvalidQueryError)
    _number("input_tokens", query.input_tokens, 0.0, FIGURE_LIMIT, InvalidQueryError)
    _number("cost_weight", query.cost_weight, 0.0, FIGURE_LIMIT, InvalidQueryError)
    _number("latency_weight", query.latency_weight, 0.0, FIGURE_LIMIT, InvalidQueryError)
    if query.max_output_tokens is not None:
        _number("max_output_tokens", query.max_output_tokens, 0.0, FIGURE_LIMIT, InvalidQueryError)
    if query.max_cost_nano_usd is not None:
        _number("max_cost_nano_usd", query.max_cost_nano_usd, 0.0, math.inf, InvalidQueryError)
    if query.quality_floor is not None:
        _number("quality_floor", query.quality_floor, 0.0, 1.0, InvalidQueryError)
    if query.latency_slo_seconds is not None:
        _number("latency_slo_seconds", query.latency_slo_seconds, 0.0, math.inf, InvalidQueryError)
    _tenant(query.tenant, InvalidQueryError)
    if query.favoured is not None:
        _integer("favoured", query.favoured, 0, INTEGER_LIMIT, InvalidQueryError)
    _number("favour", query.favour, 0.0, FIGURE_LIMIT, InvalidQueryError)


def check_outcome(outcome: Outcome, dimension: int) -> None:
    """Raises InvalidOutcomeError unless the outcome keeps the contract."""
    _name("arm", outcome.arm, InvalidOutcomeError)
    _name("replica", outcome.replica, InvalidOutcomeError)
    _integer("sequence", outcome.sequence, 0, INTEGER_LIMIT, InvalidOutcomeError)
    _integer("decided_nanos", outcome.decided_nanos, 0, INTEGER_LIMIT, InvalidOutcomeError)
    _integer("now_nanos", outcome.now_nanos, 0, INTEGER_LIMIT, InvalidOutcomeError)
    check_features(outcome.features, dimension, InvalidOutcomeError)
    if outcome.quality is not None:
        _number("quality", outcome.quality, 0.0, 1.0, InvalidOutcomeError)
    if outcome.output_tokens is not None:
        _number("output_tokens", outcome.output_tokens, 0.0, FIGURE_LIMIT, InvalidOutcomeError)
    if outcome.latency_seconds is not None:
        _number("latency_seconds", outcome.latency_seconds, 0.0, FIGURE_LIMIT, InvalidOutcomeError)
    if (outcome.predicted_mean is None) != (outcome.predicted_linear is None):
        raise InvalidOutcomeError("predictions come in pairs")
    if outcome.predicted_mean is not None and outcome.predicted_linear is not None:
        _number("predicted_mean", outcome.predicted_mean, -PREDICTION_LIMIT, PREDICTION_LIMIT, InvalidOutcomeError)
        _number("predicted_linear", outcome.predicted_linear, -PREDICTION_LIMIT, PREDICTION_LIMIT, InvalidOutcomeError)
    _tenant(outcome.tenant, InvalidOutcomeError)


def check_discount(arm: str, keep: float) -> None:
    """Raises InvalidOutcomeError unless an arm is named and the share kept of it lies within 0..1."""
    _name("arm", arm, InvalidOutcomeError)
    _number("keep", keep, 0.0, 1.0, InvalidOutcomeError)


def check_moment(nanos: int) -> None:
    """Raises InvalidQueryError unless a moment is Unix time in nanoseconds, at or after 1970."""
    _integer("now_nanos", nanos, 0, INTEGER_LIMIT, InvalidQueryError)


def check_features(features: bytes, dimension: int, error: type[EngineError]) -> None:
    """Raises `error` unless the bytes are `dimension` finite float32 within the feature limit."""
    if len(features) != 4 * dimension:
        raise error(f"features are {dimension} little-endian float32")
    values = np.frombuffer(features, "<f4")
    # Comparing from this side also refuses NaN, which is below nothing.
    if not bool((np.abs(values) <= FEATURE_LIMIT).all()):
        raise error("a feature is not finite or too large")


def _number(what: str, value: float, low: float, high: float, error: type[EngineError]) -> None:
    if not (low <= value <= high and value != math.inf):
        raise error(f"{what} is out of range")


def _integer(what: str, value: int, low: int, high: int, error: type[EngineError]) -> None:
    if not low <= value <= high:
        raise error(f"{what} is out of range")


def _name(what: str, value: str, error: type[EngineError]) -> None:
    try:
        is_empty = not value.encode()
    except UnicodeEncodeError:
        raise error(f"{what} holds a lone surrogate") from None
    if is_empty:
        raise error(f"{what} is empty")


def _tenant(value: str | None, error: type[EngineError]) -> None:
    if value is not None:
        _name("tenant", value, error)
