"""A running server whose answers the test writes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest
from grpc_health.v1 import health_pb2_grpc

from tests.unit.client.scripted_server import Scripted, handlers_of


@pytest.fixture
async def server() -> AsyncIterator[Scripted]:
    scripted = Scripted()
    running = grpc.aio.server(options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 16 * 1024 * 1024)])
    running.add_generic_rpc_handlers(handlers_of(scripted))
    health_pb2_grpc.add_HealthServicer_to_server(scripted.health, running)
    await scripted.set_health("SERVING")
    scripted.target = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
    await running.start()
    yield scripted
    await running.stop(grace=None)
