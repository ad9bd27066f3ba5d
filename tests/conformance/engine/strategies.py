"""Random worlds for the properties: parameters, outcomes and queries that keep the contract.

Entered by the property tests and the differential machine. Times, prices and figures are drawn from ranges a server
meets; the extremes have tests of their own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

from hypothesis import strategies as st

from atp_grpc.engine.contract import Arm, ContextMode, EngineParameters, Learner, Offer, Outcome, Query
from atp_grpc.engine.self_test import pack
from tests.conformance.engine.world import ARMS, HOUR, NOW, OFFERS, OWN, outcome, query

FEATURES: Final = st.lists(st.floats(-3, 3, width=32), min_size=3, max_size=3).map(pack)
MOMENTS: Final = st.one_of(
    st.integers(NOW - 3 * HOUR, NOW + 3 * HOUR),
    st.integers(NOW - 200 * HOUR, NOW + 200 * HOUR),
    st.sampled_from([0, NOW, NOW + 5000 * HOUR]),
)
UNIT: Final = st.floats(0, 1)


TENANTS: Final = st.sampled_from([None, "acme", "büro", "zoo"])


def parameters(learners: Iterable[Learner] = Learner) -> st.SearchStrategy[EngineParameters]:
    return st.builds(
        dataclasses.replace,
        st.just(OWN),
        learner=st.sampled_from(list(learners)),
        context=st.sampled_from(ContextMode),
        scale=st.sampled_from([0.0, 0.03, 1.0]),
        alpha=st.sampled_from([0.0, 0.05, 2.0]),
        gamma=st.sampled_from([0.0, 50.0, 1e4]),
        epsilon=st.sampled_from([0.0, 0.01, 0.3, 1.0]),
        slope_precision=st.sampled_from([0.01, 1.0, 25.0]),
        half_life_nanos=st.sampled_from([None, HOUR, 7 * HOUR + 1]),
        context_min_weight=st.sampled_from([0.0, 3.0]),
        tenant_pseudo_count=st.sampled_from([0.5, 20.0]),
        tenant_offset_limit=st.sampled_from([0.0, 0.2, 1.0]),
        tenant_limit=st.sampled_from([0, 1, 2, 1000]),
        token_precision=st.sampled_from([0.1, 1.0, 30.0]),
        common_precision=st.sampled_from([0.1, 1.0, 30.0]),
    )


def outcomes(sequence: int) -> st.SearchStrategy[Outcome]:
    predictions = st.one_of(st.just((None, None)), st.tuples(st.floats(-1, 2), st.floats(-1, 2)))
    return st.builds(
        lambda pair, **fields: outcome(sequence, predicted_mean=pair[0], predicted_linear=pair[1], **fields),
        predictions,
        arm=st.sampled_from([arm.name for arm in ARMS]),
        replica=st.sampled_from(["r1", "r2", "ü3"]),
        decided_nanos=MOMENTS,
        now_nanos=MOMENTS,
        features=FEATURES,
        quality=st.none() | UNIT,
        output_tokens=st.none() | st.floats(0, 5000),
        latency_seconds=st.none() | st.floats(0, 100),
        failed=st.none() | st.booleans(),
        tenant=TENANTS,
    )


def candidates() -> st.SearchStrategy[tuple[int, ...]]:
    """One offer at most of each arm, in order."""

    def of_distinct_arms(chosen: set[int]) -> tuple[int, ...]:
        return tuple(offer for offer in sorted(chosen) if not (offer == 3 and 2 in chosen))

    return st.sets(st.integers(0, len(OFFERS) - 1), min_size=1).map(of_distinct_arms)


def queries() -> st.SearchStrategy[Query]:
    return st.builds(
        query,
        candidates=candidates(),
        seed=st.integers(0, 2**64 - 1),
        now_nanos=MOMENTS,
        input_tokens=st.floats(0, 50_000),
        cost_weight=st.sampled_from([0.0, 0.1, 1.0, 40.0]),
        latency_weight=st.sampled_from([0.0, 0.2, 5.0]),
        features=FEATURES,
        max_output_tokens=st.none() | st.floats(0, 2000),
        max_cost_nano_usd=st.none() | st.floats(0, 5e6),
        quality_floor=st.none() | UNIT,
        latency_slo_seconds=st.none() | st.floats(0, 10),
        tenant=TENANTS | st.sampled_from(["a", "a stranger"]),
        favoured=st.none() | st.integers(0, len(OFFERS)),
        favour=st.sampled_from([0.0, 0.02, 1.0]),
    )


def worlds() -> st.SearchStrategy[tuple[list[Arm], list[Offer]]]:
    """Other priors and prices for the same five models."""
    arm = st.builds(
        dataclasses.replace,
        st.sampled_from(ARMS),
        prior_quality=UNIT,
        prior_output_tokens=st.floats(0, 2000),
        prior_latency_seconds=st.floats(0, 20),
        prior_failure_rate=UNIT,
    )
    arms = st.lists(arm, min_size=len(ARMS), max_size=len(ARMS), unique_by=lambda one: one.name)
    price = st.integers(0, 100_000_000_000)
    offers = st.tuples(*(st.builds(Offer, st.just(offer.arm), price, price) for offer in OFFERS))
    return st.tuples(arms, offers.map(list))
