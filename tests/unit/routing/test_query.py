"""From a request to numbers: tokens, weights and limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.decision import DualPrices
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.policy import PolicyObjective, PolicyTerms, RoutingPolicy
from atp_grpc.domain.request import Constraints, FeatureVector, NamedObjective, RouteRequest, Weights
from atp_grpc.engine.contract import Query
from atp_grpc.routing.eligibility import Eligibility
from atp_grpc.routing.query import Questions
from atp_grpc.routing.steering import NO_STANCE, Stance
from atp_grpc.tenancy.pacing import effective
from tests.unit.routing.examples import DRAINING, deployment, model, snapshot

TERMS = PolicyTerms(PolicyObjective(0.25, 0.5), schema_id="flags.v1", dimension=15, affinity_weight=0.125)
POLICY = RoutingPolicy("default", 1, 1e6, 1.0, TERMS)
CACHING = TokenPrices(input=10**9, output=10**9, cached_input=10**8)
SIFTED = Eligibility(
    snapshot(
        [model("a"), model("b", status=DRAINING), model("c"), model("d")],
        [deployment("a"), deployment("b"), deployment("c"), deployment("d", prices=CACHING)],
    )
).sift(Constraints(), needed_tokens=1)
FEATURES = FeatureVector("flags.v1", b"\0" * 60)
QUESTIONS = Questions(POLICY)


def query_of(request: RouteRequest, stance: Stance = NO_STANCE, favoured: int | None = None) -> Query:
    tokens = QUESTIONS.input_tokens(request)
    return QUESTIONS.query(
        request, SIFTED, stance, favoured, input_tokens=tokens, generation=2, seed=5, now_nanos=6, tenant="acme"
    )


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
        assert (query.generation, query.candidates, query.seed, query.now_nanos) == (2, (0, 2, 3), 5, 6)
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


_WEIGHTS = st.floats(0.0, 1e6)


@given(asked=st.builds(Weights, _WEIGHTS, _WEIGHTS), prices=st.builds(DualPrices, _WEIGHTS, _WEIGHTS))
def test_prices_enter_the_weights_as_pacing_says(asked: Weights, prices: DualPrices) -> None:
    query = query_of(RouteRequest(text="a", objective=asked), Stance(prices))
    assert Weights(query.cost_weight, query.latency_weight) == effective(asked, prices)


@pytest.mark.parametrize(
    ("headroom", "max_cost", "limit"),
    [(None, None, None), (7, None, 7.0), (0, None, 0.0), (7, 9, 7.0), (9, 7, 7.0), (None, 7, 7.0)],
)
def test_what_is_left_of_a_budget_bounds_the_cost_beside_the_requests_own_limit(
    headroom: int | None, max_cost: int | None, limit: float | None
) -> None:
    request = RouteRequest(text="a", constraints=Constraints(max_cost_nano_usd=max_cost))
    assert query_of(request, Stance(headroom_nano_usd=headroom)).max_cost_nano_usd == limit


def test_nobody_is_favoured_without_a_conversation() -> None:
    query = query_of(RouteRequest(text="a"))
    assert (query.favoured, query.favour) == (None, 0.0)


def test_staying_is_worth_the_policys_weight_and_what_the_cache_saves() -> None:
    request = RouteRequest(text="a", input_tokens=1_000)
    plain, caching = (query_of(request, favoured=place) for place in (1, 2))
    assert (plain.favoured, plain.favour) == (SIFTED.offers[1], 0.125)
    # Half of a thousand tokens at nine tenths of a dollar a million less, under a cost weight of a quarter.
    assert caching.favoured == SIFTED.offers[2]
    assert caching.favour == pytest.approx(0.125 + 0.25 * 450_000 / 1e6)


def test_what_the_cache_saves_counts_as_much_as_money_does_in_this_decision() -> None:
    request = RouteRequest(text="a", input_tokens=1_000)
    pressed = query_of(request, Stance(DualPrices(cost=2.0)), favoured=2)
    assert pressed.favour == pytest.approx(0.125 + 2.25 * 450_000 / 1e6)
