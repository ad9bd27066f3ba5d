"""From a request to the engine's query: tokens, weights and limits as numbers.

The router enters here once per request. It never looks at a model: what is eligible is decided before.
"""

from __future__ import annotations

from atp_grpc.domain.errors import FeatureSchemaMismatchError
from atp_grpc.domain.policy import RoutingPolicy
from atp_grpc.domain.request import NamedObjective, Objective, Routable, Weights
from atp_grpc.engine.contract import Query

BYTES_PER_TOKEN = 4
"""UTF-8 bytes that make one token of English text, on average, in the tokenizers of the large providers."""
STRONG_WEIGHT = 10.0
"""Weight of what a named objective puts first: ten times the utility of a perfect answer per scale."""


class Questions:
    """Puts requests into the engine's words, under one routing policy."""

    def __init__(self, policy: RoutingPolicy) -> None:
        cost, latency = policy.cost_weight, policy.latency_weight
        self._policy = policy
        self._reads_text = policy.reads_text
        self._vector_bytes = 4 * policy.dimension
        self._weights: dict[NamedObjective | None, tuple[float, float]] = {
            None: (cost, latency),
            NamedObjective.BALANCED: (cost, latency),
            NamedObjective.HIGHEST_QUALITY: (0.0, 0.0),
            NamedObjective.LOWEST_COST: (STRONG_WEIGHT, latency),
            NamedObjective.LOWEST_LATENCY: (cost, STRONG_WEIGHT),
        }

    def input_tokens(self, request: Routable) -> int:
        """Input tokens as the caller counted them, else by the size of the text.

        Raises:
            FeatureSchemaMismatchError: the request's features, or its text, are not what the routing policy accepts.
        """
        vector = request.vector
        if not (self._reads_text if vector is None else self._accepts(vector, request.schema_id)):
            raise self._mismatch(vector, request.schema_id)
        counted = request.input_tokens
        return -(-request.text_bytes // BYTES_PER_TOKEN) if counted is None else counted

    def query(
        self,
        request: Routable,
        candidates: tuple[int, ...],
        *,
        input_tokens: int,
        generation: int,
        seed: int,
        now_nanos: int,
        tenant: str,
    ) -> Query:
        """Puts a request into the engine's words; `tenant` is whoever the credential stands for."""
        cost_weight, latency_weight = self.weights(request.objective)
        constraints, output_tokens = request.constraints, request.max_output_tokens
        max_cost = constraints.max_cost_nano_usd
        # By position: named fields cost as much again, and this is made once per request.
        return Query(
            generation,
            candidates,
            seed,
            now_nanos,
            float(input_tokens),
            cost_weight,
            latency_weight,
            request.source,
            request.vector,
            None if output_tokens is None else float(output_tokens),
            None if max_cost is None else float(max_cost),
            constraints.quality_floor,
            constraints.latency_slo_seconds,
            tenant,
        )

    def weights(self, objective: Objective) -> tuple[float, float]:
        """What one scale of cost and one scale of latency take from the utility."""
        if isinstance(objective, Weights):
            return objective.cost, objective.latency
        return self._weights[objective]

    def _accepts(self, vector: bytes, schema_id: str) -> bool:
        return len(vector) == self._vector_bytes and schema_id == self._policy.schema_id

    def _mismatch(self, vector: bytes | None, schema_id: str) -> FeatureSchemaMismatchError:
        return FeatureSchemaMismatchError(
            expected_schema=self._policy.schema_id,
            expected_dimension=self._policy.dimension,
            schema="text" if vector is None else schema_id,
            dimension=0 if vector is None else len(vector) // 4,
        )
