"""What requests are believed to cost before an engine is asked.

A policy's scales are taken from a *nominal* request, and its promises are measured against it: its input is fixed, its
output is what each model is believed to write. Budgets ask here what is at stake. It never looks at outcomes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from atp_grpc.catalog.snapshot import Offering, Snapshot
from atp_grpc.domain.money import TOKENS_PER_PRICE
from atp_grpc.domain.policy import PolicyTerms
from atp_grpc.domain.request import Routable
from atp_grpc.routing.query import tokens_of

NOMINAL_INPUT_TOKENS = 500
"""Input of the request that scales are taken from."""


def nominal_cost_nano_usd(offering: Offering, snapshot: Snapshot) -> float:
    """What a nominal request is believed to cost at an offering."""
    return offering.prices.input * NOMINAL_INPUT_TOKENS / TOKENS_PER_PRICE + _answer_nano_usd(offering, snapshot)


def scales_of(terms: PolicyTerms, snapshot: Snapshot) -> tuple[float, float]:
    """c_hi in nano-US-dollars and l_hi in seconds: those of the terms, else those of the catalogue.

    c_hi is what the dearest model asks for a nominal request (one nano-dollar when everything is free), l_hi the
    slowest model's believed latency (one second when nothing is believed).
    """
    cost, latency = terms.cost_scale_nano_usd, terms.latency_scale_seconds
    if cost is None:
        cost = max((nominal_cost_nano_usd(offering, snapshot) for offering in _all(snapshot)), default=0.0) or 1.0
    if latency is None:
        latency = max((arm.prior_latency_seconds for arm in snapshot.arms), default=0.0) or 1.0
    return cost, latency


def _answer_nano_usd(offering: Offering, snapshot: Snapshot) -> float:
    output_tokens = snapshot.models[offering.deployment.model].prior_output_tokens
    return offering.prices.output * output_tokens / TOKENS_PER_PRICE


def _all(snapshot: Snapshot) -> Iterable[Offering]:
    return (offering for several in snapshot.offerings.values() for offering in several)


class Stakes:
    """What requests may cost where they cost most, at the prices in force."""

    def __init__(self, at: Callable[[int], Snapshot]) -> None:
        """`at` gives the catalogue in force at a moment."""
        self._at = at
        self._snapshot: Snapshot | None = None
        self._input = self._answer = 0.0

    def of(self, requests: Iterable[Routable], now_nanos: int) -> int:
        """Nano-US-dollars for all of them together: their input at the highest price, and the dearest usual answers."""
        snapshot = self._at(now_nanos)
        if snapshot is not self._snapshot:
            offerings = list(_all(snapshot))
            self._snapshot = snapshot
            self._input = max((one.prices.input / TOKENS_PER_PRICE for one in offerings), default=0.0)
            self._answer = max((_answer_nano_usd(one, snapshot) for one in offerings), default=0.0)
        return math.ceil(sum([self._input * tokens_of(request) + self._answer for request in requests]))
