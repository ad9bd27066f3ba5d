"""States to add, to scale and to compare: what engines learned, written down.

Entered by the laws of merging and of scaling. It teaches engines and takes their states apart; nothing here is a law.
"""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING

import pytest

from atp_grpc.engine.checkpoint import Checkpoint, decode, encode
from atp_grpc.engine.self_test import pack
from tests.conformance.engine.world import ARMS, HOUR, OWN, outcome

if TYPE_CHECKING:
    from atp_grpc.engine.contract import EngineParameters, Outcome
    from tests.conformance.engine.conftest import EngineFactory


HALF_LIVES = [None, HOUR, 7 * HOUR + 1]


def learn(make_engine: EngineFactory, chosen_parameters: EngineParameters, lessons: list[Outcome]) -> bytes:
    engine = make_engine(chosen_parameters)
    assert all(engine.learn(lesson) for lesson in lessons)
    return engine.checkpoint()


def assert_same_sums(one: Checkpoint, other: Checkpoint) -> None:
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


def sums_of(state: bytes) -> Checkpoint:
    """A state without what the arms have in common, which is read anew by whoever adds or scales."""
    return dataclasses.replace(decode(state), common_age=0, common=(0.0,) * 4)


def state_of(make_engine: EngineFactory, **changes: object) -> bytes:
    return encode(dataclasses.replace(decode(make_engine(OWN).checkpoint()), **changes))  # type: ignore[arg-type]


def graded_lessons(count: int, replica: str, seed: int) -> list[Outcome]:
    chance = random.Random(seed)
    return [
        outcome(
            sequence,
            replica=replica,
            arm=chance.choice(ARMS).name,
            features=pack([chance.uniform(-1, 1) for _ in range(3)]),
            quality=chance.random(),
        )
        for sequence in range(count)
    ]
