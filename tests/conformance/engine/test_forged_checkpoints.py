"""Laws of refusal for checkpoints: what no engine writes, and what another engine wrote, changes nothing."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from atp_grpc.engine.contract import CheckpointMismatchError, CorruptCheckpointError
from atp_grpc.engine.header import _KEYS
from tests.conformance.engine.forging import AGEING, join, split, taught
from tests.conformance.engine.world import HOUR

if TYPE_CHECKING:
    from tests.conformance.engine.conftest import EngineFactory


def test_the_forger_of_these_tests_forges_well(make_engine: EngineFactory) -> None:
    state = taught(make_engine).checkpoint()
    assert join(*split(state)) == state


@pytest.mark.parametrize(
    "change",
    [
        {"pool": "another"},
        {"schema": "own.v4"},
        {"half_life_nanos": None, "epoch_nanos": 0},
        {"half_life_nanos": 2 * HOUR, "epoch_nanos": 64 * HOUR},
        {"contract": 1},
        {"contract": 2},
        {"contract": 4, "novelty": True},
    ],
    ids=str,
)
def test_a_foreign_checkpoint_is_a_mismatch(make_engine: EngineFactory, change: dict[str, Any]) -> None:
    engine = taught(make_engine)
    state = engine.checkpoint()
    header, payload = split(state)
    with pytest.raises(CheckpointMismatchError):
        engine.restore(join({**header, **change}, payload))
    assert engine.checkpoint() == state


def test_another_dimension_is_a_mismatch(make_engine: EngineFactory) -> None:
    wide = make_engine(dataclasses.replace(AGEING, dimension=4))
    with pytest.raises(CheckpointMismatchError):
        wide.restore(taught(make_engine).checkpoint())


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
        {"common_age": -1},
        {"common_age": 32},
        {"common_age": True},
        {"common_age": 4.0},
        {"common_age": None},
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
        {"epoch_nanos": True},
        {"epoch_nanos": 31 * HOUR},
        {"half_life_nanos": None},
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
        {"tenants": {}},
        {"tenants": None},
        {"tenants": ["acme", "büro"]},
        {"tenants": [["acme", 4, ["giant"], 0], ["büro", 2, ["groß"]]]},
        {"tenants": [["acme", 4], ["büro", 2, ["giant", "groß"]]]},
        {"tenants": [["acme", 4, []], ["büro", 2, ["giant", "groß"]]]},
        {"tenants": [["acme", 4, "giant"], ["büro", 2, ["groß"]]]},
        {"tenants": [["acme", 4, ["giant", "giant"]]]},
        {"tenants": [["acme", 4, ["groß", "giant"]]]},
        {"tenants": [["acme", 4, ["giant", ""]]]},
        {"tenants": [["acme", 4, ["giant", "zebra"]]]},
        {"tenants": [["acme", 4, ["giant"]]]},
        {"tenants": [["acme", 4, ["giant", "groß", "tiny"]]]},
        {"tenants": [["acme", 5, ["giant"]], ["büro", 2, ["groß"]]]},
        {"tenants": [["acme", 0, ["giant"]], ["büro", 2, ["groß"]]]},
        {"tenants": [["acme", 4.0, ["giant"]], ["büro", 2, ["groß"]]]},
        {"tenants": [["", 4, ["giant"]], ["büro", 2, ["groß"]]]},
        {"tenants": [[7, 4, ["giant"]], ["büro", 2, ["groß"]]]},
        {"tenants": [["acme", 4, ["giant"]], ["acme", 2, ["groß"]]]},
        {"tenants": [["büro", 2, ["groß"]], ["acme", 4, ["giant"]]]},
        {"novelty": 1},
    ],
    ids=str,
)
def test_a_header_that_no_engine_writes_is_corrupt(make_engine: EngineFactory, change: dict[str, Any]) -> None:
    engine = taught(make_engine)
    state = engine.checkpoint()
    header, payload = split(state)
    with pytest.raises(CorruptCheckpointError):
        engine.restore(join({**header, **change}, payload))
    assert engine.checkpoint() == state


@pytest.mark.parametrize("missing", sorted(_KEYS))
def test_a_header_without_one_of_its_keys_is_corrupt(make_engine: EngineFactory, missing: str) -> None:
    engine = taught(make_engine)
    header, payload = split(engine.checkpoint())
    del header[missing]
    with pytest.raises(CorruptCheckpointError):
        engine.restore(join(header, payload))


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000, b"1" * 5000])
def test_a_header_that_is_no_object_is_corrupt(make_engine: EngineFactory, text: bytes) -> None:
    engine = taught(make_engine)
    with pytest.raises(CorruptCheckpointError):
        engine.restore(join(text, split(engine.checkpoint())[1]))


def test_a_header_in_another_spelling_is_corrupt(make_engine: EngineFactory) -> None:
    engine = taught(make_engine)
    header, payload = split(engine.checkpoint())
    spaced = json.dumps(header, sort_keys=True, ensure_ascii=False).encode()
    escaped = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    unsorted = json.dumps(dict(reversed(header.items())), separators=(",", ":"), ensure_ascii=False).encode()
    doubled = (
        b'{"arms":[],' + json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False)[1:].encode()
    )
    surrogate = json.dumps({**header, "pool": "\ud800"}, sort_keys=True, separators=(",", ":")).encode()
    for spelling in (spaced, escaped, unsorted, doubled, surrogate):
        with pytest.raises(CorruptCheckpointError):
            engine.restore(join(spelling, payload))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e200, -1e200])
def test_a_number_that_no_engine_reaches_is_corrupt(make_engine: EngineFactory, value: float) -> None:
    engine = taught(make_engine)
    state = engine.checkpoint()
    header, payload = split(state)
    for position in range(len(payload)):
        forged = [*payload[:position], value, *payload[position + 1 :]]
        with pytest.raises(CorruptCheckpointError):
            engine.restore(join(header, forged))
    assert engine.checkpoint() == state


def test_a_negative_count_is_corrupt(make_engine: EngineFactory) -> None:
    engine = taught(make_engine)
    header, payload = split(engine.checkpoint())
    triangle, size, first = 10, 4, 7
    # After the gate's three sums and what the arms have in common: the first arm's two moment matrices, each with its
    # vector behind it, and six figures. In three dimensions an answer's length depends on all features.
    of_lengths = first + triangle + size
    diagonals = [start + row * (row + 3) // 2 for start in (first, of_lengths) for row in range(size)]
    tokens = of_lengths + triangle
    figures = range(tokens + size, tokens + size + 6)
    # At the end, three sums for each of the two tenants on one arm; the first of each is a count.
    counts = (len(payload) - 6, len(payload) - 3)
    for position in (1, 2, *diagonals, tokens, *figures, *counts):
        forged = [*payload[:position], -0.5, *payload[position + 1 :]]
        with pytest.raises(CorruptCheckpointError):
            engine.restore(join(header, forged))


def test_what_has_a_sign_may_be_negative(make_engine: EngineFactory) -> None:
    engine = taught(make_engine)
    header, payload = split(engine.checkpoint())
    # The gate's first sum, the common part, and everything of the first arm that is on no diagonal and no count.
    signed = (0, *range(3, 7), 8, 10, 11, 13, 14, 15, *range(17, 21), 22, 24, 25, 27, 28, 29, *range(32, 35))
    for position in signed:
        forged = join(header, [*payload[:position], -0.5, *payload[position + 1 :]])
        engine.restore(forged)
        assert engine.checkpoint() == forged


def test_a_payload_of_another_length_is_corrupt(make_engine: EngineFactory) -> None:
    engine = taught(make_engine)
    header, payload = split(engine.checkpoint())
    for forged in ([], payload[:-1], payload[: len(payload) // 2], [*payload, 0.0], [*payload, *[0.0] * 7]):
        with pytest.raises(CorruptCheckpointError):
            engine.restore(join(header, forged))
