"""A refusal keeps everything the server said, and survives whatever else comes over the wire."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.client import AtpCallError, AtpClient, refusal
from atp_grpc.client.messages import RouteRequest
from atp_grpc.domain.errors import FieldViolation, PreconditionViolation, Resource
from tests.unit.client.scripted_server import Scripted


def status_with(code: int, message: str, *details: Message) -> status_pb2.Status:
    status = status_pb2.Status(code=code, message=message)
    for detail in details:
        status.details.add().Pack(detail)
    return status


def info(reason: str, domain: str = "atp.dev", **metadata: str) -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(reason=reason, domain=domain, metadata=metadata)


async def refused_call(server: Scripted) -> AtpCallError:
    async with AtpClient.open(server.target) as atp:
        with pytest.raises(AtpCallError) as raised:
            await atp.route(RouteRequest(prompt="hello"))
    return raised.value


async def test_a_refusal_carries_every_detail_the_server_sent(server: Scripted) -> None:
    status = status_with(
        code_pb2.FAILED_PRECONDITION,
        "no model may serve this request",
        info("NO_ELIGIBLE_MODEL", models="1"),
        error_details_pb2.BadRequest(field_violations=[{"field": "prompt", "description": "too long"}]),
        error_details_pb2.PreconditionFailure(
            violations=[{"type": "REGION", "subject": "swift", "description": "no deployment in eu"}]
        ),
        error_details_pb2.ResourceInfo(resource_type="model", resource_name="swift"),
        error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=1, nanos=500_000_000)),
        error_details_pb2.RequestInfo(request_id="4bf92f3577b34da6a3ce929d0e0e4736"),
    )
    server.refusals = [(grpc.StatusCode.FAILED_PRECONDITION, status)]

    error = await refused_call(server)

    assert (error.code, error.reason) == ("FAILED_PRECONDITION", "NO_ELIGIBLE_MODEL")
    assert str(error) == "NO_ELIGIBLE_MODEL: no model may serve this request"
    assert error.metadata == {"models": "1"}
    assert error.violations == (FieldViolation("prompt", "too long"),)
    assert error.preconditions == (PreconditionViolation("REGION", "swift", "no deployment in eu"),)
    assert error.resource == Resource("model", "swift")
    assert error.retry_after_seconds == 1.5
    assert error.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"


async def test_an_internal_error_tells_its_incident(server: Scripted) -> None:
    status = status_with(code_pb2.INTERNAL, "internal error; incident 42", info("INTERNAL", incident="42"))
    server.refusals = [(grpc.StatusCode.INTERNAL, status)]

    assert (await refused_call(server)).incident == "42"


async def test_a_refusal_without_details_has_a_code_and_no_reason(server: Scripted) -> None:
    server.refusals = [(grpc.StatusCode.PERMISSION_DENIED, None)]

    error = await refused_call(server)

    assert (error.code, error.reason, error.message) == ("PERMISSION_DENIED", "", "scripted")
    assert (error.metadata, error.violations, error.preconditions, error.incident) == ({}, (), (), "")
    assert error.trace_id == ""
    assert (error.resource, error.retry_after_seconds) == (None, None)


async def test_details_that_are_no_status_are_passed_over(server: Scripted) -> None:
    server.refusals = [(grpc.StatusCode.ABORTED, b"\xff\xff\xff")]

    error = await refused_call(server)

    assert (error.code, error.reason) == ("ABORTED", "")


async def test_a_server_that_cannot_be_reached_is_unavailable_without_a_reason() -> None:
    async with AtpClient.open("127.0.0.1:1") as atp:
        with pytest.raises(AtpCallError) as raised:
            await atp.route(RouteRequest(prompt="hello"))

    assert (raised.value.code, raised.value.reason) == ("UNAVAILABLE", "")
    assert raised.value.message


async def test_a_deadline_that_passes_is_told_as_such(server: Scripted) -> None:
    server.is_stuck = True
    async with AtpClient.open(server.target) as atp:
        with pytest.raises(AtpCallError) as raised:
            await atp.route(RouteRequest(prompt="hello"), deadline_seconds=0.05)

    assert raised.value.code == "DEADLINE_EXCEEDED"


def test_the_error_of_a_batch_item_reads_like_that_of_a_call() -> None:
    error = refusal(status_with(code_pb2.NOT_FOUND, "no such decision", info("DECISION_NOT_FOUND")))

    assert (error.code, error.reason, error.message) == ("NOT_FOUND", "DECISION_NOT_FOUND", "no such decision")


def test_a_reason_of_another_domain_is_not_taken_for_ours() -> None:
    error = refusal(status_with(code_pb2.UNAVAILABLE, "busy", info("DRAINING", domain="mesh.example", pod="a")))

    assert (error.reason, error.metadata) == ("", {})


def test_a_code_that_grpc_does_not_know_is_unknown() -> None:
    assert refusal(status_pb2.Status(code=99)).code == "UNKNOWN"


def test_a_detail_that_cannot_be_read_is_left_out() -> None:
    torn = any_pb2.Any(type_url="type.googleapis.com/google.rpc.BadRequest", value=b"\x0a\xff")
    status = status_with(code_pb2.INVALID_ARGUMENT, "bad", info("INVALID_FIELD"))
    status.details.append(torn)

    error = refusal(status)

    assert (error.reason, error.violations) == ("INVALID_FIELD", ())


@given(
    code=st.integers(-(2**31), 2**31 - 1),
    details=st.lists(
        st.builds(
            any_pb2.Any,
            type_url=st.sampled_from(
                [f"type.googleapis.com/google.rpc.{name}" for name in ("ErrorInfo", "BadRequest", "RetryInfo")]
            ),
            value=st.binary(max_size=40),
        ),
        max_size=4,
    ),
)
def test_no_bytes_in_the_details_break_the_reader(code: int, details: list[any_pb2.Any]) -> None:
    assert isinstance(refusal(status_pb2.Status(code=code, details=details)), AtpCallError)
