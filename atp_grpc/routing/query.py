"""From a request to the engine's query: tokens, weights and limits as numbers.

The router enters here once per request. It never looks at a model: what is eligible is decided before.
"""

from __future__ import annotations

from atp_grpc.catalog.snapshot import Offering
from atp_grpc.domain.decision import NO_DUAL_PRICES
from atp_grpc.domain.errors import FeatureSchemaMismatchError
from atp_grpc.domain.policy import RoutingPolicy
from atp_grpc.domain.request import NamedObjective, Objective, Routable, Weights
from atp_grpc.engine.contract import Query
from atp_grpc.routing.eligibility import Sifted
from atp_grpc.routing.sessions import value_of_staying
from atp_grpc.routing.steering import Stance
from atp_grpc.tenancy.pacing import effective

BYTES_PER_TOKEN = 4
"""UTF-8 bytes that make one token of English text, on average, in the tokenizers of the large providers."""
STRONG_WEIGHT = 10.0
"""Weight of what a named objective puts first: ten times the utility of a perfect answer per scale."""


def tokens_of(request: Routable) -> int:
    """Input tokens as the caller counted them, else by the size of the text."""
    counted = request.input_tokens
    return -(-request.text_bytes // BYTES_PER_TOKEN) if counted is None else counted


class Questions:
    """Puts requests into the engine's words, under one routing policy."""

    def __init__(self, policy: RoutingPolicy) -> None:
        objective = policy.terms.objective
        cost, latency = objective.cost_weight, objective.latency_weight
        self._policy = policy
        self._latency_slo_seconds = objective.latency_slo_seconds
        most = policy.terms.filters.max_cost_nano_usd
        self._max_cost = None if most is None else float(most)
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
        return tokens_of(request)

    def query(
        self,
        request: Routable,
        sifted: Sifted,
        stance: Stance,
        favoured: int | None,
        *,
        input_tokens: int,
        generation: int,
        seed: int,
        now_nanos: int,
        tenant: str,
    ) -> Query:
        """Puts a request into the engine's words; `tenant` is whoever the credential stands for.

        A limit on cost holds whoever set it; a latency objective of the request takes the place of the policy's.
        `favoured` is the position of the model to stay with.
        """
        cost_weight, latency_weight = self.weights(request.objective)
        if stance.prices is not NO_DUAL_PRICES:
            priced = effective(Weights(cost_weight, latency_weight), stance.prices)
            cost_weight, latency_weight = priced.cost, priced.latency
        constraints, output_tokens = request.constraints, request.max_output_tokens
        max_cost, slo = constraints.max_cost_nano_usd, constraints.latency_slo_seconds
        most = self._max_cost if max_cost is None else self._no_more_than(float(max_cost))
        if (headroom := stance.headroom_nano_usd) is not None:
            most = float(headroom) if most is None else min(most, float(headroom))
        # By position: named fields cost as much again, and this is made once per request.
        query = Query(
            generation,
            sifted.offers,
            seed,
            now_nanos,
            float(input_tokens),
            cost_weight,
            latency_weight,
            request.source,
            request.vector,
            None if output_tokens is None else float(output_tokens),
            most,
            constraints.quality_floor,
            self._latency_slo_seconds if slo is None else slo,
            tenant,
        )
        if favoured is None:
            return query
        bonus = self._bonus(sifted.offerings[favoured], cost_weight, input_tokens)
        return query._replace(favoured=sifted.offers[favoured], favour=bonus)

    def weights(self, objective: Objective) -> tuple[float, float]:
        """What one scale of cost and one scale of latency take from the utility."""
        if isinstance(objective, Weights):
            return objective.cost, objective.latency
        return self._weights[objective]

    def _bonus(self, offering: Offering, cost_weight: float, input_tokens: int) -> float:
        """What staying with a conversation's model adds to its utility."""
        return value_of_staying(
            self._policy.terms.affinity_weight,
            cost_weight=cost_weight,
            cost_scale_nano_usd=self._policy.cost_scale_nano_usd,
            prices=offering.prices,
            input_tokens=input_tokens,
        )

    def _no_more_than(self, cost: float) -> float:
        return cost if self._max_cost is None else min(cost, self._max_cost)

    def _accepts(self, vector: bytes, schema_id: str) -> bool:
        return len(vector) == self._vector_bytes and schema_id == self._policy.schema_id

    def _mismatch(self, vector: bytes | None, schema_id: str) -> FeatureSchemaMismatchError:
        return FeatureSchemaMismatchError(
            expected_schema=self._policy.schema_id,
            expected_dimension=self._policy.dimension,
            schema="text" if vector is None else schema_id,
            dimension=0 if vector is None else len(vector) // 4,
        )
