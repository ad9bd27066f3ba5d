"""Decisions written by hand for the tests of explanations, and the utility formula beside them."""

from __future__ import annotations

import dataclasses

from atp_grpc.domain.decision import Candidate, Decision, DualPrices, Expectation, RefusalCause, Scales, Target
from atp_grpc.domain.request import Weights
from atp_grpc.tenancy.pacing import effective
from tests.conformance.store import samples


def utility(decision: Decision, candidate: Candidate, *, cost_weight: float | None = None) -> float:
    """The formula of docs/selection.md, on the numbers of a record."""
    expected, scales, prices = candidate.expected, decision.scales, decision.dual_prices
    assert scales is not None
    cost = decision.weights.cost
    if cost_weight is not None:
        cost = cost_weight / (1 + prices.quality) + prices.cost
    favour = decision.favour if decision.candidates.index(candidate) == decision.favoured else 0.0
    return (
        (1 - expected.failure_rate) * expected.quality
        - cost * expected.cost_nano_usd / scales.cost_nano_usd
        - decision.weights.latency * expected.latency_seconds / scales.latency_seconds
        + favour
    )


def made(
    *candidates: tuple[float, int, float, float],
    chosen: int = 0,
    weights: tuple[float, float] = (0.5, 0.25),
    prices: tuple[float, float] = (0.0, 0.0),
    aside: tuple[RefusalCause | None, ...] = (),
    favoured: int | None = None,
) -> Decision:
    """A decision among candidates of these qualities, costs, latencies and failure rates."""
    decision = dataclasses.replace(
        samples.decision(),
        chosen=chosen,
        scales=Scales(1e6, 2.0),
        dual_prices=DualPrices(*prices),
        weights=effective(Weights(*weights), DualPrices(*prices)),
        set_aside=aside,
        favoured=favoured,
        favour=0.0 if favoured is None else 0.125,
        reason_codes=(),
        refusals=(),
        candidates=tuple(
            Candidate(Target(f"m{number}", f"m{number}@x", "x"), Expectation(*row), 0.0, 0.5)
            for number, row in enumerate(candidates)
        ),
    )
    causes = aside or (None,) * len(candidates)
    return dataclasses.replace(
        decision,
        candidates=tuple(
            one._replace(utility=utility(decision, one), propensity=0.0 if cause else 1 / causes.count(None))
            for one, cause in zip(decision.candidates, causes, strict=True)
        ),
    )
