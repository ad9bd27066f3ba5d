"""grpc.health.v1 as balancers and clients use it: without a credential, per service, and truthful to the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.rpc.door.probe import Door, info_of, open_door, refused

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
SERVICES = ["", "atp.v1.RouteService", "atp.v1.ObserveService"]


def asking(service: str) -> Any:
    return health_pb2.HealthCheckRequest(service=service)


@pytest.mark.parametrize("service", SERVICES)
async def test_each_service_and_the_whole_can_be_checked_without_a_credential(door: Door, service: str) -> None:
    health = health_pb2_grpc.HealthStub(door.channel)

    assert (await health.Check(asking(service))).status == SERVING
    door.server.health.leave_service()
    assert (await health.Check(asking(service))).status == NOT_SERVING


async def test_a_service_nobody_knows_is_not_found(door: Door) -> None:
    error = await refused(health_pb2_grpc.HealthStub(door.channel).Check(asking("atp.v9.NoService")))

    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert info_of(error).reason == "RESOURCE_NOT_FOUND"


async def test_the_list_holds_every_service(door: Door) -> None:
    listed = await health_pb2_grpc.HealthStub(door.channel).List(health_pb2.HealthListRequest())

    assert {name: one.status for name, one in listed.statuses.items()} == dict.fromkeys(SERVICES, SERVING)


async def test_a_watch_tells_the_status_at_once_and_after_every_change(door: Door) -> None:
    async with watching(door, "atp.v1.RouteService") as watch:
        assert (await watch.read()).status == SERVING
        door.server.health.enter_service()
        door.server.health.leave_service()
        door.server.health.leave_service()
        assert (await watch.read()).status == NOT_SERVING
        told_again = asyncio.ensure_future(watch.read())
        await health_pb2_grpc.HealthStub(door.channel).Check(asking(""))
        assert not told_again.done()


async def test_a_watch_of_a_service_nobody_knows_stays_open(door: Door) -> None:
    async with watching(door, "atp.v9.NoService") as watch:
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        assert not watch.done()


async def test_who_has_left_service_never_comes_back(door: Door) -> None:
    door.server.health.leave_service()
    door.server.health.enter_service()

    assert not door.server.health.is_serving


async def test_open_watches_end_cleanly_and_do_not_hold_up_the_drain() -> None:
    async with open_door() as door, watching(door, "") as watch:
        assert (await watch.read()).status == SERVING
        started = asyncio.get_running_loop().time()
        await door.server.drain(delay_seconds=0.05, grace_seconds=30)

        assert asyncio.get_running_loop().time() - started < 5
        assert (await watch.read()).status == NOT_SERVING
        assert await watch.read() is grpc.aio.EOF
        assert await watch.code() is grpc.StatusCode.OK


@asynccontextmanager
async def watching(door: Door, service: str) -> AsyncIterator[Any]:
    watch = health_pb2_grpc.HealthStub(door.channel).Watch(asking(service))
    try:
        yield watch
    finally:
        watch.cancel()
