"""Every error that leaves the server names its call, by the caller's own trace where it sent one."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from atp_grpc.client import AtpCallError, refusal
from atp_grpc.client.messages import GetDecisionRequest, ObserveBatchRequest, ObserveRequest, RouteBatchRequest
from tests.rpc.provoking import prompt
from tests.rpc.serving import Serving, serving

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACED = (("traceparent", f"00-{TRACE}-00f067aa0ba902b7-00"),)
FORGED = ObserveRequest(feedback_token=b"forged", quality=1.0)


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
async def server(tmp_path: Path, log: io.StringIO) -> AsyncIterator[Serving]:
    async with serving(tmp_path, log_stream=log) as running:
        yield running


@pytest.fixture
async def channel(server: Serving) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(server.target) as opened:
        yield opened


def trace_in(error: grpc.aio.AioRpcError) -> str:
    """The trace id in the one RequestInfo of a status."""
    packed = dict(error.trailing_metadata() or ())["grpc-status-details-bin"]
    assert isinstance(packed, bytes)
    found: list[str] = []
    for detail in status_pb2.Status.FromString(packed).details:
        request = error_details_pb2.RequestInfo()
        if detail.Unpack(request):
            found.append(request.request_id)
    assert len(found) == 1
    return found[0]


async def refused(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


def lines(server: Serving, log: io.StringIO) -> list[dict[str, Any]]:
    assert server.app.rooms.instruments.logs.writer.flush()
    return [line for line in map(json.loads, log.getvalue().splitlines()) if line["event"] == "call"]


async def test_a_refused_call_is_found_in_the_log_by_what_its_caller_is_told(server: Serving, log: io.StringIO) -> None:
    traces = []
    for client in (server.acme, server.globex):
        with pytest.raises(AtpCallError) as caught:
            await client.get_decision(GetDecisionRequest(decision_id="nobody"))
        traces.append(caught.value.trace_id)

    assert len(set(traces)) == 2
    assert [(line["trace_id"], line["tenant"]) for line in lines(server, log)] == list(
        zip(traces, ("acme", "globex"), strict=True)
    )


async def test_a_caller_with_a_trace_gets_it_back(server: Serving) -> None:
    tracer = TracerProvider().get_tracer("caller")
    with tracer.start_as_current_span("work") as work, pytest.raises(AtpCallError) as caught:
        await server.acme.route(prompt(""))

    assert caught.value.trace_id == trace.format_trace_id(work.get_span_context().trace_id)


async def test_items_of_batches_name_their_call(server: Serving) -> None:
    with TracerProvider().get_tracer("caller").start_as_current_span("work") as work:
        routed = await server.acme.route_batch(
            RouteBatchRequest(requests=[prompt(""), prompt(), prompt("", request_id="r1"), prompt(policy="ghost")])
        )
        observed = await server.acme.observe_batch(ObserveBatchRequest(requests=[FORGED, ObserveRequest()]))

    expected = trace.format_trace_id(work.get_span_context().trace_id)
    statuses = [result.error for result in routed.results if result.HasField("error")]
    statuses += [result.error for result in observed.results if result.HasField("error")]
    assert [refusal(status).trace_id for status in statuses] == [expected] * 5


async def test_items_of_streams_name_their_call(server: Serving, channel: grpc.aio.Channel) -> None:
    with TracerProvider().get_tracer("caller").start_as_current_span("work") as work:
        async with server.acme.route_stream() as stream:
            with pytest.raises(AtpCallError) as routed:
                await stream.route(prompt(policy="ghost"))
        async with server.acme.observe_stream() as reports:
            with pytest.raises(AtpCallError) as observed:
                await reports.observe(FORGED)

    expected = trace.format_trace_id(work.get_span_context().trace_id)
    assert routed.value.trace_id == observed.value.trace_id == expected


async def test_a_stream_that_is_refused_names_itself(channel: grpc.aio.Channel) -> None:
    call = channel.stream_stream("/atp.v1.ObserveService/ObserveStream")(metadata=TRACED)

    assert trace_in(await refused(call.read())) == TRACE


async def test_a_call_without_a_credential_and_one_to_no_method_are_named(channel: grpc.aio.Channel) -> None:
    assert trace_in(await refused(channel.unary_unary("/atp.v1.RouteService/Route")(b"", metadata=TRACED))) == TRACE
    assert trace_in(await refused(channel.unary_unary("/made/up")(b"", metadata=TRACED))) == TRACE
    assert int(trace_in(await refused(channel.unary_unary("/made/up")(b""))), 16)


async def test_a_health_check_of_no_service_is_named(channel: grpc.aio.Channel) -> None:
    check = health_pb2_grpc.HealthStub(channel).Check
    request = health_pb2.HealthCheckRequest(service="nobody")

    assert trace_in(await refused(check(request, metadata=TRACED))) == TRACE
    assert int(trace_in(await refused(check(request))), 16)


async def test_lines_of_streams_and_batches_count_what_went_through(server: Serving, log: io.StringIO) -> None:
    await server.acme.route_batch(RouteBatchRequest(requests=[prompt(), prompt("")]))
    async with server.acme.route_stream() as stream:
        await stream.route(prompt())
        with pytest.raises(AtpCallError):
            await stream.route(prompt(policy="ghost"))

    batch, streamed = lines(server, log)
    assert (batch["items"], batch["failed_items"]) == (2, 1)
    assert (streamed["received"], streamed["sent"], streamed["failed_items"]) == (2, 3, 1)
