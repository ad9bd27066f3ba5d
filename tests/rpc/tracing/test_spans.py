"""Spans of a real server at a real collector: who called whom, what came of it, and nothing given in confidence."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from opentelemetry import trace
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

from atp_grpc.client import AtpCallError
from atp_grpc.client.messages import (
    GetDecisionRequest,
    GetServerInfoRequest,
    ObserveBatchRequest,
    ObserveRequest,
    RouteBatchRequest,
)
from atp_grpc.config import Secret, TelemetrySettings
from tests.rpc.provoking import prompt
from tests.rpc.serving import ACME, Serving, serving
from tests.rpc.tracing.receiver import Receiver, attributes_of, receiving
from tests.rpc.waiting import until

ROUTE = "atp.v1.RouteService/Route"


def tracing_to(receiver: Receiver, **changes: Any) -> TelemetrySettings:
    fields: dict[str, Any] = {"traces_endpoint": receiver.url, "trace_ratio": 1.0, "service_name": "router"}
    return TelemetrySettings(**(fields | changes))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
async def server(tmp_path: Path, receiver: Receiver) -> AsyncIterator[Serving]:
    async with serving(tmp_path, telemetry=tracing_to(receiver, traces_headers=Secret("x-key=s3cret"))) as running:
        yield running


def tracer(*, is_sampled: bool = True) -> trace.Tracer:
    return TracerProvider(sampler=ALWAYS_ON if is_sampled else ALWAYS_OFF).get_tracer("caller")


async def spans_of(receiver: Receiver, count: int) -> list[trace_pb2.Span]:
    """The spans that came, once there are that many."""
    await until(lambda: len(receiver.spans) >= count)
    return receiver.spans


async def test_a_call_within_a_span_of_its_caller_is_its_child(server: Serving, receiver: Receiver) -> None:
    with tracer().start_as_current_span("work") as work:
        answer = await server.acme.route(prompt("What is 2 + 2?"))

    [span] = await spans_of(receiver, 1)
    context = work.get_span_context()
    assert span.trace_id.hex() == f"{context.trace_id:032x}"
    assert span.parent_span_id.hex() == f"{context.span_id:016x}"
    assert span.span_id not in {b"", span.parent_span_id, bytes(8)}
    assert (span.name, span.kind) == (ROUTE, trace_pb2.Span.SPAN_KIND_SERVER)
    told = attributes_of(span)
    rooms = server.app.rooms
    assert told == {
        "rpc.system": "grpc",
        "rpc.service": "atp.v1.RouteService",
        "rpc.method": "Route",
        "rpc.grpc.status_code": 0,
        "atp.tenant": "acme",
        "atp.decision_id": answer.decision_id,
        "atp.model": answer.target.model,
        "atp.policy": "default",
        "atp.engine": rooms.engine.name,
        "atp.candidates": len(rooms.catalogue.snapshot.models),
    }
    assert 0 < span.end_time_unix_nano - span.start_time_unix_nano < 10e9
    assert abs(span.start_time_unix_nano - time.time_ns()) < 60e9
    [handling] = span.events
    assert span.start_time_unix_nano <= handling.time_unix_nano <= span.end_time_unix_nano


async def test_a_caller_who_does_not_record_its_trace_is_not_recorded_here(server: Serving, receiver: Receiver) -> None:
    with tracer(is_sampled=False).start_as_current_span("work"):
        await server.acme.route(prompt())
    await server.globex.route(prompt())

    [span] = await spans_of(receiver, 1)
    assert attributes_of(span)["atp.tenant"] == "globex"


async def test_of_the_calls_without_a_trace_only_the_share_is_recorded(tmp_path: Path, receiver: Receiver) -> None:
    async with serving(tmp_path, telemetry=tracing_to(receiver, trace_ratio=0.0)) as server:
        for _ in range(20):
            await server.acme.route(prompt())
        with tracer().start_as_current_span("work"):
            await server.acme.route(prompt())

    assert len(receiver.spans) == 1


async def test_two_tenants_have_spans_of_their_own_in_traces_of_their_own(server: Serving, receiver: Receiver) -> None:
    await server.acme.route(prompt())
    await server.globex.route(prompt())

    first, second = await spans_of(receiver, 2)
    assert {attributes_of(one)["atp.tenant"] for one in (first, second)} == {"acme", "globex"}
    assert first.trace_id != second.trace_id
    assert first.parent_span_id == second.parent_span_id == b""


async def test_a_refusal_is_a_span_with_its_reason_under_the_trace_that_the_caller_is_told(
    server: Serving, receiver: Receiver
) -> None:
    with pytest.raises(AtpCallError) as caught:
        await server.acme.get_decision(GetDecisionRequest(decision_id="nobody"))

    [span] = await spans_of(receiver, 1)
    assert span.trace_id.hex() == caught.value.trace_id
    assert attributes_of(span)["rpc.grpc.status_code"] == 5
    assert attributes_of(span)["atp.reason"] == "DECISION_NOT_FOUND"
    assert span.status.code == trace_pb2.Status.STATUS_CODE_UNSET


async def test_a_batch_is_one_span_that_counts_its_items(server: Serving, receiver: Receiver) -> None:
    answer = await server.acme.route_batch(RouteBatchRequest(requests=[prompt(), prompt(""), prompt(request_id="r1")]))
    token = answer.results[0].response.feedback_token
    reports = [ObserveRequest(feedback_token=token, quality=1.0), ObserveRequest(feedback_token=b"forged", quality=1.0)]
    await server.acme.observe_batch(ObserveBatchRequest(requests=reports))

    routed, observed = [attributes_of(span) for span in await spans_of(receiver, 2)]
    assert (routed["rpc.method"], routed["atp.items"], routed["atp.failed_items"]) == ("RouteBatch", 3, 1)
    assert (observed["rpc.method"], observed["atp.items"], observed["atp.failed_items"]) == ("ObserveBatch", 2, 1)
    assert "atp.decision_id" not in routed


async def test_a_stream_is_one_span_that_counts_its_messages(server: Serving, receiver: Receiver) -> None:
    with tracer().start_as_current_span("work") as work:
        async with server.acme.route_stream() as stream:
            for _ in range(5):
                await stream.route(prompt())
            with pytest.raises(AtpCallError) as caught:
                await stream.route(prompt(policy="ghost"))

    [span] = await spans_of(receiver, 1)
    told = attributes_of(span)
    assert span.trace_id.hex() == caught.value.trace_id == f"{work.get_span_context().trace_id:032x}"
    assert (told["rpc.method"], told["rpc.grpc.status_code"]) == ("RouteStream", 0)
    # Six answers and the end.
    assert (told["atp.received"], told["atp.sent"], told["atp.failed_items"]) == (6, 7, 1)
    assert "atp.decision_id" not in told


async def test_an_observation_names_its_decision(server: Serving, receiver: Receiver) -> None:
    answer = await server.acme.route(prompt())
    await server.acme.observe(ObserveRequest(feedback_token=answer.feedback_token, quality=0.5))

    _, span = await spans_of(receiver, 2)
    assert attributes_of(span)["atp.decision_id"] == answer.decision_id


async def test_spans_name_the_process_as_it_names_itself(server: Serving, receiver: Receiver) -> None:
    info = await server.acme.get_server_info(GetServerInfoRequest())
    await spans_of(receiver, 1)

    [resource] = receiver.requests[0].resource_spans
    named = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert named["service.name"] == "router"
    assert named["service.instance.id"] == info.instance_id
    assert named["service.version"] == info.version
    assert receiver.headers[0]["x-key"] == "s3cret"


async def test_nothing_that_a_caller_sends_or_is_given_in_confidence_is_in_a_span(
    server: Serving, receiver: Receiver
) -> None:
    canaries = ["canary-prompt", "canary-label", "canary-session", "canary-task"]
    request = prompt(
        "canary-prompt", labels={"k": "canary-label"}, session_id="canary-session", task_type="canary-task"
    )
    answer = await server.acme.route(request)
    await server.acme.observe(ObserveRequest(feedback_token=answer.feedback_token, quality=0.5))
    for bad in (prompt("canary-prompt", policy="canary-policy"), prompt("canary-prompt", request_id="canary id !")):
        with pytest.raises(AtpCallError):
            await server.acme.route(bad)

    await spans_of(receiver, 4)
    sent = b"".join(receiver.raw)
    assert answer.decision_id.encode() in sent
    key = server.credentials[ACME]
    for secret in (*canaries, "canary", key, key.rpartition("_")[2], "s3cret"):
        assert secret.encode() not in sent, secret
    assert answer.feedback_token not in sent


async def test_a_collector_that_hangs_changes_nothing_but_a_count(tmp_path: Path) -> None:
    is_free = threading.Event()
    hanging = Receiver(before_answer=lambda: is_free.wait(30))
    with receiving(hanging):
        async with serving(tmp_path, telemetry=tracing_to(hanging, traces_queue=10)) as server:
            for _ in range(200):
                await server.acme.route(prompt())
            url = f"http://127.0.0.1:{server.app.door.ops_port}/metrics"
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                page = await response.text()
            counts = dict(line.rsplit(" ", 1) for line in page.splitlines() if line.startswith("atp_"))
            assert float(counts['atp_queue_depth{queue="spans"}']) <= 10
            # Ten may have been on their way when the collector fell silent.
            assert 180 <= float(counts['atp_spans_dropped_total{cause="queue_full"}']) <= 190
            assert float(counts["atp_spans_exported_total"]) == 0
            ending = time.monotonic()
        assert time.monotonic() - ending < 20
        is_free.set()


async def test_without_an_endpoint_there_is_neither_a_span_nor_a_thread(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        with tracer().start_as_current_span("work"):
            await server.acme.route(prompt())

        assert "spans" not in {thread.name for thread in threading.enumerate()}
        assert server.app.rooms.instruments.spans.begin("a" * 32, f"00-{'a' * 32}-{'b' * 16}-01", "") is None


async def test_what_was_not_sent_yet_is_sent_at_the_end(tmp_path: Path, receiver: Receiver) -> None:
    async with serving(tmp_path, telemetry=tracing_to(receiver)) as server:
        for _ in range(30):
            await server.acme.route(prompt())

    assert len(receiver.spans) == 30
