"""Laws of the checkpoint: an exact round trip, one form for all engines, and no damaged byte accepted."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.engine.checkpoint import MAGIC, decode
from atp_grpc.engine.contract import CheckpointMismatchError, CorruptCheckpointError, EngineError
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.engine.self_test import pack, spell_choice
from tests.conformance.engine.strategies import outcomes, parameters, queries
from tests.conformance.engine.world import ARMS, HOUR, NOW, OFFERS, OWN, outcome, query

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Engine, EngineParameters, Outcome, Query
    from tests.conformance.engine.conftest import EngineFactory

AGEING = dataclasses.replace(OWN, half_life_nanos=HOUR)


def _taught(make_engine: EngineFactory, chosen_parameters: EngineParameters = AGEING) -> Engine:
    engine = make_engine(chosen_parameters)
    engine.load(ARMS, OFFERS, 1)
    for sequence, name in enumerate(("giant", "groß", "tiny", "giant")):
        engine.learn(
            outcome(
                sequence,
                arm=name,
                features=pack([0.1 * sequence, -1.0, 0.5]),
                quality=0.3 * sequence,
                output_tokens=80.0,
                latency_seconds=1.5,
                failed=sequence == 2,
                predicted_mean=0.4,
                predicted_linear=0.6,
            )
        )
    return engine


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
    full = _taught(make_engine, OWN)
    full.restore(state)
    assert full.checkpoint() == state


def test_restoring_keeps_arms_prices_and_generation(make_engine: EngineFactory) -> None:
    state = _taught(make_engine).checkpoint()
    engine = make_engine(AGEING)
    engine.load(ARMS[:2], OFFERS[:2], 7)
    engine.restore(state)
    assert engine.generation == 7
    assert [arm.name for arm in engine.summary(NOW).arms] == ["tiny", "small"]
    assert engine.choose(query(generation=7, candidates=(0, 1), features=pack([0, 0, 0]))).chosen is not None


def test_a_checkpoint_truncated_anywhere_is_refused(make_engine: EngineFactory) -> None:
    engine = _taught(make_engine)
    state = engine.checkpoint()
    for length in range(len(state)):
        with pytest.raises(CorruptCheckpointError):
            engine.restore(state[:length])
    assert engine.checkpoint() == state


def test_a_checkpoint_with_any_byte_altered_is_refused(make_engine: EngineFactory) -> None:
    engine = _taught(make_engine)
    state = engine.checkpoint()
    for position in range(len(state)):
        altered = bytearray(state)
        altered[position] ^= 1 << (position % 8)
        with pytest.raises(CorruptCheckpointError):
            engine.restore(bytes(altered))
    assert engine.checkpoint() == state


@pytest.mark.parametrize("tail", [b"\0", b"ATPENG1\n", b"\0" * 40])
def test_a_checkpoint_with_more_behind_it_is_refused(make_engine: EngineFactory, tail: bytes) -> None:
    engine = _taught(make_engine)
    with pytest.raises(CorruptCheckpointError):
        engine.restore(engine.checkpoint() + tail)


def _split(state: bytes) -> tuple[dict[str, Any], list[float]]:
    (length,) = struct.unpack_from("<I", state, len(MAGIC))
    start = len(MAGIC) + 4 + length
    payload = state[start:-32]
    return json.loads(state[len(MAGIC) + 4 : start]), list(struct.unpack(f"<{len(payload) // 8}d", payload))


def _join(header: dict[str, Any] | bytes, payload: list[float]) -> bytes:
    """A checkpoint with a sound digest around whatever it is given."""
    if isinstance(header, dict):
        header = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    body = MAGIC + struct.pack("<I", len(header)) + header + struct.pack(f"<{len(payload)}d", *payload)
    return body + hashlib.sha256(body).digest()


def test_the_forger_of_these_tests_forges_well(make_engine: EngineFactory) -> None:
    state = _taught(make_engine).checkpoint()
    assert _join(*_split(state)) == state


@pytest.mark.parametrize(
    "change",
    [
        {"pool": "another"},
        {"schema": "own.v4"},
        {"half_life_nanos": None},
        {"half_life_nanos": HOUR + 1},
        {"contract": 2},
        {"contract": 2, "novelty": True},
    ],
    ids=str,
)
def test_a_foreign_checkpoint_is_a_mismatch(make_engine: EngineFactory, change: dict[str, Any]) -> None:
    engine = _taught(make_engine)
    state = engine.checkpoint()
    header, payload = _split(state)
    with pytest.raises(CheckpointMismatchError):
        engine.restore(_join({**header, **change}, payload))
    assert engine.checkpoint() == state


def test_another_dimension_is_a_mismatch(make_engine: EngineFactory) -> None:
    wide = make_engine(dataclasses.replace(AGEING, dimension=4))
    with pytest.raises(CheckpointMismatchError):
        wide.restore(_taught(make_engine).checkpoint())


@pytest.mark.parametrize(
    "change",
    [
        {"arms": ["giant", "giant", "tiny"]},
        {"arms": ["tiny", "groß", "giant"]},
        {"arms": ["", "groß", "tiny"]},
        {"arms": ["giant", "groß"]},
        {"arms": ["giant", "groß", "tiny", "zebra"]},
        {"arms": "giant"},
        {"arms": [1, 2, 3]},
        {"context_on": 1},
        {"context_on": None},
        {"contract": "1"},
        {"contract": True},
        {"contract": 1.0},
        {"dimension": 4},
        {"dimension": 0},
        {"dimension": 3.0},
        {"dimension": 2**40},
        {"epoch_nanos": -1},
        {"epoch_nanos": 2**63},
        {"epoch_nanos": None},
        {"half_life_nanos": 0},
        {"half_life_nanos": "3600"},
        {"high_water": {"r1": -1}},
        {"high_water": {"r1": 1.5}},
        {"high_water": {"": 1}},
        {"high_water": []},
        {"learned": -1},
        {"learned": True},
        {"pool": ""},
        {"pool": 7},
        {"schema": None},
        {"novelty": 1},
    ],
    ids=str,
)
def test_a_header_that_no_engine_writes_is_corrupt(make_engine: EngineFactory, change: dict[str, Any]) -> None:
    engine = _taught(make_engine)
    state = engine.checkpoint()
    header, payload = _split(state)
    with pytest.raises(CorruptCheckpointError):
        engine.restore(_join({**header, **change}, payload))
    assert engine.checkpoint() == state


@pytest.mark.parametrize(
    "missing",
    ["arms", "context_on", "contract", "dimension", "epoch_nanos", "half_life_nanos", "high_water", "pool"],
)
def test_a_header_without_one_of_its_keys_is_corrupt(make_engine: EngineFactory, missing: str) -> None:
    engine = _taught(make_engine)
    header, payload = _split(engine.checkpoint())
    del header[missing]
    with pytest.raises(CorruptCheckpointError):
        engine.restore(_join(header, payload))


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000, b"1" * 5000])
def test_a_header_that_is_no_object_is_corrupt(make_engine: EngineFactory, text: bytes) -> None:
    engine = _taught(make_engine)
    with pytest.raises(CorruptCheckpointError):
        engine.restore(_join(text, _split(engine.checkpoint())[1]))


def test_a_header_in_another_spelling_is_corrupt(make_engine: EngineFactory) -> None:
    engine = _taught(make_engine)
    header, payload = _split(engine.checkpoint())
    spaced = json.dumps(header, sort_keys=True, ensure_ascii=False).encode()
    escaped = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    unsorted = json.dumps(dict(reversed(header.items())), separators=(",", ":"), ensure_ascii=False).encode()
    doubled = (
        b'{"arms":[],' + json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False)[1:].encode()
    )
    surrogate = json.dumps({**header, "pool": "\ud800"}, sort_keys=True, separators=(",", ":")).encode()
    for spelling in (spaced, escaped, unsorted, doubled, surrogate):
        with pytest.raises(CorruptCheckpointError):
            engine.restore(_join(spelling, payload))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e200, -1e200])
def test_a_number_that_no_engine_reaches_is_corrupt(make_engine: EngineFactory, value: float) -> None:
    engine = _taught(make_engine)
    state = engine.checkpoint()
    header, payload = _split(state)
    for position in range(len(payload)):
        forged = [*payload[:position], value, *payload[position + 1 :]]
        with pytest.raises(CorruptCheckpointError):
            engine.restore(_join(header, forged))
    assert engine.checkpoint() == state


def test_a_negative_count_is_corrupt(make_engine: EngineFactory) -> None:
    engine = _taught(make_engine)
    header, payload = _split(engine.checkpoint())
    triangle, size = 10, 4
    # After the gate's three sums: the diagonal of the first arm's moments, and its seven figures.
    diagonal = [3 + row * (row + 3) // 2 for row in range(size)]
    figures = range(3 + triangle + size, 3 + triangle + size + 7)
    for position in (1, 2, *diagonal, *figures):
        forged = [*payload[:position], -0.5, *payload[position + 1 :]]
        with pytest.raises(CorruptCheckpointError):
            engine.restore(_join(header, forged))


def test_a_payload_of_another_length_is_corrupt(make_engine: EngineFactory) -> None:
    engine = _taught(make_engine)
    header, payload = _split(engine.checkpoint())
    for forged in ([], payload[:-1], payload[: len(payload) // 2], [*payload, 0.0], [*payload, *[0.0] * 7]):
        with pytest.raises(CorruptCheckpointError):
            engine.restore(_join(header, forged))


@given(st.binary(max_size=200))
@settings(max_examples=60)
def test_arbitrary_bytes_are_refused_by_name(make_engine: EngineFactory, data: bytes) -> None:
    engine = make_engine(OWN)
    for candidate in (data, MAGIC + data, MAGIC + data + hashlib.sha256(MAGIC + data).digest()):
        with pytest.raises(EngineError):
            engine.restore(candidate)
