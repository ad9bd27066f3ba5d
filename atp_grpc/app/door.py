"""The door of a process: who may call, which methods there are, and the listeners they are called on.

`open_app` enters here once the rooms stand, and leaves here first. Health turns SERVING last and NOT_SERVING first.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from atp_grpc.app.condition import Condition, open_checkup, watchdog_of
from atp_grpc.app.evaluating import open_operations
from atp_grpc.app.figures import FigureReader
from atp_grpc.app.keys import open_principals
from atp_grpc.app.listeners import (
    certificate_check,
    contract_access,
    listener_settings,
    notices_of,
    open_certificate,
)
from atp_grpc.app.overload import open_admission, watched_admission
from atp_grpc.app.rooms import Rooms
from atp_grpc.app.servicers import contract_rows
from atp_grpc.app.stopping import Shares, StopRequest, drain
from atp_grpc.services.validation import Validation
from atp_grpc.telemetry.call_log import CallLog
from atp_grpc.telemetry.checkup import Checkup
from atp_grpc.telemetry.load import LoadMeter
from atp_grpc.telemetry.traces import TraceIds
from atp_grpc.transport.admin_services import admin_rows
from atp_grpc.transport.admission import AdaptiveAdmission
from atp_grpc.transport.certificate import LiveCertificate
from atp_grpc.transport.chaos import with_chaos
from atp_grpc.transport.edge import Edge
from atp_grpc.transport.grpcio.server import GrpcioServer
from atp_grpc.transport.load_report import LoadReports
from atp_grpc.transport.reflection import reflection_rows
from atp_grpc.transport.streams import OpenStreams
from atp_grpc.transport.traffic import Traffic
from atp_grpc.transport.wall import Wall


@dataclass(frozen=True, slots=True)
class Door:
    """The open listeners.

    A gRPC port of -1 is not bound, and `ops_port` is None when the ops server is off. `new_key` is a dev key made at
    this start, `certificate` None without TLS.
    """

    grpc_port: int
    loopback_port: int
    addresses: tuple[str, ...]
    """Where gRPC is served, for people."""
    ops_port: int | None
    new_key: str | None
    notices: tuple[str, ...]
    traffic: Traffic
    checkup: Checkup
    certificate: LiveCertificate | None


@asynccontextmanager
async def open_door(rooms: Rooms, stop: StopRequest, condition: Condition, ops_port: int | None) -> AsyncIterator[Door]:
    """Listens until the block ends, then drains.

    Args:
        rooms: what is behind the door.
        stop: hears of callers who want the end.
        condition: is told what to say of the health of it all.
        ops_port: where the ops server listens already.

    Raises:
        ListenError: a port is taken. CredentialsMissingError: nobody could ever call.
    """
    settings, traffic = rooms.settings, Traffic()
    principals, new_key = open_principals(settings, rooms.secrets)
    certificate = await open_certificate(rooms)
    watchdog = watchdog_of(settings, rooms.instruments)
    rooms.upstream.fleet.heed_lag(lambda: watchdog.recent_lag_seconds)
    instruments, validation = rooms.instruments, Validation()
    call_log = CallLog(
        instruments.logs.writer,
        rooms.clock,
        level=instruments.logs.level,
        success_logs_per_second=settings.telemetry.success_logs_per_second,
    )
    streams = OpenStreams(
        rooms.clock,
        max_open=settings.server.max_streams,
        max_seconds=settings.server.max_stream_seconds,
        slow_reader_seconds=settings.server.slow_reader_seconds,
        chance=random.Random(),  # noqa: S311 - spreads ends, nothing more
    )
    wall = Wall(
        clock=rooms.clock,
        call_log=call_log,
        spans=instruments.spans,
        incidents=instruments.incidents,
        on_exit=lambda _: stop.make("a handler asked the process to end"),
    )
    admission = open_admission(settings.admission, rooms.clock)
    edge = Edge(
        identify=principals.identify,
        validation=validation,
        clock=rooms.clock,
        trace_ids=TraceIds(random.Random()),  # noqa: S311 - distinct, not secret
        spans=instruments.spans,
        wall=wall,
        metrics=instruments.metrics,
        traffic=traffic,
        streams=streams,
        admission=admission,
        default_deadline_seconds=settings.server.default_deadline_seconds,
        max_deadline_seconds=settings.server.max_deadline_seconds,
        max_metadata_bytes=settings.server.absolute_max_metadata_bytes,
    )
    figures = FigureReader(
        instruments.metrics.registry,
        checks=condition.results,
        loop_lag_seconds=lambda: watchdog.recent_lag_seconds,
        is_draining=lambda: condition.is_leaving,
    )
    operations = open_operations(rooms)
    methods = contract_rows(rooms, validation, stop, figures.read, operations)
    if rooms.chaos.is_allowed:
        methods = with_chaos(methods, rooms.chaos)
    services = sorted({method.service for method in methods})
    reports = LoadReports(
        LoadMeter(monotonic=rooms.clock.monotonic, calls=lambda: traffic.arrivals, errors=lambda: wall.server_faults),
        least_interval_seconds=settings.telemetry.load_report_interval_seconds,
    )
    if settings.telemetry.load_reports:
        methods += reports.rows()
    if settings.server.admin_services:
        methods += admin_rows()
    methods += reflection_rows(sorted({method.service for method in methods}), contract_access(settings))
    server = GrpcioServer(
        methods,
        edge=edge,
        traffic=traffic,
        streams=streams,
        settings=listener_settings(settings),
        services=services,
        end_trailers=reports.trailers if settings.telemetry.load_reports else tuple,
        pair=certificate.pair if certificate is not None else None,
    )
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        stack.callback(loop.set_exception_handler, loop.get_exception_handler())
        loop.set_exception_handler(instruments.incidents.loop_handler)
        await stack.enter_async_context(operations.open())
        checkup = await stack.enter_async_context(
            open_checkup(rooms, condition, watchdog=watchdog, health=server.health)
        )
        grpc_port = await server.start()
        stack.callback(server.listeners.close)
        shares = Shares.of(
            shutdown_seconds=settings.server.shutdown_seconds, drain_delay_seconds=settings.server.drain_delay_seconds
        )
        stack.push_async_callback(drain, server, shares, stop, instruments.logger)
        instruments.metrics.watch_open_calls(lambda: traffic.open_calls)
        instruments.metrics.watch_lines(
            dropped=lambda: instruments.logs.writer.dropped, left_out=lambda: call_log.left_out
        )
        rooms.background.start("streams", streams.run())
        if isinstance(admission, AdaptiveAdmission):
            rooms.background.start("admission", watched_admission(admission, server, traffic, instruments.metrics))
        if certificate is not None:
            checkup.add(certificate_check(certificate, rooms.clock))
            rooms.background.start(
                "certificate", certificate.watch(server.listeners.swap, settings.tls.reload_interval_seconds)
            )
        server.health.enter_service()
        condition.start()
        yield Door(
            grpc_port=grpc_port,
            loopback_port=server.listeners.loopback_port,
            addresses=server.listeners.addresses,
            ops_port=ops_port,
            new_key=new_key,
            notices=notices_of(settings),
            traffic=traffic,
            checkup=checkup,
            certificate=certificate,
        )
