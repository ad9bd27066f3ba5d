"""Batches: as long as the share says, of both sides, and never cut by what is still to come."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.learning.trial.batches import CAP_MULTIPLE, Batch, Batches, batch_length
from atp_grpc.learning.trial.terms import Side

ARRIVALS = st.lists(st.tuples(st.sampled_from(Side), st.floats(0.0, 1.0)), max_size=60)


@pytest.mark.parametrize(("share", "length"), [(0.5, 6), (0.05, 20), (0.95, 20), (0.2, 6)])
def test_a_batch_is_as_long_as_it_takes_to_hear_of_the_rarer_side_on_average(share: float, length: int) -> None:
    assert batch_length(share) == length


def test_a_batch_compares_the_means_of_both_sides() -> None:
    batches = Batches(3, is_bounded=True)
    assert batches.add(Side.CHAMPION, 1.0) is None
    assert batches.add(Side.CHAMPION, 0.0) is None
    assert batches.add(Side.CHALLENGER, 1.0) == Batch(0.5, 1.0, 2.0 / 3.0)


def test_a_batch_without_one_side_goes_on_until_both_are_there() -> None:
    batches = Batches(2, is_bounded=True)
    assert [batches.add(Side.CHAMPION, 1.0) for _ in range(2)] == [None, None]
    assert batches.add(Side.CHALLENGER, 0.0) is None, "only whole lengths end a batch"
    batch = batches.add(Side.CHAMPION, 0.0)
    assert batch == Batch(2.0 / 3.0, 0.0, 0.75)


def test_what_has_no_bound_is_cut_at_a_multiple_of_what_came_before() -> None:
    batches = Batches(2, is_bounded=False)
    assert batches.add(Side.CHAMPION, 10.0) is None
    assert batches.add(Side.CHALLENGER, 30.0) is None, "the first batch only finds the scale"
    batches.add(Side.CHAMPION, 20.0)
    batch = batches.add(Side.CHALLENGER, 1e12)
    assert batch == Batch(20.0 / (CAP_MULTIPLE * 20.0), 1.0, 0.5)


def test_what_costs_nothing_is_never_compared() -> None:
    batches = Batches(2, is_bounded=False)
    assert not any(batches.add(Side(number % 2), 0.0) for number in range(20))


@given(arrivals=ARRIVALS, cut=st.integers(0, 60), is_bounded=st.booleans())
def test_batches_go_on_from_their_state_through_json(
    arrivals: list[tuple[Side, float]], cut: int, is_bounded: bool
) -> None:
    whole, first = Batches(4, is_bounded=is_bounded), Batches(4, is_bounded=is_bounded)
    made = [whole.add(*one) for one in arrivals]
    again = [first.add(*one) for one in arrivals[:cut]]
    second = Batches(4, is_bounded=is_bounded, state=json.loads(json.dumps(first.state)))
    again += [second.add(*one) for one in arrivals[cut:]]
    assert again == made
    assert second.state == whole.state


@given(arrivals=ARRIVALS)
def test_means_are_between_zero_and_one_and_a_weight_is_above_zero(arrivals: list[tuple[Side, float]]) -> None:
    for is_bounded in (True, False):
        batches = Batches(3, is_bounded=is_bounded)
        for batch in filter(None, [batches.add(*one) for one in arrivals]):
            assert 0.0 <= batch.champion <= 1.0 + 1e-12
            assert 0.0 <= batch.challenger <= 1.0 + 1e-12
            assert batch.weight >= 0.5
