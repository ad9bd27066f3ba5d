"""Crowded payloads are refused before they are parsed; whatever the contract allows passes."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.domain.errors import InvalidFieldError
from atp_grpc.pb.atp.v1 import observe_service_pb2, route_service_pb2, routing_pb2
from atp_grpc.services.crowding import UNCOUNTED_BYTES, Crowding
from atp_grpc.services.validation import Validation

ROUTE = Crowding(route_service_pb2.RouteRequest)
BATCH = Crowding(route_service_pb2.RouteBatchRequest)
OBSERVES = Crowding(observe_service_pb2.ObserveBatchRequest)
VALIDATION = Validation()
LONG = "x" * UNCOUNTED_BYTES


def complaint(crowding: Crowding, payload: bytes) -> tuple[str, str]:
    with pytest.raises(InvalidFieldError) as refused:
        crowding.check(payload)
    [violation] = refused.value.violations
    return violation.field, violation.description


def entry(number: int, content: bytes) -> bytes:
    size, head = len(content), bytearray([number << 3 | 2])
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    return bytes([*head, size]) + content


LABELS = route_service_pb2.RouteRequest(prompt=LONG, labels={str(number): "" for number in range(33)})
PARTS = routing_pb2.Conversation(
    messages=[routing_pb2.Message(), routing_pb2.Message(parts=[routing_pb2.Part(text=LONG)] * 65)]
)


def test_too_many_requests_of_a_batch_are_told_by_their_field() -> None:
    assert complaint(BATCH, b"\x0a\x00" * 40_000) == ("requests", "must hold at most 256 entries")
    assert complaint(OBSERVES, b"\x0a\x00" * 40_000) == ("requests", "must hold at most 256 entries")


def test_what_is_inside_an_entry_is_counted_for_each_entry() -> None:
    assert complaint(ROUTE, LABELS.SerializeToString()) == ("labels", "must hold at most 32 entries")

    batch = entry(1, b"") * 3 + entry(1, LABELS.SerializeToString())
    assert complaint(BATCH, batch) == ("requests[3].labels", "must hold at most 32 entries")

    talk = route_service_pb2.RouteRequest(conversation=PARTS)
    path = "conversation.messages[1].parts"
    assert complaint(ROUTE, talk.SerializeToString()) == (path, "must hold at most 64 entries")


def test_as_many_as_the_contract_allows_pass() -> None:
    full = route_service_pb2.RouteRequest(prompt="x" * 300, labels={str(number): "v" for number in range(32)})
    BATCH.check(route_service_pb2.RouteBatchRequest(requests=[full] * 256).SerializeToString())

    talk = routing_pb2.Conversation(messages=[routing_pb2.Message(parts=[routing_pb2.Part(text="x")] * 64)] * 1_024)
    ROUTE.check(route_service_pb2.RouteRequest(conversation=talk).SerializeToString())


def test_a_vector_may_come_one_number_at_a_time() -> None:
    unpacked = entry(1, entry(3, b"\x0a\x04mine" + b"\x15\x00\x00\x80\x3f" * 1_024))

    BATCH.check(unpacked * 256)


def test_many_small_things_that_no_rule_counts_are_too_many_in_all() -> None:
    talk = routing_pb2.Conversation(messages=[routing_pb2.Message(parts=[routing_pb2.Part()] * 64)] * 1_024)
    request = route_service_pb2.RouteRequest(conversation=talk).SerializeToString()

    assert complaint(BATCH, entry(1, request) * 5) == ("", "the message holds too many fields")
    assert complaint(ROUTE, b"\x20\x01" * 1_000_001) == ("", "the message holds too many fields")


def test_a_small_payload_is_not_looked_at() -> None:
    BATCH.check(b"\x0a\x00" * (UNCOUNTED_BYTES // 2))


@pytest.mark.parametrize(
    "payload",
    [
        b"\xf3\x3e" * 100_000,
        b"\xf3\x3e" * 50_000 + b"\xf4\x3e" * 50_000,
        b"\xff" * 100_000,
        b"\x0a" * 100_001,
        b"\x0e" * 100_000,
        LONG.encode() + b"\x0a\xff\xff\xff\xff\x0f",
        LONG.encode() + b"\x0a",
    ],
    ids=["groups", "closed groups", "ones", "lengths", "wire type 6", "beyond the end", "cut"],
)
def test_bytes_that_make_no_sense_are_left_to_the_parser(payload: bytes) -> None:
    ROUTE.check(payload)


def test_entries_after_a_group_are_counted() -> None:
    assert complaint(BATCH, b"\xf3\x3e\xf4\x3e" + b"\x0a\x00" * 40_000)[0] == "requests"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.integers(1, 200))
def test_whatever_the_bytes_are_the_check_ends_in_a_refusal_or_in_nothing(seed: bytes, times: int) -> None:
    payload = seed * (UNCOUNTED_BYTES // max(1, len(seed)) + times)
    with contextlib.suppress(InvalidFieldError):
        ROUTE.check(payload)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 40), st.integers(0, 70), st.integers(0, 3))
def test_what_is_refused_as_crowded_breaks_a_rule_of_the_contract_too(labels: int, parts: int, copies: int) -> None:
    request = route_service_pb2.RouteRequest(
        labels={str(number): "v" for number in range(labels)},
        conversation=routing_pb2.Conversation(
            messages=[routing_pb2.Message(parts=[routing_pb2.Part(text="x" * 2_000)] * max(1, parts))]
        ),
    )
    payload = request.SerializeToString() + entry(15, LONG.encode()) * copies
    try:
        ROUTE.check(payload)
    except InvalidFieldError:
        with pytest.raises(InvalidFieldError):
            VALIDATION.validate(route_service_pb2.RouteRequest.FromString(payload))
    else:
        assert len(payload) <= UNCOUNTED_BYTES or (labels <= 32 and parts <= 64)
