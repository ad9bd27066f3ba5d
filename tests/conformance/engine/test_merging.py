"""Laws of merging and scaling: states add up to the state of who learned everything, and nothing else is taken."""

from __future__ import annotations

import dataclasses
import math
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.engine.checkpoint import Checkpoint, TenantRecord, decode, encode
from atp_grpc.engine.contract import CheckpointMismatchError, CorruptCheckpointError, EngineError
from atp_grpc.engine.merging import merge, scale
from atp_grpc.engine.self_test import pack
from tests.conformance.engine.strategies import outcomes
from tests.conformance.engine.world import ARMS, BLANK, HOUR, NOW, OFFERS, OWN, outcome

if TYPE_CHECKING:
    from atp_grpc.engine.contract import EngineParameters, Outcome
    from tests.conformance.engine.conftest import EngineFactory

HALF_LIVES = [None, HOUR, 7 * HOUR + 1]


def _learn(make_engine: EngineFactory, chosen_parameters: EngineParameters, lessons: list[Outcome]) -> bytes:
    engine = make_engine(chosen_parameters)
    assert all(engine.learn(lesson) for lesson in lessons)
    return engine.checkpoint()


def _assert_same_sums(one: Checkpoint, other: Checkpoint) -> None:
    """Within 1e-9 of what has been counted: where terms cancel, rounding is of their size."""
    assert (one.epoch_nanos, one.learned, one.high_water) == (other.epoch_nanos, other.learned, other.high_water)
    assert one.gate == pytest.approx(other.gate, rel=1e-9, abs=1e-9 * max(1.0, one.gate[1], one.gate[2]))
    assert one.arms.keys() == other.arms.keys()
    for name, record in one.arms.items():
        for ours, theirs in zip(dataclasses.astuple(record), dataclasses.astuple(other.arms[name]), strict=True):
            assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-9 * max(1.0, 9 * record.moments[0]))
    assert one.tenants.keys() == other.tenants.keys()
    for name, tenant in one.tenants.items():
        twin = other.tenants[name]
        assert tenant.arms.keys() == twin.arms.keys()
        for arm, sums in tenant.arms.items():
            assert sums == pytest.approx(twin.arms[arm], rel=1e-9, abs=1e-9 * max(1.0, sums[0]))


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
    whole = _learn(make_engine, chosen_parameters, numbered)
    parts = [
        _learn(make_engine, chosen_parameters, [lesson for lesson in numbered if lesson.replica == f"part {part}"])
        for part in range(4)
    ]
    merged = merge(parts)
    _assert_same_sums(decode(merged), decode(whole))
    _assert_same_sums(decode(_merged_in_pairs(parts, chance)), decode(whole))
    chance.shuffle(parts)
    assert merge(parts) == merged


def test_a_single_part_is_the_whole(make_engine: EngineFactory) -> None:
    state = _learn(make_engine, OWN, [outcome(1, quality=0.5), outcome(2, arm="giant", failed=True)])
    assert merge([state]) == state


def test_an_empty_state_adds_nothing(make_engine: EngineFactory) -> None:
    chosen_parameters = dataclasses.replace(OWN, half_life_nanos=HOUR)
    empty, state = (
        _learn(make_engine, chosen_parameters, []),
        _learn(
            make_engine,
            chosen_parameters,
            [outcome(1, quality=0.5, predicted_mean=0.2, predicted_linear=0.4, tenant="t")],
        ),
    )
    assert merge([empty, state]) == merge([state, empty]) == state


def test_a_part_from_long_ago_counts_for_nothing_but_its_marks(make_engine: EngineFactory) -> None:
    chosen_parameters = dataclasses.replace(OWN, half_life_nanos=64)
    old = _learn(make_engine, chosen_parameters, [outcome(1, replica="old", quality=1.0, decided_nanos=0)])
    new = _learn(make_engine, chosen_parameters, [outcome(1, replica="new", quality=0.5)])
    merged, alone = decode(merge([old, new])), decode(new)
    assert merged == dataclasses.replace(alone, learned=2, high_water={"old": 1, "new": 1})


def _state(make_engine: EngineFactory, **changes: object) -> bytes:
    return encode(dataclasses.replace(decode(make_engine(OWN).checkpoint()), **changes))  # type: ignore[arg-type]


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
    parts = [_state(make_engine, gate=(0.0, 0.0, weight), context_on=is_open) for weight, is_open in gates]
    assert decode(merge(parts)).context_on is expected
    assert decode(merge(parts[::-1])).context_on is expected


def test_the_gate_that_compared_most_is_found_at_one_epoch(make_engine: EngineFactory) -> None:
    shared = {"half_life_nanos": HOUR, "epoch_nanos": 64 * HOUR}
    fresh = _state(make_engine, **shared, gate=(0.0, 0.0, 2.0), context_on=True)
    stale = _state(make_engine, **{**shared, "epoch_nanos": 32 * HOUR}, gate=(0.0, 0.0, 2.0**32), context_on=False)
    assert decode(merge([stale, fresh])).context_on
    assert decode(merge([stale, fresh])).gate == (0.0, 0.0, 3.0)


def test_a_tenant_was_last_taught_when_any_part_says(make_engine: EngineFactory) -> None:
    def part(touched: int, sums: tuple[float, float, float]) -> bytes:
        return _state(make_engine, learned=9, arms=BLANK, tenants={"acme": TenantRecord(touched, {"tiny": sums})})

    merged = decode(merge([part(4, (1.0, 0.5, -0.25)), part(7, (2.0, -1.0, 0.5)), part(2, (1.0, 0.0, 0.0))]))
    assert merged.tenants == {"acme": TenantRecord(7, {"tiny": (4.0, -0.5, 0.25)})}
    assert merged.learned == 27


def test_nothing_at_all_does_not_merge() -> None:
    with pytest.raises(EngineError):
        merge([])


def test_states_with_a_mark_of_the_same_replica_do_not_merge(make_engine: EngineFactory) -> None:
    first = _learn(make_engine, OWN, [outcome(1, quality=0.5)])
    second = _learn(make_engine, OWN, [outcome(2, replica="r2"), outcome(9, replica="r1")])
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
    ours = _learn(make_engine, OWN, [outcome(1, quality=0.5)])
    theirs = make_engine(dataclasses.replace(OWN, **change)).checkpoint()  # type: ignore[arg-type]
    for parts in ([ours, theirs], [theirs, ours]):
        with pytest.raises(CheckpointMismatchError):
            merge(parts)


def test_a_state_of_another_contract_neither_merges_nor_scales(make_engine: EngineFactory) -> None:
    old = _state(make_engine, contract=1)
    with pytest.raises(CheckpointMismatchError):
        merge([old])
    with pytest.raises(CheckpointMismatchError):
        scale(old, 0.5)


def test_a_damaged_state_neither_merges_nor_scales(make_engine: EngineFactory) -> None:
    whole = _learn(make_engine, OWN, [outcome(1, quality=0.5)])
    for damaged in (b"", whole[:-1], whole[:50] + bytes([whole[50] ^ 1]) + whole[51:]):
        with pytest.raises(CorruptCheckpointError):
            merge([make_engine(OWN).checkpoint(), damaged])
        with pytest.raises(CorruptCheckpointError):
            scale(damaged, 1.0)


def test_sums_beyond_the_range_of_a_checkpoint_are_refused(make_engine: EngineFactory) -> None:
    large = _state(make_engine, gate=(-9e99, 0.0, 0.0))
    tenant = _state(make_engine, learned=1, arms=BLANK, tenants={"acme": TenantRecord(1, {"tiny": (0.0, 9e99, 0.0)})})
    many = _state(make_engine, learned=2**63 - 1)
    for state in (large, tenant):
        with pytest.raises(EngineError):
            merge([state, state])
        with pytest.raises(EngineError):
            scale(state, 2.0)
    with pytest.raises(EngineError):
        merge([many, _state(make_engine, learned=1)])
    assert decode(merge([many, large])).learned == 2**63 - 1


@pytest.mark.parametrize("factor", [0.0, -1.0, math.nan, math.inf, -math.inf, 1.0000001e6])
def test_a_factor_out_of_range_is_refused(make_engine: EngineFactory, factor: float) -> None:
    with pytest.raises(EngineError):
        scale(make_engine(OWN).checkpoint(), factor)


@pytest.mark.parametrize("half_life", HALF_LIVES)
@given(lessons=st.lists(outcomes(0), min_size=1, max_size=8), copies=st.integers(1, 5))
@settings(max_examples=30)
def test_scaling_is_learning_as_many_copies(
    make_engine: EngineFactory, half_life: int | None, lessons: list[Outcome], copies: int
) -> None:
    chosen_parameters = dataclasses.replace(OWN, half_life_nanos=half_life)
    once = [lesson._replace(replica="r1", sequence=sequence) for sequence, lesson in enumerate(lessons)]
    often = [lesson._replace(replica=f"r1 {copy}") for copy in range(copies) for lesson in once]
    scaled = decode(scale(_learn(make_engine, chosen_parameters, once), float(copies)))
    copied = decode(_learn(make_engine, chosen_parameters, often))
    assert (scaled.learned, scaled.high_water) == (len(once), {"r1": len(once) - 1})
    _assert_same_sums(dataclasses.replace(scaled, learned=copied.learned, high_water=copied.high_water), copied)


@pytest.mark.parametrize("half_lives", [1, 2, 7])
def test_scaling_by_a_weight_is_learning_at_the_age_of_that_weight(make_engine: EngineFactory, half_lives: int) -> None:
    chosen_parameters = dataclasses.replace(OWN, half_life_nanos=HOUR)
    chance = random.Random(half_lives)
    start = NOW // (32 * HOUR) * (32 * HOUR) + 10 * HOUR
    fresh = [
        outcome(
            sequence,
            arm=chance.choice(ARMS).name,
            features=pack([chance.uniform(-1, 1) for _ in range(3)]),
            decided_nanos=start + chance.randrange(HOUR),
            now_nanos=start + HOUR,
            quality=chance.random(),
            output_tokens=chance.uniform(0, 900),
            latency_seconds=chance.random(),
            failed=chance.random() < 0.3,
            predicted_mean=chance.random(),
            predicted_linear=chance.random(),
            tenant=chance.choice(["acme", "büro", None]),
        )
        for sequence in range(30)
    ]
    aged = [lesson._replace(decided_nanos=lesson.decided_nanos - half_lives * HOUR) for lesson in fresh]
    scaled = scale(_learn(make_engine, chosen_parameters, fresh), 0.5**half_lives)
    _assert_same_sums(decode(scaled), decode(_learn(make_engine, chosen_parameters, aged)))


def test_a_factor_of_one_changes_nothing(make_engine: EngineFactory) -> None:
    state = _learn(make_engine, OWN, [outcome(1, quality=0.3, predicted_mean=0.1, predicted_linear=0.2, tenant="t")])
    assert scale(state, 1.0) == state


def test_a_scaled_prior_and_what_was_learned_since_merge(make_engine: EngineFactory) -> None:
    prior = _learn(make_engine, OWN, [outcome(number, replica="prior", quality=1.0) for number in range(100)])
    live = _learn(make_engine, OWN, [outcome(number, quality=0.0) for number in range(10)])
    engine = make_engine(OWN)
    engine.load(ARMS, OFFERS, 1)
    engine.restore(merge([scale(prior, 0.1), live]))
    (tiny, *_) = engine.summary(NOW).arms
    assert tiny.observations == pytest.approx(20.0)
    assert tiny.quality == pytest.approx((10.0 + 1.0) / 21.0)
