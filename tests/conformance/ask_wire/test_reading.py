"""Reading requests of Ask: whatever Rust answers, the reference accepts and reads the same; the rest it refuses in the
reference's words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings

from atp_grpc.domain.ask import AskRequest
from atp_grpc.domain.errors import AtpError, InvalidFieldError, MessageTooLargeError
from atp_grpc.pb.atp.v1 import ask_service_pb2 as pb
from atp_grpc.services.ask_wire.contract import Reader
from atp_grpc.services.ask_wire.native import NativeReader
from atp_grpc.services.ask_wire.reference import ReferenceReader
from atp_grpc.services.convert.streams import varint
from atp_grpc.services.validation import Validation
from tests.conformance.ask_wire.messages import PAYLOADS, PLAIN
from tests.conformance.wire.test_reading import seen
from tests.native_engine import need_native, no_fault

LIMIT = 1024 * 1024


@pytest.fixture(scope="module")
def reference() -> ReferenceReader:
    return ReferenceReader(Validation())


@pytest.fixture(scope="module")
def native(reference: ReferenceReader) -> NativeReader:
    need_native()
    return NativeReader(Validation(), reference, on_fault=no_fault)


@pytest.fixture(scope="module")
def rust_alone() -> NativeReader:
    """Whose reference fails: what it reads, Rust read."""
    need_native()

    class Nobody:
        def read(self, payload: bytes) -> AskRequest:
            raise LookupError

        read_streamed = read

    return NativeReader(Validation(), Nobody(), on_fault=no_fault)


def answer(read: Callable[[bytes], AskRequest], payload: bytes) -> object:
    try:
        asked = read(payload)
    except AtpError as error:
        return type(error), vars(error)
    said = asked.prompt, asked.on_cut, asked.cache, asked.request_id, asked.is_streamed
    return said, seen(asked.routing)


def streamed(payload: bytes) -> bytes:
    """The same bytes in an `AskStreamRequest`, whatever they are."""
    return b"\x0a" + varint(len(payload)) + payload


@settings(deadline=None, max_examples=300)
@given(payload=PAYLOADS)
def test_whatever_comes_is_read_or_refused_as_the_reference_does(
    reference: ReferenceReader, native: NativeReader, payload: bytes
) -> None:
    assert answer(native.read, payload) == answer(reference.read, payload)


@settings(deadline=None, max_examples=150)
@given(payload=PAYLOADS)
def test_a_request_for_a_stream_is_read_as_the_reference_does(
    reference: ReferenceReader, native: NativeReader, payload: bytes
) -> None:
    wrapped = streamed(payload)

    assert answer(native.read_streamed, wrapped) == answer(reference.read_streamed, wrapped)
    assert answer(native.read_streamed, payload) == answer(reference.read_streamed, payload)
    assert answer(native.read_streamed, wrapped * 2) == answer(reference.read_streamed, wrapped * 2)


@settings(deadline=None, max_examples=100)
@given(message=PLAIN)
def test_rust_itself_reads_what_holds_nothing_but_texts(
    reference: ReferenceReader, rust_alone: NativeReader, message: pb.AskRequest
) -> None:
    payload = message.SerializeToString()
    try:
        expected = answer(reference.read, payload)
        reference.read(payload)
    except InvalidFieldError:
        return

    assert answer(rust_alone.read, payload) == expected


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1])
def test_text_is_counted_to_the_byte(native: NativeReader, reference: ReferenceReader, size: int) -> None:
    prompt = pb.AskRequest(prompt="é" * (size // 2) + "x" * (size % 2)).SerializeToString()
    turn = {"role": 2, "parts": [{"text": "x" * (size // 2)}, {"text": "x" * (size - size // 2 - 1)}]}
    turns = pb.AskRequest(conversation={"messages": [turn]}).SerializeToString()
    readers: tuple[Reader, ...] = (native, reference)

    for reader in readers:
        for payload in (prompt, turns):
            if size == LIMIT:
                assert reader.read(payload).routing.text_bytes == LIMIT
            else:
                with pytest.raises(MessageTooLargeError):
                    reader.read(payload)
