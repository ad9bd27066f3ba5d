"""Laws of merging: states add up to the state of who learned everything, and nothing else is taken."""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.engine.checkpoint import TenantRecord, decode
from atp_grpc.engine.contract import CheckpointMismatchError, CorruptCheckpointError, EngineError
from atp_grpc.engine.merging import merge, scale
from tests.conformance.engine.states import HALF_LIVES, assert_same_sums, graded_lessons, learn, state_of, sums_of
from tests.conformance.engine.strategies import outcomes
from tests.conformance.engine.world import BLANK, HOUR, OWN, outcome

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Outcome
    from tests.conformance.engine.conftest import EngineFactory


def _merged_in_pairs(parts: list[bytes], chance: random.Random) -> bytes:
    """The whole, by merging any two at a time until one is left."""
    left = list(parts)
    while len(left) > 1:
        chance.shuffle(left)
        left = [merge(left[:2]), *left[2:]]
    return left[0]


@pytest.mark.parametrize("half_life", HALF_LIVES)
@given(
    lessons=st.lists(st.tuples(st.integers(0, 3), outcomes(0)), min_size=1, max_size=16),
    chance=st.randoms(use_true_random=False),
)
@settings(max_examples=40)
def test_parts_in_any_order_and_grouping_are_who_learned_everything(
    make_engine: EngineFactory,
    half_life: int | None,
    lessons: list[tuple[int, Outcome]],
    chance: random.Random,
) -> None:
    chosen_parameters = dataclasses.replace(OWN, half_life_nanos=half_life)
    numbered = [
        lesson._replace(replica=f"part {part}", sequence=sequence) for sequence, (part, lesson) in enumerate(lessons)
    ]
    whole = learn(make_engine, chosen_parameters, numbered)
    parts = [
        learn(make_engine, chosen_parameters, [lesson for lesson in numbered if lesson.replica == f"part {part}"])
        for part in range(4)
    ]
    merged = merge(parts)
    assert_same_sums(decode(merged), decode(whole))
    assert_same_sums(decode(_merged_in_pairs(parts, chance)), decode(whole))
    chance.shuffle(parts)
    assert merge(parts) == merged


def test_a_single_part_is_the_whole(make_engine: EngineFactory) -> None:
    state = learn(make_engine, OWN, [outcome(1, quality=0.5), outcome(2, arm="giant", failed=True)])
    assert sums_of(merge([state])) == sums_of(state)
    assert merge([merge([state])]) == merge([state])


def test_an_empty_state_adds_nothing(make_engine: EngineFactory) -> None:
    chosen_parameters = dataclasses.replace(OWN, half_life_nanos=HOUR)
    empty, state = (
        learn(make_engine, chosen_parameters, []),
        learn(
            make_engine,
            chosen_parameters,
            [outcome(1, quality=0.5, predicted_mean=0.2, predicted_linear=0.4, tenant="t")],
        ),
    )
    assert merge([empty, state]) == merge([state, empty]) == merge([state])


def test_a_part_from_long_ago_counts_for_nothing_but_its_marks(make_engine: EngineFactory) -> None:
    chosen_parameters = dataclasses.replace(OWN, half_life_nanos=64)
    old = learn(make_engine, chosen_parameters, [outcome(1, replica="old", quality=1.0, decided_nanos=0)])
    new = learn(make_engine, chosen_parameters, [outcome(1, replica="new", quality=0.5)])
    merged, alone = sums_of(merge([old, new])), sums_of(new)
    assert merged == dataclasses.replace(alone, learned=2, high_water={"old": 1, "new": 1})


@pytest.mark.parametrize(
    ("gates", "expected"),
    [
        ([(3.0, True), (2.0, False)], True),
        ([(3.0, False), (2.0, True)], False),
        ([(2.0, False), (2.0, True)], True),
        ([(2.0, False), (2.0, False), (1.0, True)], False),
        ([(0.0, False), (0.0, False)], False),
    ],
    ids=str,
)
def test_the_gate_stands_as_in_the_part_that_compared_most(
    make_engine: EngineFactory, gates: list[tuple[float, bool]], expected: bool
) -> None:
    parts = [state_of(make_engine, gate=(0.0, 0.0, weight), context_on=is_open) for weight, is_open in gates]
    assert decode(merge(parts)).context_on is expected
    assert decode(merge(parts[::-1])).context_on is expected


def test_the_gate_that_compared_most_is_found_at_one_epoch(make_engine: EngineFactory) -> None:
    shared = {"half_life_nanos": HOUR, "epoch_nanos": 64 * HOUR}
    fresh = state_of(make_engine, **shared, gate=(0.0, 0.0, 2.0), context_on=True)
    stale = state_of(make_engine, **{**shared, "epoch_nanos": 32 * HOUR}, gate=(0.0, 0.0, 2.0**32), context_on=False)
    assert decode(merge([stale, fresh])).context_on
    assert decode(merge([stale, fresh])).gate == (0.0, 0.0, 3.0)


def test_a_tenant_was_last_taught_when_any_part_says(make_engine: EngineFactory) -> None:
    def part(touched: int, sums: tuple[float, float, float]) -> bytes:
        return state_of(make_engine, learned=9, arms=BLANK, tenants={"acme": TenantRecord(touched, {"tiny": sums})})

    merged = decode(merge([part(4, (1.0, 0.5, -0.25)), part(7, (2.0, -1.0, 0.5)), part(2, (1.0, 0.0, 0.0))]))
    assert merged.tenants == {"acme": TenantRecord(7, {"tiny": (4.0, -0.5, 0.25)})}
    assert merged.learned == 27


def test_nothing_at_all_does_not_merge() -> None:
    with pytest.raises(EngineError):
        merge([])


def test_states_with_a_mark_of_the_same_replica_do_not_merge(make_engine: EngineFactory) -> None:
    first = learn(make_engine, OWN, [outcome(1, quality=0.5)])
    second = learn(make_engine, OWN, [outcome(2, replica="r2"), outcome(9, replica="r1")])
    for parts in ([first, second], [first, first]):
        with pytest.raises(CheckpointMismatchError):
            merge(parts)


@pytest.mark.parametrize(
    "change",
    [
        {"pool": "another"},
        {"schema_id": "own.v4"},
        {"dimension": 4},
        {"half_life_nanos": HOUR},
    ],
    ids=str,
)
def test_states_of_different_families_do_not_merge(make_engine: EngineFactory, change: dict[str, object]) -> None:
    ours = learn(make_engine, OWN, [outcome(1, quality=0.5)])
    theirs = make_engine(dataclasses.replace(OWN, **change)).checkpoint()  # type: ignore[arg-type]
    for parts in ([ours, theirs], [theirs, ours]):
        with pytest.raises(CheckpointMismatchError):
            merge(parts)


def test_a_state_of_another_contract_neither_merges_nor_scales(make_engine: EngineFactory) -> None:
    old = state_of(make_engine, contract=1)
    with pytest.raises(CheckpointMismatchError):
        merge([old])
    with pytest.raises(CheckpointMismatchError):
        scale(old, 0.5)


def test_a_damaged_state_neither_merges_nor_scales(make_engine: EngineFactory) -> None:
    whole = learn(make_engine, OWN, [outcome(1, quality=0.5)])
    for damaged in (b"", whole[:-1], whole[:50] + bytes([whole[50] ^ 1]) + whole[51:]):
        with pytest.raises(CorruptCheckpointError):
            merge([make_engine(OWN).checkpoint(), damaged])
        with pytest.raises(CorruptCheckpointError):
            scale(damaged, 1.0)


def test_sums_beyond_the_range_of_a_checkpoint_are_refused(make_engine: EngineFactory) -> None:
    large = state_of(make_engine, gate=(-9e99, 0.0, 0.0))
    tenant = state_of(make_engine, learned=1, arms=BLANK, tenants={"acme": TenantRecord(1, {"tiny": (0.0, 9e99, 0.0)})})
    many = state_of(make_engine, learned=2**63 - 1)
    for state in (large, tenant):
        with pytest.raises(EngineError):
            merge([state, state])
        with pytest.raises(EngineError):
            scale(state, 2.0)
    with pytest.raises(EngineError):
        merge([many, state_of(make_engine, learned=1)])
    assert decode(merge([many, large])).learned == 2**63 - 1


def test_what_the_arms_have_in_common_is_read_from_the_whole(make_engine: EngineFactory) -> None:
    # The engine reads after every 32nd grade, so after the last of these 96.
    parts = [graded_lessons(40, "a", 1), graded_lessons(33, "b", 2), graded_lessons(23, "c", 3)]
    whole = decode(learn(make_engine, OWN, [lesson for part in parts for lesson in part]))
    merged = decode(merge([learn(make_engine, OWN, part) for part in parts]))
    assert (whole.common_age, merged.common_age) == (0, 0)
    assert any(whole.common)
    assert merged.common == pytest.approx(whole.common, rel=1e-9)
