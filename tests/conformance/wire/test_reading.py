"""Reading requests: whatever the native reader answers, the reference accepts and reads the same; the rest it refuses
in the reference's words."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.domain.errors import AtpError, InvalidFieldError, MalformedMessageError, MessageTooLargeError
from atp_grpc.domain.request import NO_CONSTRAINTS, Routable
from atp_grpc.pb.atp.v1 import route_service_pb2 as pb
from atp_grpc.services.wire.contract import Reader
from atp_grpc.services.wire.native import NativeReader
from atp_grpc.services.wire.reference import ReferenceReader
from tests.conformance.wire.messages import PAYLOADS, VALID, WRONG, mutated

LIMIT = 256 * 1024
ATTRIBUTES = (
    "request_id",
    "text",
    "text_bytes",
    "schema_id",
    "vector",
    "input_tokens",
    "max_output_tokens",
    "constraints",
    "objective",
    "policy",
    "min_revision",
    "task_type",
    "session_id",
    "labels",
)


def seen(request: Routable) -> dict[str, object]:
    return {name: getattr(request, name) for name in ATTRIBUTES}


def told(place: Routable | AtpError) -> object:
    """What a request says, or what is said of it."""
    return (type(place), vars(place)) if isinstance(place, AtpError) else seen(place)


def answer(read: Callable[[bytes], Any], payload: bytes) -> object:
    try:
        places = read(payload)
    except AtpError as error:
        return told(error)
    return [told(place) for place in places] if isinstance(places, list) else told(places)


def field(number: int, value: bytes) -> bytes:
    """A field of bytes; shorter than 128."""
    return bytes([number << 3 | 2, len(value)]) + value


PROMPT = field(2, b"hi")
TURN = field(1, b"\x08\x02" + field(2, field(1, b"hi")))
PICTURE = field(2, field(1, b"https://a/b"))
FLOAT = struct.pack("<f", 0.5)
STRANGE: dict[str, bytes] = {
    "nothing": b"",
    "an unknown field": PROMPT + field(15, b"new") + b"\xf8\x01\x07",
    "an unknown group": PROMPT + b"\xf3\x01\xf4\x01",
    "an open group": PROMPT + b"\xf3\x01",
    "field number zero": PROMPT + b"\x02\x00",
    "the same string twice": field(7, b"a") + PROMPT + field(7, b"b"),
    "the same number twice": b"\x28\x01" + PROMPT + b"\x28\x02",
    "two prompts": PROMPT + field(2, b"ho"),
    "features after a prompt": PROMPT + field(4, field(1, b"s") + field(2, FLOAT)),
    "a prompt after features": field(4, field(1, b"s") + field(2, FLOAT)) + PROMPT,
    "a conversation in two pieces": field(3, TURN) + field(3, TURN),
    "constraints in two pieces": PROMPT + field(8, field(7, b"eu")) + field(8, field(8, b"x")),
    "an objective in two pieces": PROMPT + field(9, b"\x08\x01") + field(9, field(2, b"")),
    "an objective of nothing": PROMPT + field(9, b""),
    "constraints of nothing": PROMPT + field(8, b""),
    "broken constraints": PROMPT + field(8, b"\x0f"),
    "constraints that are no message": PROMPT + b"\x40\x01",
    "unpacked floats": field(4, field(1, b"s") + b"\x15" + FLOAT + b"\x15" + FLOAT),
    "floats in two packs": field(4, field(1, b"s") + field(2, FLOAT) + field(2, FLOAT + FLOAT)),
    "packed and unpacked floats": field(4, b"\x15" + FLOAT + field(2, FLOAT) + field(1, b"s")),
    "half a float": field(4, field(1, b"s") + field(2, FLOAT[:3])),
    "a float in two halves": field(4, field(1, b"s") + field(2, FLOAT[:2]) + field(2, FLOAT[2:])),
    "an empty pack": field(4, field(1, b"s") + field(2, b"") + field(2, FLOAT)),
    "no floats": field(4, field(1, b"s") + field(2, b"")),
    "a schema said twice": field(4, field(1, b"s") + field(2, FLOAT) + field(1, b"t")),
    "text that is not UTF-8": field(2, b"\xff"),
    "a surrogate": field(2, b"\xed\xa0\x80"),
    "a policy that is not UTF-8": PROMPT + field(10, b"\xc3"),
    "an overlong number": PROMPT + b"\x28\x81\x80\x00",
    "a number of ten bytes": PROMPT + b"\x28\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00",
    "a number beyond 64 bits": PROMPT + b"\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    "a negative number": PROMPT + b"\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    "a long tag": PROMPT + b"\xa8\x80\x80\x80\x00\x01",
    "a number where a string belongs": PROMPT + b"\x50\x01",
    "a string where a number belongs": PROMPT + field(5, b"1"),
    "cut short": PROMPT + b"\x2a\x05a",
    "a label without a value": PROMPT + field(12, field(1, b"k")),
    "a label without a key": PROMPT + field(12, field(2, b"v")),
    "a label said twice": PROMPT + field(12, field(1, b"k") + field(2, b"a")) + field(12, field(1, b"k")),
    "a key said twice": PROMPT + field(12, field(1, b"k") + field(1, b"l")),
    "a label with more in it": PROMPT + field(12, field(1, b"k") + field(5, b"?")),
    "an unknown role": field(3, field(1, b"\x08\x07" + field(2, field(1, b"hi")))),
    "a role that wraps around": field(3, field(1, b"\x08\x82\x80\x80\x80\x10" + field(2, field(1, b"hi")))),
    "a role said twice": field(3, field(1, b"\x08\x02\x08\x01" + field(2, field(1, b"hi")))),
    "a part said twice": field(3, field(1, b"\x08\x02" + field(2, field(1, b"hi") + field(1, b"ho")))),
    "an empty part": field(3, field(1, b"\x08\x02" + field(2, b"\x0a\x00"))),
    "a kind of part that is to come": field(3, field(1, b"\x08\x02" + field(2, field(9, b"sound")))),
    "a picture": field(3, field(1, b"\x08\x02" + field(2, PICTURE) + field(2, field(1, b"hi")))),
    "a picture after a text in one part": field(3, field(1, b"\x08\x02" + field(2, field(1, b"hi") + PICTURE))),
    "a text after a picture in one part": field(3, field(1, b"\x08\x02" + field(2, PICTURE + field(1, b"hi")))),
    "a picture that is nowhere": field(3, field(1, b"\x08\x02" + field(2, field(2, field(1, b"file:///etc"))))),
    "a tool call": field(3, field(1, b"\x08\x03" + field(2, field(3, field(1, b"c") + field(2, b"f"))))),
    "a tool result": field(3, field(1, b"\x08\x04" + field(2, field(4, field(1, b"c") + field(2, b"found"))))),
    "a text by a tool": field(3, field(1, b"\x08\x04" + field(2, field(1, b"hi")))),
}


@pytest.mark.native
@pytest.mark.parametrize("name", STRANGE)
def test_strange_bytes_are_read_alike(
    name: str, reference_reader: ReferenceReader, native_reader: NativeReader
) -> None:
    payload = STRANGE[name]
    assert answer(native_reader.read, payload) == answer(reference_reader.read, payload)
    item = b"\x0a" + bytes([len(payload)]) + payload
    batch = item + field(1, PROMPT)
    assert answer(native_reader.read_batch, batch) == answer(reference_reader.read_batch, batch)


@pytest.mark.native
@settings(deadline=None, max_examples=400)
@given(payload=PAYLOADS)
def test_what_the_native_reader_answers_the_reference_accepts_and_reads_the_same(
    payload: bytes, reference_reader: ReferenceReader, native_reader: NativeReader
) -> None:
    plain = native_reader._native.read(payload)
    if plain is not None:
        assert seen(plain) == seen(reference_reader.read(payload))
    assert answer(native_reader.read, payload) == answer(reference_reader.read, payload)


@pytest.mark.native
@given(message=VALID)
def test_a_message_that_breaks_no_rule_needs_no_reference(
    message: pb.RouteRequest, native_reader: NativeReader
) -> None:
    assert native_reader._native.read(message.SerializeToString()) is not None


@pytest.mark.native
@settings(deadline=None)
@given(
    payload=mutated(
        st.lists(VALID | WRONG, max_size=4).map(lambda items: pb.RouteBatchRequest(requests=items).SerializeToString())
    )
)
def test_batches_are_read_alike_and_each_item_in_its_own_place(
    payload: bytes, reference_reader: ReferenceReader, native_reader: NativeReader
) -> None:
    assert answer(native_reader.read_batch, payload) == answer(reference_reader.read_batch, payload)


@pytest.fixture(params=["reference", pytest.param("native", marks=pytest.mark.native)])
def reader(request: pytest.FixtureRequest) -> Reader:
    found: Reader = request.getfixturevalue(f"{request.param}_reader")
    return found


@pytest.mark.parametrize("letter", ["x", "ä", "𝄞"])
def test_text_is_read_up_to_its_limit_in_bytes(reader: Reader, letter: str) -> None:
    fitting = letter * (LIMIT // len(letter.encode()))
    request = reader.read(pb.RouteRequest(prompt=fitting).SerializeToString())
    assert (request.text, request.text_bytes) == (fitting, LIMIT)
    with pytest.raises(MessageTooLargeError):
        reader.read(pb.RouteRequest(prompt=fitting + letter).SerializeToString())
    # The line feed between two parts counts as well.
    parts = [{"text": fitting[:-1]}, {"text": letter}]
    with pytest.raises(MessageTooLargeError):
        reader.read(pb.RouteRequest(conversation={"messages": [{"role": 2, "parts": parts}]}).SerializeToString())


def test_lengths_of_words_are_counted_in_characters(reader: Reader) -> None:
    longest = {"policy": "𝄞" * 64, "session_id": "ä" * 128, "labels": {"ß" * 64: "€" * 256}}
    request = reader.read(pb.RouteRequest(prompt="a", **longest).SerializeToString())  # type: ignore[arg-type]
    assert (request.policy, request.session_id) == (longest["policy"], longest["session_id"])
    assert request.labels == longest["labels"]


def test_a_conversation_is_its_parts_line_by_line(reader: Reader) -> None:
    turns = [{"role": 1, "parts": [{"text": "Be kind."}, {"text": ""}]}, {"role": 2, "parts": [{"text": "Hi"}]}]
    request = reader.read(pb.RouteRequest(conversation={"messages": turns}).SerializeToString())
    assert (request.text, request.vector, request.schema_id) == ("Be kind.\n\nHi", None, "")


def test_a_vector_stays_bit_for_bit(reader: Reader) -> None:
    values = [0.1, -0.0, 1e6, -1e6, 1e-45]
    request = reader.read(pb.RouteRequest(features={"schema_id": "own.v1", "values": values}).SerializeToString())
    assert (request.vector, request.schema_id) == (struct.pack("<5f", *values), "own.v1")
    assert (request.text, request.source, request.text_bytes) == (None, None, 0)


def test_equal_constraints_are_one_object_and_absent_ones_the_constant(native_reader: NativeReader) -> None:
    payload = pb.RouteRequest(prompt="a", constraints={"region": "eu"}).SerializeToString()
    assert native_reader.read(payload).constraints is native_reader.read(payload).constraints
    assert native_reader.read(PROMPT).constraints is NO_CONSTRAINTS


def test_remembered_constraints_are_bounded_and_stay_right(native_reader: NativeReader) -> None:
    for number in range(3000):
        message = pb.RouteRequest(prompt="a", constraints={"region": f"r{number}"})
        assert native_reader.read(message.SerializeToString()).constraints.region == f"r{number}"
    names = [f"model-{number}" for number in range(512)]
    long = pb.RouteRequest(prompt="a", constraints={"allowed_models": names})
    assert native_reader.read(long.SerializeToString()).constraints.allowed_models == frozenset(names)


@pytest.mark.parametrize(("size", "refused"), [(0, True), (1, False), (256, False), (257, True)])
def test_a_batch_has_one_to_256_requests(reader: Reader, size: int, refused: bool) -> None:
    payload = pb.RouteBatchRequest(requests=[pb.RouteRequest(prompt="a")] * size).SerializeToString()
    if refused:
        with pytest.raises(InvalidFieldError):
            reader.read_batch(payload)
    else:
        assert len(reader.read_batch(payload)) == size


def test_bytes_that_are_no_message_are_malformed(reader: Reader) -> None:
    for read in (reader.read, reader.read_batch):
        with pytest.raises(MalformedMessageError):
            read(b"\x0a\xff")
    with pytest.raises(MalformedMessageError):
        reader.read_batch(field(1, PROMPT) + field(1, field(2, b"\xff")))


def test_the_contract_has_no_field_that_the_native_reader_would_overlook() -> None:
    # A new field has to be read in `native/src/wire/request.rs` first, which would take it for one to be ignored.
    known = {
        "atp.v1.RouteRequest": range(1, 14),
        "atp.v1.RouteBatchRequest": [1],
        "atp.v1.Conversation": [1],
        "atp.v1.Message": [1, 2],
        "atp.v1.Part": range(1, 5),
        "atp.v1.Features": [1, 2],
    }
    pool = pb.DESCRIPTOR.pool
    assert {name: [*pool.FindMessageTypeByName(name).fields_by_number] for name in known} == {
        name: [*numbers] for name, numbers in known.items()
    }


@pytest.mark.native
def test_a_reader_that_fails_is_told_and_the_reference_reads(
    native_reader: NativeReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    atp_native = pytest.importorskip("atp_native")
    faults: list[BaseException] = []

    class Failing:
        def read(self, payload: bytes) -> None:
            raise atp_native.NativeError("panic", "the reader failed")

        read_batch = read

    monkeypatch.setattr(native_reader, "_native", Failing())
    monkeypatch.setattr(native_reader, "_on_fault", faults.append)
    assert native_reader.read(PROMPT).text == "hi"
    (request,) = native_reader.read_batch(field(1, PROMPT))
    assert not isinstance(request, AtpError)
    assert request.text == "hi"
    assert len(faults) == 2
