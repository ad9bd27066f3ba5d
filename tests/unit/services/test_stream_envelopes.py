"""The envelopes of streams, read and written without a message: exactly what protobuf makes of the same bytes."""

import random

import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st

from atp_grpc.pb.atp.v1 import observe_service_pb2 as observe_pb
from atp_grpc.pb.atp.v1 import route_service_pb2 as pb
from atp_grpc.pb.atp.v1 import stream_pb2
from atp_grpc.services.convert.streams import STREAM_END_REASONS, plain_report, plain_route_request, route_result
from tests.faults.scrambling import mutated

REQUESTS = st.builds(
    pb.RouteRequest,
    prompt=st.text(max_size=300),
    input_tokens=st.integers(0, 10**8),
    labels=st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=5), max_size=3),
)
ASCII = st.text(st.characters(codec="ascii"), max_size=64)


def parsed(payload: bytes) -> pb.RouteStreamRequest | None:
    try:
        return pb.RouteStreamRequest.FromString(payload)
    except DecodeError:
        return None


@given(correlation_id=ASCII, request=REQUESTS)
def test_what_an_encoder_writes_is_plain_and_split_into_the_same_parts(
    correlation_id: str, request: pb.RouteRequest
) -> None:
    payload = pb.RouteStreamRequest(correlation_id=correlation_id, request=request).SerializeToString()

    split = plain_route_request(payload)

    assert split is not None
    assert split[0] == correlation_id.encode()
    assert pb.RouteRequest.FromString(split[1]) == request


@given(
    correlation_id=st.text(max_size=70),
    request=REQUESTS,
    changes=st.integers(0, 2**32),
    raw=st.binary(max_size=40),
    is_raw=st.booleans(),
)
@example(correlation_id="a", request=pb.RouteRequest(), changes=0, raw=b"\x0a\x00\x12\x00\x12\x00", is_raw=True)
@example(
    correlation_id="a",
    request=pb.RouteRequest(),
    changes=0,
    raw=b"\x12\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    is_raw=True,
)
def test_whenever_bytes_are_called_plain_protobuf_reads_the_same_from_them(
    correlation_id: str, request: pb.RouteRequest, changes: int, raw: bytes, is_raw: bool
) -> None:
    whole = pb.RouteStreamRequest(correlation_id=correlation_id, request=request).SerializeToString()
    payload = raw if is_raw else mutated(whole, random.Random(changes))

    split = plain_route_request(payload)

    if split is None:
        return
    try:
        inner = pb.RouteRequest.FromString(split[1])
    except DecodeError:
        # The whole is no message either, and the reader of the request will say so.
        assert parsed(payload) is None
        return
    assert parsed(payload) == pb.RouteStreamRequest(correlation_id=split[0].decode(), request=inner)


@given(
    token=st.binary(min_size=1, max_size=300),
    changes=st.integers(0, 2**32),
    raw=st.binary(max_size=40),
    form=st.sampled_from(["whole", "mutated", "raw"]),
)
@example(token=b"t", changes=0, raw=b"\x0a\x00\x0a\x00", form="raw")
def test_a_report_is_taken_out_of_its_envelope_as_protobuf_would(
    token: bytes, changes: int, raw: bytes, form: str
) -> None:
    report = observe_pb.ObserveRequest(feedback_token=token, quality=0.5)
    whole = observe_pb.ObserveStreamRequest(request=report).SerializeToString()
    payload = {"whole": whole, "mutated": mutated(whole, random.Random(changes)), "raw": raw}[form]

    content = plain_report(payload)

    if content is None:
        assert form != "whole"
        return
    try:
        inner = observe_pb.ObserveRequest.FromString(content)
    except DecodeError:
        with pytest.raises(DecodeError):
            observe_pb.ObserveStreamRequest.FromString(payload)
        return
    assert observe_pb.ObserveStreamRequest.FromString(payload) == observe_pb.ObserveStreamRequest(request=inner)


@given(sequence=st.integers(1, 2**62), correlation_id=st.text(max_size=64), content=st.binary(max_size=20_000))
def test_a_wrapped_response_is_the_message_that_protobuf_would_have_built(
    sequence: int, correlation_id: str, content: bytes
) -> None:
    response = pb.RouteResponse(decision_id="d", feedback_token=content)

    wrapped = route_result(sequence, correlation_id.encode(), response=response.SerializeToString())

    expected = pb.RouteStreamResponse(
        result=pb.RouteStreamResult(sequence=sequence, correlation_id=correlation_id, response=response)
    )
    assert wrapped == expected.SerializeToString()


@given(sequence=st.integers(1, 2**40), correlation_id=st.text(max_size=64), message=st.text(max_size=300))
def test_a_wrapped_error_is_the_message_that_protobuf_would_have_built(
    sequence: int, correlation_id: str, message: str
) -> None:
    expected = pb.RouteStreamResponse(result=pb.RouteStreamResult(sequence=sequence, correlation_id=correlation_id))
    expected.result.error.code, expected.result.error.message = 3, message

    wrapped = route_result(sequence, correlation_id.encode(), error=expected.result.error.SerializeToString())

    assert wrapped == expected.SerializeToString()


def test_a_response_of_no_bytes_is_still_a_response() -> None:
    answer = pb.RouteStreamResponse.FromString(route_result(1, b"", response=b""))

    assert answer.result.WhichOneof("result") == "response"


def test_every_way_to_end_has_its_own_value_in_the_contract() -> None:
    values = {value.name.removeprefix("STREAM_END_REASON_") for value in stream_pb2.StreamEndReason.DESCRIPTOR.values}
    assert values - {"UNSPECIFIED"} == {reason.name for reason in STREAM_END_REASONS}
    assert len(set(STREAM_END_REASONS.values())) == len(STREAM_END_REASONS)
