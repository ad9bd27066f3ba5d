"""What requests are believed to cost before an engine is asked."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.domain.money import TOKENS_PER_PRICE
from atp_grpc.routing.nominal import NOMINAL_INPUT_TOKENS, Stakes, nominal_cost_nano_usd
from tests.unit.routing.desk import text, three_models


def dearest(snapshot: Snapshot, input_tokens: int) -> float:
    """The highest price of a request with an answer of the usual length, asked of every offering."""
    costs = [
        nominal_cost_nano_usd(one, snapshot)
        + one.prices.input * (input_tokens - NOMINAL_INPUT_TOKENS) / TOKENS_PER_PRICE
        for several in snapshot.offerings.values()
        for one in several
    ]
    return max(costs)


@given(st.lists(st.integers(0, 2_000_000), max_size=5))
def test_what_is_at_stake_is_no_less_than_the_dearest_model_asks_for_each_request(lengths: list[int]) -> None:
    snapshot = three_models()
    requests = [text(input_tokens=length) for length in lengths]
    at_stake = Stakes(lambda _: snapshot).of(requests, 0)
    assert at_stake >= math.floor(sum(dearest(snapshot, length) for length in lengths))
    assert at_stake == 0 or lengths


def test_another_catalogue_has_other_stakes() -> None:
    now, later = three_models(), three_models(revision=4, generation=2)
    cheaper = dict.fromkeys(later.offerings, ())
    without = Snapshot(**{**{field: getattr(later, field) for field in Snapshot.__slots__}, "offerings": cheaper})
    seen = {0: now, 1: without, 2: now}
    stakes = Stakes(seen.__getitem__)
    first, nothing, again = [stakes.of([text(input_tokens=100)], moment) for moment in range(3)]
    assert (nothing, again) == (0, first)
    assert first > 0
