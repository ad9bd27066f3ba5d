"""The record of an observation: every value comes back, the bytes are those of the description, damage is noticed."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.decision import Lesson, Revisions
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.outcome import Attempt, AttemptError, Observation, Report, Usage
from atp_grpc.domain.request import FeatureVector
from atp_grpc.pb.atp.v1 import outcome_pb2
from atp_grpc.store.observation_codec import (
    ERROR_NUMBERS,
    DamagedObservationError,
    decode_observation,
    encode_observation,
)
from tests.conformance.store.samples import lessons, reports

FEATURES = b"\x00\x00\x80?\x00\x00\x00@"
OBSERVATION = Observation(
    replica="r",
    sequence=5,
    lesson=Lesson(
        tenant="acme",
        decision_id="d-1",
        decided_nanos=1_700_000_000_000_000_000,
        expires_nanos=1_700_000_000_000_000_001,
        model="large",
        deployment="large@north",
        features=FeatureVector("flags.v1", FEATURES),
        propensity=0.25,
        predicted_mean=0.5,
        predicted_linear=0.75,
        input_tokens=12.5,
        prices=TokenPrices(1, 2, None, 4, 5),
        revisions=Revisions("default", 1, 2, 3),
        hold_nano_usd=1000,
    ),
    recorded=Report(
        attempts=(
            Attempt("small", "small@north", AttemptError.TIMEOUT),
            Attempt("large", usage=Usage(10, 0, 20, None, 6), cost_nano_usd=1000, latency_seconds=1.5),
        ),
        labels={"é": "\x00"},
    ),
    standing=Report(quality=1.0),
    observed_nanos=1_700_000_000_000_000_007,
)


def text(value: str) -> bytes:
    return struct.pack("<H", len(value.encode())) + value.encode()


# Spelled out along the description and by no code of the codec: what another language has to write.
RECORD = b"".join(
    [
        b"O\x03",
        struct.pack("<3q", 1_700_000_000_000_000_007, 1_700_000_000_000_000_000, 1_700_000_000_000_000_001),
        struct.pack("<4d", 0.25, 0.5, 0.75, 12.5),
        struct.pack("<4q", 1, 2, -1, 4),
        struct.pack("<3q", 1, 2, 3),
        struct.pack("<Iqq", len(FEATURES), 1000, 5),
        FEATURES,
        *map(text, ["large", "large@north", "default", "flags.v1"]),
        struct.pack("<BBHd", 0, 2, 1, 0.0),
        struct.pack("<BB5qdq", 0b0000000, 2, 0, 0, 0, 0, 0, 0.0, 0),
        *map(text, ["small", "small@north"]),
        struct.pack("<BB5qdq", 0b1110111, 0, 10, 0, 20, 0, 1000, 1.5, 6),
        *map(text, ["large", ""]),
        *map(text, ["é", "\x00"]),
        struct.pack("<BBHd", 1, 0, 0, 1.0),
    ]
)

# What the first version wrote of the same observation, before there were holds.
FIRST_VERSION = bytes.fromhex(
    "4f0107002a36fe9c971700002a36fe9c971701002a36fe9c9717000000000000d03f000000000000e03f000000000000e83f"
    "000000000000294001000000000000000200000000000000ffffffffffffffff040000000000000001000000000000000200"
    "0000000000000300000000000000080000000000803f0000004005006c617267650b006c61726765406e6f72746807006465"
    "6661756c740800666c6167732e76310002010000000000000000000002000000000000000000000000000000000000000000"
    "0000000000000000000000000000000000000000000000000000000500736d616c6c0b00736d616c6c406e6f72746837000a"
    "00000000000000000000000000000014000000000000000000000000000000e803000000000000000000000000f83f05006c"
    "6172676500000200c3a901000001000000000000000000f03f"
)

# What the second version wrote of it, before writing a provider's cache was a class of its own.
SECOND_VERSION = bytes.fromhex(
    "4f0207002a36fe9c971700002a36fe9c971701002a36fe9c9717000000000000d03f000000000000e03f000000000000e83f"
    "000000000000294001000000000000000200000000000000ffffffffffffffff040000000000000001000000000000000200"
    "000000000000030000000000000008000000e8030000000000000000803f0000004005006c617267650b006c61726765406e"
    "6f727468070064656661756c740800666c6167732e7631000201000000000000000000000200000000000000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000500736d616c6c0b00736d616c6c40"
    "6e6f72746837000a00000000000000000000000000000014000000000000000000000000000000e803000000000000000000"
    "000000f83f05006c6172676500000200c3a901000001000000000000000000f03f"
)


def before_cache_writes(observation: Observation) -> Observation:
    """The observation as it was known when nobody told what was written to a cache."""
    earlier, answered = observation.recorded.attempts
    answered = answered._replace(usage=answered.usage._replace(cache_write_input_tokens=None))
    prices = observation.lesson.prices._replace(cache_write_input=None)
    return observation._replace(
        lesson=observation.lesson._replace(prices=prices),
        recorded=observation.recorded._replace(attempts=(earlier, answered)),
    )


def decoded(record: bytes) -> Observation:
    return decode_observation(record, tenant="acme", decision_id="d-1", replica="r", sequence=5)


def test_a_record_has_the_bytes_of_the_description() -> None:
    assert encode_observation(OBSERVATION) == RECORD
    assert decoded(RECORD) == OBSERVATION


def test_a_record_of_the_first_version_is_read_as_without_a_hold() -> None:
    known = before_cache_writes(OBSERVATION)
    known = known._replace(lesson=known.lesson._replace(hold_nano_usd=0))

    assert decoded(FIRST_VERSION) == known
    assert decoded(encode_observation(known)) == known


def test_a_record_of_the_second_version_is_read_as_without_cache_writes() -> None:
    known = before_cache_writes(OBSERVATION)

    assert decoded(SECOND_VERSION) == known
    assert decoded(encode_observation(known)) == known


@given(lessons, reports, reports)
def test_every_observation_comes_back(lesson: Lesson, recorded: Report, standing: Report) -> None:
    made = Observation("replica", 9, lesson, recorded, standing, 1)

    assert (
        decode_observation(
            encode_observation(made),
            tenant=lesson.tenant,
            decision_id=lesson.decision_id,
            replica="replica",
            sequence=9,
        )
        == made
    )


def test_every_error_has_the_number_of_the_contract() -> None:
    names = {error: "UNSPECIFIED" if error is None else error.name for error in [None, *AttemptError]}

    assert {error: outcome_pb2.AttemptError.Value(f"ATTEMPT_ERROR_{name}") for error, name in names.items()} == (
        ERROR_NUMBERS
    )


@pytest.mark.parametrize("whole", [RECORD, FIRST_VERSION, SECOND_VERSION], ids=["this version", "first", "second"])
def test_a_record_that_was_cut_is_refused(whole: bytes) -> None:
    for length in range(len(whole)):
        with pytest.raises(DamagedObservationError):
            decoded(whole[:length])


@pytest.mark.parametrize(
    "foreign",
    [
        b"O\x04" + RECORD[2:],
        b'{"lesson":{"tenant":"acme"},"recorded":{}}' * 5,
        RECORD + b"\x00",
        RECORD.replace(
            struct.pack("<BB5qdq", 0, 2, 0, 0, 0, 0, 0, 0.0, 0), struct.pack("<BB5qdq", 0, 99, 0, 0, 0, 0, 0, 0.0, 0)
        ),
        RECORD.replace("é".encode(), b"\xc3\x28"),
    ],
    ids=["later version", "other program", "longer", "unknown error", "not UTF-8"],
)
def test_what_is_not_a_record_is_refused(foreign: bytes) -> None:
    with pytest.raises(DamagedObservationError):
        decoded(foreign)


@given(st.binary(max_size=400) | st.binary(max_size=400).map(lambda tail: RECORD[:126] + tail))
def test_no_bytes_do_more_than_be_refused(anything: bytes) -> None:
    with contextlib.suppress(DamagedObservationError):
        decoded(anything)


@given(st.integers(0, len(RECORD) - 1), st.integers(0, 255))
def test_a_changed_byte_gives_an_observation_or_is_refused_and_nothing_else(position: int, value: int) -> None:
    with contextlib.suppress(DamagedObservationError):
        decoded(RECORD[:position] + bytes([value]) + RECORD[position + 1 :])


def test_a_text_too_long_for_the_layout_is_not_cut_short() -> None:
    long = OBSERVATION._replace(recorded=Report(labels={"key": "x" * 65_536}))

    with pytest.raises(struct.error):
        encode_observation(long)
