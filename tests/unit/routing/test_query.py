"""From a request to numbers: tokens, weights and limits."""

from __future__ import annotations

import pytest

from atp_grpc.domain.policy import RoutingPolicy
from atp_grpc.domain.request import Constraints, FeatureVector, NamedObjective, RouteRequest, Weights
from atp_grpc.engine.contract import Query
from atp_grpc.routing.query import Questions

POLICY = RoutingPolicy("default", 1, "flags.v1", 15, 0.25, 0.5, 1e6, 1.0)
FEATURES = FeatureVector("flags.v1", b"\0" * 60)
QUESTIONS = Questions(POLICY)


def query_of(request: RouteRequest) -> Query:
    tokens = QUESTIONS.input_tokens(request)
    return QUESTIONS.query(request, (0, 3), input_tokens=tokens, generation=2, seed=5, now_nanos=6, tenant="acme")


@pytest.mark.parametrize(
    ("request_", "input_tokens"),
    [
        (RouteRequest(text=""), 0),
        (RouteRequest(text="abc"), 1),
        (RouteRequest(text="abcde"), 2),
        (RouteRequest(text="ääää"), 2),
        (RouteRequest(text="abcde", input_tokens=0), 0),
        (RouteRequest(text="abcde", input_tokens=7), 7),
        (RouteRequest(features=FEATURES), 0),
        (RouteRequest(features=FEATURES, input_tokens=9), 9),
    ],
)
def test_tokens_are_the_callers_or_four_bytes_each(request_: RouteRequest, input_tokens: int) -> None:
    assert QUESTIONS.input_tokens(request_) == input_tokens
    assert query_of(request_).input_tokens == float(input_tokens)


@pytest.mark.parametrize(
    ("objective", "weights"),
    [
        (None, Weights(0.25, 0.5)),
        (NamedObjective.BALANCED, Weights(0.25, 0.5)),
        (NamedObjective.HIGHEST_QUALITY, Weights(0.0, 0.0)),
        (NamedObjective.LOWEST_COST, Weights(10.0, 0.5)),
        (NamedObjective.LOWEST_LATENCY, Weights(0.25, 10.0)),
        (Weights(7.0, 8.0), Weights(7.0, 8.0)),
    ],
)
def test_the_objective_decides_the_weights(objective: NamedObjective | Weights | None, weights: Weights) -> None:
    query = query_of(RouteRequest(text="a", objective=objective))
    assert Weights(query.cost_weight, query.latency_weight) == weights


def test_limits_reach_the_engine_and_absent_ones_stay_absent() -> None:
    def limits_of(request: RouteRequest) -> tuple[object, ...]:
        query = query_of(request)
        assert (query.generation, query.candidates, query.seed, query.now_nanos) == (2, (0, 3), 5, 6)
        return query.max_output_tokens, query.max_cost_nano_usd, query.quality_floor, query.latency_slo_seconds

    assert limits_of(RouteRequest(text="a")) == (None, None, None, None)
    constraints = Constraints(max_cost_nano_usd=0, quality_floor=0.0, latency_slo_seconds=1.5)
    assert limits_of(RouteRequest(text="a", max_output_tokens=9, constraints=constraints)) == (9.0, 0.0, 0.0, 1.5)


def test_the_tenant_reaches_the_engine() -> None:
    assert query_of(RouteRequest(text="a")).tenant == "acme"


def test_text_or_vector_reach_the_engine_as_they_are() -> None:
    assert (query_of(RouteRequest(text="a")).text, query_of(RouteRequest(text="a")).features) == ("a", None)
    vector = query_of(RouteRequest(features=FEATURES))
    assert (vector.text, vector.features) == (None, FEATURES.values)
