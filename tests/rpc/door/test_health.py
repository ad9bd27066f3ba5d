"""grpc.health.v1 as balancers and clients use it: without a credential, per service, and truthful to the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from atp_grpc.client import open_channel
from atp_grpc.pb.atp.v1 import route_service_pb2
from atp_grpc.pb.atp.v1.route_service_pb2_grpc import RouteServiceStub
from atp_grpc.transport.health import MOST_LISTED, Health, add_health
from tests.rpc.door.probe import AS_ACME, Door, info_of, open_door, refused, until

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
ROUTE, OBSERVE = "atp.v1.RouteService", "atp.v1.ObserveService"
SERVICES = ["", ROUTE, OBSERVE]


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


async def test_a_service_that_cannot_do_its_work_is_not_serving_and_the_others_are(door: Door) -> None:
    health = health_pb2_grpc.HealthStub(door.channel)
    door.server.health.judge({OBSERVE: False})

    listed = (await health.List(health_pb2.HealthListRequest())).statuses
    assert {name: one.status for name, one in listed.items()} == {"": SERVING, ROUTE: SERVING, OBSERVE: NOT_SERVING}
    assert (await health.Check(asking(OBSERVE))).status == NOT_SERVING
    assert door.server.health.is_serving

    door.server.health.judge({OBSERVE: True, "": False})
    assert (await health.Check(asking(OBSERVE))).status == SERVING
    assert (await health.Check(asking(""))).status == NOT_SERVING
    assert not door.server.health.is_serving


async def test_nothing_is_judged_that_does_not_exist(door: Door) -> None:
    with pytest.raises(KeyError, match="NoService"):
        door.server.health.judge({OBSERVE: False, "atp.v9.NoService": True})

    assert door.server.health.serving() == dict.fromkeys(SERVICES, True)


async def test_who_is_able_does_not_serve_before_its_time_and_not_after_it(door: Door) -> None:
    early = Health([ROUTE])
    early.judge({ROUTE: True})
    assert early.serving() == {"": False, ROUTE: False}

    door.server.health.leave_service()
    door.server.health.judge(dict.fromkeys(SERVICES, True))
    assert door.server.health.serving() == dict.fromkeys(SERVICES, False)
    assert door.server.health.has_left


async def test_each_watch_is_told_of_its_own_service_only(door: Door) -> None:
    async with watching(door, ROUTE) as route, watching(door, OBSERVE) as observe:
        assert (await route.read()).status == (await observe.read()).status == SERVING
        door.server.health.judge({OBSERVE: False})
        assert (await observe.read()).status == NOT_SERVING
        door.server.health.judge({OBSERVE: True})
        assert (await observe.read()).status == SERVING
        door.server.health.leave_service()
        assert (await route.read()).status == (await observe.read()).status == NOT_SERVING


async def test_a_list_of_more_than_a_hundred_is_refused() -> None:
    for count, code in ((MOST_LISTED, grpc.StatusCode.OK), (MOST_LISTED + 1, grpc.StatusCode.RESOURCE_EXHAUSTED)):
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        add_health(Health(f"acme.v1.Service{number}" for number in range(count - 1)), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = health_pb2_grpc.HealthStub(channel).List(health_pb2.HealthListRequest())
            assert await call.code() is code
        await server.stop(None)


async def test_a_watch_too_many_is_told_to_go_on_without(door: Door) -> None:
    door.server.health.max_watches = 2
    async with watching(door, "") as first, watching(door, ROUTE) as second:
        await first.read()
        await second.read()
        assert door.server.health.open_watches == 2

        error = await refused(one_answer(door, ""))
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED
        assert info_of(error).metadata["method"] == "/grpc.health.v1.Health/Watch"
        assert "Check" in (error.details() or "")
        assert (await health_pb2_grpc.HealthStub(door.channel).Check(asking(""))).status == SERVING
    await until(lambda: door.server.health.open_watches == 0)
    assert (await one_answer(door, "")).status == SERVING


async def test_whoever_takes_all_watches_keeps_no_client_away_that_watches_health(door: Door) -> None:
    """A gRPC client takes any other refusal of its watch for a sign that the server is not well."""
    door.server.health.max_watches = 1
    async with watching(door, "") as greedy, open_channel(f"127.0.0.1:{door.port}") as kit:
        await greedy.read()
        answer = await RouteServiceStub(kit).Route(
            route_service_pb2.RouteRequest(prompt="hello"), metadata=AS_ACME, timeout=10
        )
        assert answer.decision_id == "d1"
        assert door.server.health.open_watches == 1


async def test_callers_that_vanish_leave_no_watch_behind(door: Door) -> None:
    for _ in range(5):
        async with grpc.aio.insecure_channel(
            f"127.0.0.1:{door.port}", options=[("grpc.use_local_subchannel_pool", 1)]
        ) as channel:
            watches = [health_pb2_grpc.HealthStub(channel).Watch(asking(service)) for service in SERVICES * 4]
            for watch in watches:
                await watch.read()
            assert door.server.health.open_watches == len(watches)
        await until(lambda: door.server.health.open_watches == 0)


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


async def one_answer(door: Door, service: str) -> Any:
    """The first answer of a watch."""
    async with watching(door, service) as watch:
        async for response in watch:
            return response
    raise AssertionError("the watch ended without a word")


@asynccontextmanager
async def watching(door: Door, service: str) -> AsyncIterator[Any]:
    watch = health_pb2_grpc.HealthStub(door.channel).Watch(asking(service))
    try:
        yield watch
    finally:
        watch.cancel()
