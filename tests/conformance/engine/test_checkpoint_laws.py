"""Laws of the checkpoint: an exact round trip, one form for all engines, and no damaged byte accepted."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.engine.checkpoint import MAGIC, decode
from atp_grpc.engine.contract import CorruptCheckpointError, EngineError
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.engine.self_test import pack, spell_choice
from tests.conformance.engine.forging import AGEING, taught
from tests.conformance.engine.strategies import outcomes, parameters, queries
from tests.conformance.engine.world import ARMS, NOW, OFFERS, OWN, outcome, query

if TYPE_CHECKING:
    from atp_grpc.engine.contract import EngineParameters, Outcome, Query
    from tests.conformance.engine.conftest import EngineFactory


@given(parameters(), st.lists(outcomes(1), max_size=8), queries())
@settings(max_examples=40)
def test_a_restored_engine_is_the_same_engine(
    make_engine: EngineFactory, chosen_parameters: EngineParameters, lessons: list[Outcome], question: Query
) -> None:
    old, new = make_engine(chosen_parameters), make_engine(chosen_parameters)
    for engine in (old, new):
        engine.load(ARMS, OFFERS, 1)
    for sequence, lesson in enumerate(lessons):
        old.learn(lesson._replace(sequence=sequence))
    state = old.checkpoint()
    new.restore(state)
    assert new.checkpoint() == state
    assert spell_choice(new.choose(question)) == spell_choice(old.choose(question))
    assert new.summary(NOW) == old.summary(NOW)
    more = outcome(1000, arm="tiny", quality=0.25, predicted_mean=0.0, predicted_linear=0.5)
    assert new.learn(more)
    assert old.learn(more)
    assert new.checkpoint() == old.checkpoint()


@pytest.mark.native
@given(parameters(), st.lists(outcomes(1), max_size=8))
@settings(max_examples=40)
def test_each_engine_carries_on_from_the_other(
    make_native: EngineFactory, chosen_parameters: EngineParameters, lessons: list[Outcome]
) -> None:
    for writer, reader in ((ReferenceEngine, make_native), (make_native, ReferenceEngine)):
        first, second = writer(chosen_parameters), reader(chosen_parameters)
        for sequence, lesson in enumerate(lessons):
            first.learn(lesson._replace(sequence=sequence))
        state = first.checkpoint()
        second.restore(state)
        assert second.checkpoint() == state


def test_an_empty_state_round_trips(make_engine: EngineFactory) -> None:
    engine = make_engine(OWN)
    state = engine.checkpoint()
    assert decode(state).learned == 0
    assert decode(state).arms == {}
    full = taught(make_engine, OWN)
    full.restore(state)
    assert full.checkpoint() == state


def test_restoring_keeps_arms_prices_and_generation(make_engine: EngineFactory) -> None:
    state = taught(make_engine).checkpoint()
    engine = make_engine(AGEING)
    engine.load(ARMS[:2], OFFERS[:2], 7)
    engine.restore(state)
    assert engine.generation == 7
    assert [arm.name for arm in engine.summary(NOW).arms] == ["tiny", "small"]
    assert engine.choose(query(generation=7, candidates=(0, 1), features=pack([0, 0, 0]))).chosen is not None


def test_a_checkpoint_truncated_anywhere_is_refused(make_engine: EngineFactory) -> None:
    engine = taught(make_engine)
    state = engine.checkpoint()
    for length in range(len(state)):
        with pytest.raises(CorruptCheckpointError):
            engine.restore(state[:length])
    assert engine.checkpoint() == state


def test_a_checkpoint_with_any_bit_altered_is_refused(make_engine: EngineFactory) -> None:
    engine = taught(make_engine)
    state = engine.checkpoint()
    for position in range(len(state)):
        for bit in range(8):
            altered = bytearray(state)
            altered[position] ^= 1 << bit
            with pytest.raises(CorruptCheckpointError):
                engine.restore(bytes(altered))
    assert engine.checkpoint() == state


@pytest.mark.parametrize("tail", [b"\0", b"ATPENG1\n", b"\0" * 40])
def test_a_checkpoint_with_more_behind_it_is_refused(make_engine: EngineFactory, tail: bytes) -> None:
    engine = taught(make_engine)
    with pytest.raises(CorruptCheckpointError):
        engine.restore(engine.checkpoint() + tail)


@given(st.binary(max_size=200))
@settings(max_examples=60)
def test_arbitrary_bytes_are_refused_by_name(make_engine: EngineFactory, data: bytes) -> None:
    engine = make_engine(OWN)
    for candidate in (data, MAGIC + data, MAGIC + data + hashlib.sha256(MAGIC + data).digest()):
        with pytest.raises(EngineError):
            engine.restore(candidate)
