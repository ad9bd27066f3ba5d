"""Orders and halves are those of the protocol, worked out here a second time."""

from __future__ import annotations

import collections

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.replay.order import Halving, halves_of, order_of

CATEGORIES = st.lists(st.sampled_from("abcdefg"), min_size=2, max_size=60)


def test_seed_0_is_the_file_s_own_order() -> None:
    assert order_of(5, 0) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("seed", [1, 2, 17])
def test_a_seed_draws_the_permutation_that_anybody_can_draw(seed: int) -> None:
    assert order_of(100, seed) == np.random.default_rng(1000 + seed).permutation(100).tolist()


@settings(deadline=None)
@given(categories=CATEGORIES, seed=st.integers(0, 20))
def test_halves_by_rows_are_every_second_row_of_the_order(categories: list[str], seed: int) -> None:
    turn = [*range(len(categories))] if seed == 0 else np.random.default_rng(1000 + seed).permutation(len(categories))

    first, second = halves_of(categories, seed, Halving.ROWS)

    assert (first, second) == (list(turn[::2]), list(turn[1::2]))


@settings(deadline=None)
@given(categories=CATEGORIES, seed=st.integers(0, 20))
def test_halves_by_category_share_no_category_and_keep_the_order(categories: list[str], seed: int) -> None:
    size = collections.Counter(categories)
    if len(size) == 1:
        with pytest.raises(ValueError, match="only one"):
            halves_of(categories, seed, Halving.CATEGORY)
        return
    ranked = sorted(size, key=lambda category: (-size[category], category))
    turn = [*range(len(categories))] if seed == 0 else np.random.default_rng(1000 + seed).permutation(len(categories))

    first, second = halves_of(categories, seed, Halving.CATEGORY)

    assert first == [row for row in turn if categories[row] in ranked[::2]]
    assert second == [row for row in turn if categories[row] in ranked[1::2]]


def test_one_row_cannot_be_halved() -> None:
    with pytest.raises(ValueError, match="only one of the rows"):
        halves_of(["a"], 0, Halving.ROWS)
