"""From a request to the engine's query: tokens, weights and limits as numbers.

The router enters here once per request. It never looks at a model: what is eligible is decided before.
"""

from __future__ import annotations

from dataclasses import dataclass

from atp_grpc.domain.errors import FeatureSchemaMismatchError
from atp_grpc.domain.policy import RoutingPolicy
from atp_grpc.domain.request import NamedObjective, RouteRequest, Weights
from atp_grpc.engine.contract import Query

BYTES_PER_TOKEN = 4
"""UTF-8 bytes that make one token of English text, on average, in the tokenizers of the large providers."""
STRONG_WEIGHT = 10.0
"""Weight of what a named objective puts first: ten times the utility of a perfect answer per scale."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A request in numbers: what the filters and the engine need of it."""

    input_tokens: int
    needed_tokens: int
    weights: Weights


def measure(request: RouteRequest, policy: RoutingPolicy) -> Measured:
    """Counts tokens and settles the weights.

    Raises:
        FeatureSchemaMismatchError: the request's features, or its text, are not what the routing policy accepts.
    """
    _check_schema(request, policy)
    input_tokens = request.input_tokens
    if input_tokens is None:
        size = len(request.text.encode()) if request.text is not None else 0
        input_tokens = -(-size // BYTES_PER_TOKEN)
    return Measured(input_tokens, input_tokens + (request.max_output_tokens or 0), _weights(request, policy))


def make_query(
    request: RouteRequest,
    measured: Measured,
    *,
    generation: int,
    candidates: tuple[int, ...],
    seed: int,
    now_nanos: int,
) -> Query:
    """Puts a measured request into the engine's words."""
    constraints = request.constraints
    return Query(
        generation=generation,
        candidates=candidates,
        seed=seed,
        now_nanos=now_nanos,
        input_tokens=float(measured.input_tokens),
        cost_weight=measured.weights.cost,
        latency_weight=measured.weights.latency,
        text=request.text,
        features=None if request.features is None else request.features.values,
        max_output_tokens=None if request.max_output_tokens is None else float(request.max_output_tokens),
        max_cost_nano_usd=None if constraints.max_cost_nano_usd is None else float(constraints.max_cost_nano_usd),
        quality_floor=constraints.quality_floor,
        latency_slo_seconds=constraints.latency_slo_seconds,
    )


def _check_schema(request: RouteRequest, policy: RoutingPolicy) -> None:
    if request.features is None:
        if policy.reads_text:
            return
        schema, dimension = "text", 0
    else:
        schema, dimension = request.features.schema_id, request.features.dimension
        if (schema, dimension) == (policy.schema_id, policy.dimension):
            return
    raise FeatureSchemaMismatchError(
        expected_schema=policy.schema_id,
        expected_dimension=policy.dimension,
        schema=schema,
        dimension=dimension,
    )


def _weights(request: RouteRequest, policy: RoutingPolicy) -> Weights:
    objective = request.objective
    if isinstance(objective, Weights):
        return objective
    if objective is NamedObjective.HIGHEST_QUALITY:
        return Weights(cost=0.0, latency=0.0)
    if objective is NamedObjective.LOWEST_COST:
        return Weights(cost=STRONG_WEIGHT, latency=policy.latency_weight)
    if objective is NamedObjective.LOWEST_LATENCY:
        return Weights(cost=policy.cost_weight, latency=STRONG_WEIGHT)
    return Weights(cost=policy.cost_weight, latency=policy.latency_weight)
