"""Spans at the door: every way a call can end is one span, and a call that is not traced is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from atp_grpc.domain.call import Call
from atp_grpc.domain.errors import StoreUnavailableError
from atp_grpc.pb.atp.v1 import route_service_pb2
from atp_grpc.services.stream import CallStream
from atp_grpc.telemetry.otlp import export_request
from atp_grpc.telemetry.span_encoding import SpanEncoder
from atp_grpc.telemetry.spans import Ended
from tests.rpc.door.probe import AS_ACME, AS_GLOBEX, Door, info_of, open_door, refused, until
from tests.rpc.door.test_retries import RETRIES, failing
from tests.rpc.tracing.receiver import attributes_of

HELLO = route_service_pb2.RouteRequest(prompt="canary")
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACED = ("traceparent", f"00-{TRACE}-{PARENT}-01")
STREAM = "/atp.v1.RouteService/RouteStream"


class Traced:
    def __init__(self) -> None:
        self.ended: list[Ended] = []

    async def spans(self, count: int = 1) -> list[trace_pb2.Span]:
        await until(lambda: len(self.ended) >= count)
        encode = SpanEncoder().encode
        request = export_request(map(encode, self.ended), resource={}, scope="s", version="1")
        assert b"canary" not in request
        [resource] = trace_service_pb2.ExportTraceServiceRequest.FromString(request).resource_spans
        spans = list(resource.scope_spans[0].spans)
        assert len(spans) == count
        return spans

    async def facts(self) -> tuple[dict[str, Any], trace_pb2.Span]:
        [span] = await self.spans()
        return attributes_of(span), span


@asynccontextmanager
async def traced_door() -> AsyncIterator[tuple[Door, Traced]]:
    traced = Traced()
    async with open_door(put_span=traced.ended.append) as door:
        yield door, traced


async def test_a_fault_is_an_error_with_the_incident_that_the_caller_is_told() -> None:
    async def behave(request: Any, call: Call) -> Any:
        raise ZeroDivisionError("canary")

    async with traced_door() as (door, traced):
        door.probe.behaviour = behave
        error = await refused(door.route(HELLO, metadata=(*AS_ACME, TRACED)))
        told, span = await traced.facts()

    assert told["atp.incident"] == info_of(error).metadata["incident"]
    assert (told["rpc.grpc.status_code"], told["atp.reason"]) == (13, "INTERNAL")
    assert (span.status.code, span.status.message) == (trace_pb2.Status.STATUS_CODE_ERROR, "INTERNAL")
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)


async def test_a_call_that_is_refused_at_the_door_has_a_span_and_was_never_handled() -> None:
    async with traced_door() as (door, traced):
        await refused(door.route(HELLO))
        await refused(door.route(HELLO, metadata=AS_GLOBEX))
        anonymous, globex = await traced.spans(2)

    assert attributes_of(anonymous)["atp.reason"] == "CREDENTIAL_REFUSED"
    assert "atp.tenant" not in attributes_of(anonymous)
    assert (attributes_of(globex)["atp.reason"], attributes_of(globex)["atp.tenant"]) == ("PERMISSION_DENIED", "globex")
    assert not anonymous.events
    assert not globex.events


async def test_a_method_that_does_not_exist_has_a_span_without_what_its_caller_made_up() -> None:
    async with traced_door() as (door, traced):
        error = await refused(door.raw("/canary/made-up")(b"", metadata=(TRACED,)))
        told, span = await traced.facts()

    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert (span.name, told["rpc.service"], told["rpc.method"]) == ("other", "other", "other")
    assert span.trace_id.hex() == TRACE


async def test_a_caller_that_leaves_is_cancelled_and_no_error() -> None:
    is_inside = asyncio.Event()

    async def behave(request: Any, call: Call) -> Any:
        is_inside.set()
        await asyncio.Event().wait()

    async with traced_door() as (door, traced):
        door.probe.behaviour = behave
        call = door.route(HELLO, metadata=AS_ACME)
        await is_inside.wait()
        call.cancel()
        told, span = await traced.facts()

    assert told["rpc.grpc.status_code"] == 1
    assert span.status.code == trace_pb2.Status.STATUS_CODE_UNSET


async def test_a_stream_that_breaks_counts_what_it_did_before() -> None:
    async def converse(stream: CallStream, call: Call) -> None:
        async for payload in stream:
            await stream.send(payload)
            if payload == b"stop":
                raise ZeroDivisionError("canary")

    async with traced_door() as (door, traced):
        door.probe.streaming = converse
        call = door.channel.stream_stream(STREAM)(metadata=AS_ACME)
        for message in (b"one", b"two", b"stop"):
            await call.write(message)
            assert await call.read() == message
        assert await call.code() is grpc.StatusCode.INTERNAL
        told, span = await traced.facts()

    assert (told["rpc.grpc.status_code"], told["atp.received"], told["atp.sent"]) == (13, 3, 3)
    assert span.status.code == trace_pb2.Status.STATUS_CODE_ERROR


async def test_a_span_that_cannot_be_handed_over_fails_no_call() -> None:
    def refuse(span: Ended) -> None:
        raise ZeroDivisionError("canary")

    async with open_door(put_span=refuse) as door:
        await door.route(HELLO, metadata=AS_ACME)

        assert [line["event"] for line in door.lines("incident")] == ["incident"]


async def test_every_try_of_a_call_is_a_span_of_its_own_that_says_which_try_it_was() -> None:
    traced = Traced()
    async with open_door(put_span=traced.ended.append, options=RETRIES) as door:
        door.probe.behaviour = failing(2, StoreUnavailableError(0.01))
        await door.route(HELLO, metadata=(*AS_ACME, TRACED))
        spans = await traced.spans(3)
        lines = door.lines()

    assert [attributes_of(span).get("atp.attempt") for span in spans] == [None, 1, 2]
    assert [attributes_of(span)["rpc.grpc.status_code"] for span in spans] == [14, 14, 0]
    assert len({span.span_id for span in spans}) == 3
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    assert [line.get("attempt") for line in lines] == [None, 1, 2]


async def test_a_handler_is_told_whether_its_call_is_traced_and_its_notes_are_in_span_and_line() -> None:
    async def behave(request: Any, call: Call) -> Any:
        assert call.is_traced
        call.note(model="swift", items=3)
        return route_service_pb2.RouteResponse()

    async with traced_door() as (door, traced):
        door.probe.behaviour = behave
        await door.route(HELLO, metadata=AS_ACME)
        told, _ = await traced.facts()
        [line] = door.lines()

    assert (told["atp.model"], told["atp.items"]) == ("swift", 3)
    assert (line["model"], line["items"]) == ("swift", 3)
