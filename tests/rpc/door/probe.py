"""A real door on a free port, with servicers behind it that do whatever a test asks of them."""

import asyncio
import io
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import SystemClock
from atp_grpc.domain.errors import CredentialRefusedError
from atp_grpc.domain.tenant import Permission, Principal
from atp_grpc.pb.atp.v1 import observe_service_pb2, route_service_pb2
from atp_grpc.pb.atp.v1.observe_service_pb2_grpc import ObserveServiceStub
from atp_grpc.pb.atp.v1.route_service_pb2_grpc import RouteServiceStub
from atp_grpc.services.stream import CallStream
from atp_grpc.services.validation import Validation
from atp_grpc.telemetry.call_log import CallLog
from atp_grpc.telemetry.incidents import Incidents
from atp_grpc.telemetry.logs import Logs, open_logs
from atp_grpc.telemetry.metrics import Metrics
from atp_grpc.telemetry.spans import Ended, Spans
from atp_grpc.telemetry.traces import TraceIds
from atp_grpc.transport.admission import OpenAdmission
from atp_grpc.transport.edge import Edge
from atp_grpc.transport.grpcio.options import ListenerSettings
from atp_grpc.transport.grpcio.server import GrpcioServer
from atp_grpc.transport.method import Method
from atp_grpc.transport.reflection import Access, reflection_rows
from atp_grpc.transport.streams import OpenStreams
from atp_grpc.transport.table import methods_of
from atp_grpc.transport.traffic import Traffic
from atp_grpc.transport.wall import Wall

Behaviour = Callable[[Any, Call], Awaitable[Any]]

ACME = Principal("acme", "key-1", frozenset(Permission))
GLOBEX = Principal("globex", "key-2", frozenset({Permission.OBSERVE}))
KEYS = {"Bearer atp_acme": ACME, "Bearer atp_globex": GLOBEX}
AS_ACME = (("authorization", "Bearer atp_acme"),)
AS_GLOBEX = (("authorization", "Bearer atp_globex"),)


def identify(authorization: str | None) -> Principal:
    """Two tenants."""
    if authorization not in KEYS:
        raise CredentialRefusedError
    return KEYS[authorization]


async def answer(request: Any, call: Call) -> route_service_pb2.RouteResponse:
    return route_service_pb2.RouteResponse(decision_id="d1", policy=call.tenant)


async def echo(stream: CallStream, call: Call) -> None:
    async for payload in stream:
        await stream.send(payload)


@dataclass
class Probe:
    """Servicers of RouteService and ObserveService."""

    behaviour: Behaviour = answer
    streaming: Behaviour = echo
    calls: list[Call] = field(default_factory=list)

    async def route(self, request: route_service_pb2.RouteRequest, call: Call) -> Message:
        self.calls.append(call)
        reply: Message = await self.behaviour(request, call)
        return reply

    async def route_batch(self, request: route_service_pb2.RouteBatchRequest, call: Call) -> Message:
        self.calls.append(call)
        return route_service_pb2.RouteBatchResponse()

    async def plan(self, request: route_service_pb2.PlanRequest, call: Call) -> Message:
        return route_service_pb2.PlanResponse()

    async def route_stream(self, stream: CallStream, call: Call) -> None:
        self.calls.append(call)
        await self.streaming(stream, call)

    async def observe_stream(self, stream: CallStream, call: Call) -> None:
        self.calls.append(call)
        await self.streaming(stream, call)

    async def observe(self, request: observe_service_pb2.ObserveRequest, call: Call) -> Message:
        self.calls.append(call)
        return observe_service_pb2.ObserveResponse(decision_id="d1", replica=call.tenant)

    async def observe_batch(self, request: observe_service_pb2.ObserveBatchRequest, call: Call) -> Message:
        return observe_service_pb2.ObserveBatchResponse()


@dataclass
class Door:
    """A served door, and what a test may look at."""

    port: int
    server: GrpcioServer
    edge: Edge
    probe: Probe
    metrics: Metrics
    traffic: Traffic
    exits: list[BaseException]
    logs: Logs
    stream: io.StringIO
    channel: grpc.aio.Channel

    @property
    def route(self) -> Any:
        return RouteServiceStub(self.channel).Route

    @property
    def observe(self) -> Any:
        return ObserveServiceStub(self.channel).Observe

    def text(self) -> str:
        """Everything logged so far."""
        assert self.logs.writer.flush()
        return self.stream.getvalue()

    def lines(self, event: str = "call") -> list[dict[str, Any]]:
        """The lines of one kind; every line must be one JSON object."""
        return [line for line in map(json.loads, self.text().splitlines()) if line["event"] == event]

    def raw(self, path: str) -> Any:
        """A method that takes and gives plain bytes."""
        return self.channel.unary_unary(path)


@asynccontextmanager
async def open_door(
    *,
    port: int = 0,
    default_deadline_seconds: float = 30.0,
    max_deadline_seconds: float = 60.0,
    success_logs_per_second: float = 1_000_000.0,
    reflection: Access = "everybody",
    put_span: Callable[[Ended], None] | None = None,
    options: tuple[tuple[str, Any], ...] = (),
    more: Sequence[Method] = (),
    slow_reader_seconds: float = 30.0,
) -> AsyncIterator[Door]:
    """Serves a door until the block ends; `more` are methods beside those of the probe."""
    clock, metrics, traffic, probe = SystemClock(), Metrics(), Traffic(), Probe()
    spans = Spans(clock=clock, source=random.Random(6), ratio=1.0, put=put_span)
    exits: list[BaseException] = []
    streams = OpenStreams(
        clock, max_open=8, max_seconds=60.0, slow_reader_seconds=slow_reader_seconds, chance=random.Random(9)
    )
    stream = io.StringIO()
    with open_logs(level="info", stream=stream, clock=clock) as logs:
        edge = Edge(
            identify=identify,
            validation=Validation(),
            clock=clock,
            trace_ids=TraceIds(random.Random(7)),
            spans=spans,
            wall=Wall(
                clock=clock,
                spans=spans,
                call_log=CallLog(logs.writer, clock, level=logs.level, success_logs_per_second=success_logs_per_second),
                incidents=Incidents(logs.logger, random.Random(8), on_incident=metrics.incident),
                on_exit=exits.append,
            ),
            metrics=metrics,
            traffic=traffic,
            streams=streams,
            admission=OpenAdmission(),
            default_deadline_seconds=default_deadline_seconds,
            max_deadline_seconds=max_deadline_seconds,
        )
        services = (
            route_service_pb2.DESCRIPTOR.services_by_name["RouteService"],
            observe_service_pb2.DESCRIPTOR.services_by_name["ObserveService"],
        )
        server = GrpcioServer(
            [
                *(method for service in services for method in methods_of(service, probe)),
                *more,
                *reflection_rows([service.full_name for service in services], reflection),
            ],
            edge=edge,
            traffic=traffic,
            streams=streams,
            settings=ListenerSettings(port=port),
            services=[service.full_name for service in services],
        )
        bound = await server.start()
        server.health.enter_service()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{bound}", options=options) as channel:
            try:
                yield Door(bound, server, edge, probe, metrics, traffic, exits, logs, stream, channel)
            finally:
                await server.drain(delay_seconds=0.0, grace_seconds=0.2)


async def until(is_true: Callable[[], object]) -> None:
    """Lets the loop turn until something holds; gives up after ten seconds."""
    end = time.monotonic() + 10
    while not is_true():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0)


async def refused(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    """The refusal of a call that must not succeed."""
    try:
        reply = await call
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError(f"the call was answered: {reply!r}")


def status_of(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    """The status in the trailers; it must agree with the call's own."""
    packed = dict(error.trailing_metadata() or ())["grpc-status-details-bin"]
    assert isinstance(packed, bytes)
    status = status_pb2.Status.FromString(packed)
    assert status.code == error.code().value[0]
    assert status.message == error.details()
    return status


def info_of(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    """The one ErrorInfo that every error carries."""
    infos = [detail for detail in status_of(error).details if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR)]
    assert len(infos) == 1
    info = error_details_pb2.ErrorInfo()
    infos[0].Unpack(info)
    assert info.domain == "atp.dev"
    return info


def pushback_of(error: grpc.aio.AioRpcError) -> str | None:
    """What gRPC's own retries are told."""
    value = dict(error.trailing_metadata() or ()).get("grpc-retry-pushback-ms")
    return None if value is None else str(value)
