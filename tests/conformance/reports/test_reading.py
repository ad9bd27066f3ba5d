"""Reading reports: whatever the native reader answers, the reference accepts and reads the same; the rest it refuses in
the reference's words."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.domain.errors import AtpError, InvalidFieldError, MalformedMessageError
from atp_grpc.domain.outcome import Attempt, Report, Usage
from atp_grpc.pb.atp.v1 import observe_service_pb2 as pb
from atp_grpc.services.reports.contract import Reading
from atp_grpc.services.reports.native import NativeReader
from atp_grpc.services.reports.reference import ReferenceReader
from tests.conformance.reports.messages import PAYLOADS, VALID, WRONG
from tests.conformance.wire.messages import mutated

USED = {"output_tokens": 7, "cache_write_input_tokens": 5}
PLAIN = pb.ObserveRequest(
    feedback_token=b"token",
    quality=0.5,
    attempts=[{"model": "large", "usage": USED, "latency": {"seconds": 1, "nanos": 500_000_000}}],
    labels={"team": "search"},
).SerializeToString()


def told(place: Reading | AtpError) -> object:
    """What a report says, or what is said of it."""
    return (type(place), vars(place)) if isinstance(place, AtpError) else place


def answer(read: Callable[[bytes], Any], payload: bytes) -> object:
    try:
        places = read(payload)
    except AtpError as error:
        return told(error)
    return [told(place) for place in places] if isinstance(places, list) else told(places)


def field(number: int, value: bytes) -> bytes:
    """A field of bytes; shorter than 128."""
    return bytes([number << 3 | 2, len(value)]) + value


def batch_of(reports: list[pb.ObserveRequest]) -> bytes:
    return pb.ObserveBatchRequest(requests=reports).SerializeToString()


TOKEN = field(1, b"token")
HALF = b"\x19" + struct.pack("<d", 0.5)
MODEL = field(1, b"large")
STRANGE: dict[str, bytes] = {
    "nothing": b"",
    "an unknown field": TOKEN + field(15, b"new") + b"\xf8\x01\x07",
    "an unknown group": TOKEN + b"\xf3\x01\xf4\x01",
    "an open group": TOKEN + b"\xf3\x01",
    "field number zero": TOKEN + b"\x02\x00",
    "two tokens": TOKEN + field(1, b"other"),
    "a token and an id": TOKEN + field(2, b"d"),
    "an id and a token": field(2, b"d") + TOKEN,
    "an empty token": field(1, b""),
    "an empty id after a token": TOKEN + field(2, b""),
    "two qualities": TOKEN + HALF + b"\x19" + struct.pack("<d", 0.25),
    "a quality that is a float": TOKEN + b"\x1d" + struct.pack("<f", 0.5),
    "a quality of minus zero": TOKEN + b"\x19" + struct.pack("<d", -0.0),
    "an attempt of nothing": TOKEN + field(4, b""),
    "two models": TOKEN + field(4, MODEL + field(1, b"small")),
    "an unknown field in an attempt": TOKEN + field(4, MODEL + field(9, b"new")),
    "an error far off": TOKEN + field(4, MODEL + b"\x18\xe8\x07"),
    "a negative error": TOKEN + field(4, MODEL + b"\x18" + b"\xff" * 9 + b"\x01"),
    "an error that is text": TOKEN + field(4, MODEL + field(3, b"cut")),
    "usage of nothing": TOKEN + field(4, MODEL + field(4, b"")),
    "usage in two pieces": TOKEN + field(4, MODEL + field(4, b"\x08\x01") + field(4, b"\x10\x01")),
    "tokens twice": TOKEN + field(4, MODEL + field(4, b"\x08\x01\x08\x02")),
    "written tokens twice": TOKEN + field(4, MODEL + field(4, b"\x28\x01\x28\x02")),
    "a latency in two pieces": TOKEN + field(4, MODEL + field(6, b"\x08\x01") + field(6, b"\x10\x01")),
    "a latency of nothing": TOKEN + field(4, MODEL + field(6, b"")),
    "a latency with seconds twice": TOKEN + field(4, MODEL + field(6, b"\x08\x01\x08\x02")),
    "nanoseconds beyond 32 bits": TOKEN + field(4, MODEL + field(6, b"\x10\x81\x80\x80\x80\x10")),
    "a label of nothing": TOKEN + field(5, b""),
    "a label without a value": TOKEN + field(5, field(1, b"k")),
    "a label with two keys": TOKEN + field(5, field(1, b"k") + field(1, b"l")),
    "a label twice": TOKEN + field(5, field(1, b"k") + field(2, b"v")) * 2,
    "a label with something else": TOKEN + field(5, field(1, b"k") + field(3, b"v")),
    "text that is not UTF-8": TOKEN + field(4, field(1, b"\xff")),
    "text with half a surrogate": TOKEN + field(5, field(1, b"\xed\xa0\x80")),
    "a token that is any bytes": field(1, b"\xff\xfe\x00"),
    "the end missing": PLAIN[:-1],
}


def test_a_plain_report_is_read_as_it_was_said(reference_reader: ReferenceReader, native_reader: NativeReader) -> None:
    attempt = Attempt("large", usage=Usage(output_tokens=7, cache_write_input_tokens=5), latency_seconds=1.5)
    expected = Reading(b"token", None, Report(0.5, (attempt,), {"team": "search"}))

    for reader in (reference_reader, native_reader):
        reading = reader.read(PLAIN)
        assert reading == expected
        assert [type(part) for part in (reading, reading.report, *reading.report.attempts)] == [
            Reading,
            Report,
            Attempt,
        ]


@pytest.mark.native
@given(VALID)
def test_a_valid_report_needs_no_reference(native_reader: NativeReader, message: pb.ObserveRequest) -> None:
    assert native_reader._native.read(message.SerializeToString()) is not None


@pytest.mark.native
@settings(max_examples=400)
@given(PAYLOADS | WRONG.map(lambda message: message.SerializeToString()))
def test_both_readers_say_the_same_of_any_bytes(
    reference_reader: ReferenceReader, native_reader: NativeReader, payload: bytes
) -> None:
    assert answer(native_reader.read, payload) == answer(reference_reader.read, payload)


@pytest.mark.native
@pytest.mark.parametrize("kind", STRANGE)
def test_both_readers_say_the_same_of_what_parsers_differ_on(
    reference_reader: ReferenceReader, native_reader: NativeReader, kind: str
) -> None:
    assert answer(native_reader.read, STRANGE[kind]) == answer(reference_reader.read, STRANGE[kind])


@pytest.mark.native
@given(mutated(st.lists(VALID | WRONG, max_size=4).map(batch_of)))
def test_both_readers_say_the_same_of_any_batch(
    reference_reader: ReferenceReader, native_reader: NativeReader, payload: bytes
) -> None:
    assert answer(native_reader.read_batch, payload) == answer(reference_reader.read_batch, payload)


@pytest.mark.parametrize("name", ["reference_reader", "native_reader"])
def test_a_report_names_its_decision_by_token_or_by_id(request: pytest.FixtureRequest, name: str) -> None:
    read = request.getfixturevalue(name).read

    assert read(TOKEN + HALF)[:2] == (b"token", None)
    assert read(field(2, b"d-1") + HALF)[:2] == (None, "d-1")


@pytest.mark.parametrize("name", ["reference_reader", "native_reader"])
def test_one_bad_report_of_a_batch_is_an_error_in_its_own_place(request: pytest.FixtureRequest, name: str) -> None:
    batch = pb.ObserveBatchRequest(
        requests=[{"decision_id": "a", "quality": 1}, {"quality": 2}, {"decision_id": "c", "quality": 0}]
    ).SerializeToString()

    first, bad, last = request.getfixturevalue(name).read_batch(batch)

    assert first == Reading(None, "a", Report(1.0))
    assert isinstance(bad, InvalidFieldError)
    assert bad.__traceback__ is None
    assert last == Reading(None, "c", Report(0.0))


@pytest.mark.parametrize("name", ["reference_reader", "native_reader"])
@pytest.mark.parametrize("size", [0, 257])
def test_a_batch_of_none_or_too_many_is_refused(request: pytest.FixtureRequest, name: str, size: int) -> None:
    batch = pb.ObserveBatchRequest(requests=[{"decision_id": "a", "quality": 1}] * size).SerializeToString()

    with pytest.raises(InvalidFieldError):
        request.getfixturevalue(name).read_batch(batch)


@pytest.mark.parametrize("name", ["reference_reader", "native_reader"])
def test_bytes_that_are_no_message_are_malformed(request: pytest.FixtureRequest, name: str) -> None:
    for read in (request.getfixturevalue(name).read, request.getfixturevalue(name).read_batch):
        with pytest.raises(MalformedMessageError):
            read(b"\x0a\x05ab")
