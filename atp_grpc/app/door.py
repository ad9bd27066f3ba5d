"""The door of a process: who may call, which methods there are, and the listeners they are called on.

`open_app` enters here once the rooms stand, and leaves here first. Health turns SERVING last and NOT_SERVING first.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from atp_grpc import __version__
from atp_grpc.app.keys import open_principals
from atp_grpc.app.rooms import Rooms
from atp_grpc.config import Settings
from atp_grpc.services.catalog import CatalogServicer
from atp_grpc.services.decision import DecisionServicer
from atp_grpc.services.idempotency import Idempotency
from atp_grpc.services.observe import ObserveServicer
from atp_grpc.services.operations import Instance, OperationsServicer
from atp_grpc.services.pages import Pages
from atp_grpc.services.route import RouteServicer
from atp_grpc.services.validation import Validation
from atp_grpc.shared.local import LocalClaims
from atp_grpc.telemetry.call_log import CallLog
from atp_grpc.telemetry.traces import TraceIds
from atp_grpc.transport.edge import Edge
from atp_grpc.transport.grpcio.options import ListenerSettings
from atp_grpc.transport.grpcio.server import GrpcioServer
from atp_grpc.transport.method import Method
from atp_grpc.transport.ops_http import OpsServer
from atp_grpc.transport.reflection import is_reflection_open
from atp_grpc.transport.table import methods_of
from atp_grpc.transport.traffic import Traffic

DRAIN_SHARE = 0.7
"""Part of the shutdown time that calls may use; the rest is for writing down what was learned."""


@dataclass(frozen=True, slots=True)
class Door:
    """The open listeners. `ops_port` is None when the ops server is off; `new_key` is a dev key made at this start."""

    grpc_port: int
    ops_port: int | None
    new_key: str | None
    traffic: Traffic


@asynccontextmanager
async def open_door(rooms: Rooms) -> AsyncIterator[Door]:
    """Listens until the block ends, then drains.

    Raises:
        ListenError: a port is taken. CredentialsMissingError: nobody could ever call.
    """
    settings, traffic = rooms.settings, Traffic()
    principals, new_key = open_principals(settings, rooms.secrets)
    instruments, validation = rooms.instruments, Validation()
    call_log = CallLog(
        instruments.logs.writer,
        rooms.clock,
        level=instruments.logs.level,
        success_logs_per_second=settings.telemetry.success_logs_per_second,
    )
    edge = Edge(
        identify=principals.identify,
        validation=validation,
        clock=rooms.clock,
        trace_ids=TraceIds(random.Random()),  # noqa: S311 - distinct, not secret
        call_log=call_log,
        metrics=instruments.metrics,
        incidents=instruments.incidents,
        traffic=traffic,
        default_deadline_seconds=settings.server.default_deadline_seconds,
        max_deadline_seconds=settings.server.max_deadline_seconds,
        on_exit=lambda _: os.kill(os.getpid(), signal.SIGTERM),
    )
    server = GrpcioServer(
        _methods(rooms, validation),
        edge=edge,
        traffic=traffic,
        settings=_listener(settings),
        has_reflection=is_reflection_open(
            settings.server.reflection,
            profile=settings.profile,
            host=settings.server.host,
            behind_proxy=settings.server.behind_proxy,
        ),
    )
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        stack.callback(loop.set_exception_handler, loop.get_exception_handler())
        loop.set_exception_handler(instruments.incidents.loop_handler)
        ops_port = None
        if settings.ops.port >= 0:
            ops = OpsServer(
                host=settings.ops.host,
                port=settings.ops.port,
                registry=instruments.metrics.registry,
                is_ready=lambda: server.health.is_serving,
            )
            ops_port = await ops.start()
            stack.push_async_callback(ops.stop)
        grpc_port = await server.start()
        stack.push_async_callback(_drain, server, settings)
        instruments.metrics.watch_open_calls(lambda: traffic.open_calls)
        instruments.metrics.watch_lines(
            dropped=lambda: instruments.logs.writer.dropped, left_out=lambda: call_log.left_out
        )
        server.health.enter_service()
        yield Door(grpc_port=grpc_port, ops_port=ops_port, new_key=new_key, traffic=traffic)


async def _drain(server: GrpcioServer, settings: Settings) -> None:
    delay = settings.server.drain_delay_seconds
    grace = max(DRAIN_SHARE * settings.server.shutdown_seconds - delay, 0.0)
    await server.drain(delay_seconds=delay, grace_seconds=grace)


def _methods(rooms: Rooms, validation: Validation) -> list[Method]:
    """Every method that is served."""
    settings, instruments = rooms.settings, rooms.instruments
    claims = LocalClaims(
        rooms.clock,
        ids_per_tenant=settings.idempotency.ids_per_tenant,
        bytes_per_tenant=settings.idempotency.bytes_per_tenant,
    )
    servicers = (
        RouteServicer(
            router=rooms.router,
            idempotency=Idempotency(claims, ttl_seconds=settings.idempotency.ttl_seconds),
            validation=validation,
            engine_name=lambda: rooms.engine.name,
            on_routed=instruments.routed,
        ),
        ObserveServicer(observer=rooms.observer, validation=validation, on_recorded=instruments.recorded),
        DecisionServicer(observer=rooms.observer),
        CatalogServicer(snapshot=lambda: rooms.catalogue.snapshot, pages=Pages(rooms.secrets)),
        OperationsServicer(
            instance=Instance(
                instance_id=rooms.instance_id,
                version=__version__,
                started_nanos=rooms.started_nanos,
                profile=settings.profile,
                store=rooms.store.kind,
                replica=rooms.store.replica,
            ),
            catalogue=rooms.catalogue,
            engine=rooms.engine,
            quarantined=rooms.quarantined,
            last_sequence=lambda: rooms.learner.learned_through,
            clock=rooms.clock,
        ),
    )
    return [method for servicer in servicers for method in methods_of(servicer.contract, servicer)]


def _listener(settings: Settings) -> ListenerSettings:
    server = settings.server
    return ListenerSettings(
        host=server.host,
        port=server.port,
        max_concurrent_streams=server.max_concurrent_streams,
        max_metadata_bytes=server.max_metadata_bytes,
        max_deadline_seconds=server.max_deadline_seconds,
        keepalive_seconds=server.keepalive_seconds,
        keepalive_timeout_seconds=server.keepalive_timeout_seconds,
    )
