"""The end of a server: callers that look at its health lose nothing, and nobody waits for the rest for ever."""

import asyncio
import contextlib
from typing import Any

import grpc
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from atp_grpc.domain.call import Call
from atp_grpc.pb.atp.v1 import route_service_pb2
from atp_grpc.pb.atp.v1.route_service_pb2_grpc import RouteServiceStub
from atp_grpc.transport.traffic import Drained
from tests.rpc.door.probe import AS_ACME, Door, answer, info_of, open_door, refused, until

HELLO = route_service_pb2.RouteRequest(prompt="hello")
ROUTE = "atp.v1.RouteService/Route"


async def caller(door: Door, told: list[str]) -> None:
    """Calls again and again, as long as the server says that it serves."""
    while door.server.health.is_serving:
        try:
            await door.route(HELLO, metadata=AS_ACME, timeout=10)
            told.append("OK")
        except grpc.aio.AioRpcError as error:
            told.append(error.code().name)


async def test_callers_that_look_at_the_health_lose_no_call() -> None:
    told: list[str] = []
    async with open_door() as door:
        callers = [asyncio.create_task(caller(door, told)) for _ in range(16)]
        await until(lambda: len(told) >= 200)

        drained = await door.server.drain(delay_seconds=2, grace_seconds=5)

        await asyncio.gather(*callers)
    assert drained == Drained(have_left=True, cut={}, stuck={})
    assert set(told) == {"OK"}


async def test_a_quiet_server_does_not_wait_for_the_whole_delay() -> None:
    async with open_door() as door:
        await door.route(HELLO, metadata=AS_ACME)
        started = asyncio.get_running_loop().time()

        await door.server.drain(delay_seconds=1, grace_seconds=30)

        assert 0.2 <= asyncio.get_running_loop().time() - started < 0.9


async def test_where_a_balancer_polls_the_health_even_a_quiet_server_gives_it_the_whole_delay() -> None:
    async with open_door() as door:
        await HealthStub(door.channel).Check(health_pb2.HealthCheckRequest())
        started = asyncio.get_running_loop().time()

        drained = await door.server.drain(delay_seconds=0.6, grace_seconds=30)

        assert asyncio.get_running_loop().time() - started >= 0.6
        assert not drained.have_left


async def test_a_call_that_is_inside_is_answered_and_one_that_comes_late_is_sent_elsewhere() -> None:
    gate, entered = asyncio.Event(), asyncio.Event()

    async def waiting(request: Any, call: Call) -> Any:
        entered.set()
        await gate.wait()
        return await answer(request, call)

    async with open_door() as door:
        door.probe.behaviour = waiting
        early = door.route(HELLO, metadata=AS_ACME, timeout=30)
        await entered.wait()
        drain = asyncio.create_task(door.server.drain(delay_seconds=0.02, grace_seconds=20))
        await until(lambda: door.traffic.is_refusing)

        late = await refused(door.route(HELLO, metadata=AS_ACME, timeout=30))
        gate.set()

        assert info_of(late).reason == "DRAINING"
        assert (await early).decision_id == "d1"
        assert (await drain).cut == {}


async def test_a_stream_goes_on_while_callers_leave_and_ends_in_good_order_after() -> None:
    async with open_door() as door:
        stream = RouteServiceStub(door.channel).RouteStream(metadata=AS_ACME)
        await stream.write(route_service_pb2.RouteStreamRequest(correlation_id="1", request=HELLO))
        assert await stream.read() is not grpc.aio.EOF
        drain = asyncio.create_task(door.server.drain(delay_seconds=0.2, grace_seconds=20))
        await until(lambda: not door.server.health.is_serving)

        await stream.write(route_service_pb2.RouteStreamRequest(correlation_id="2", request=HELLO))
        assert await stream.read() is not grpc.aio.EOF
        await until(lambda: door.traffic.is_refusing)

        # The handler of this door returns at the end; what it says then is up to the servicers.
        assert await stream.read() is grpc.aio.EOF
        assert await stream.code() is grpc.StatusCode.OK
        assert (await drain).cut == {}


async def test_a_handler_that_never_ends_does_not_hold_up_the_end() -> None:
    entered = asyncio.Event()

    async def endless(request: Any, call: Call) -> Any:
        entered.set()
        await asyncio.Event().wait()

    async with open_door() as door:
        door.probe.behaviour = endless
        call = door.route(HELLO, metadata=AS_ACME, timeout=30)
        await entered.wait()
        started = asyncio.get_running_loop().time()

        drained = await door.server.drain(delay_seconds=0.02, grace_seconds=0.3)

        assert drained == Drained(have_left=False, cut={ROUTE: 1}, stuck={})
        assert asyncio.get_running_loop().time() - started < 2
        assert (await refused(call)).code() in {grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE}
        assert door.traffic.open_calls == 0


async def test_a_handler_that_ignores_its_cancellation_is_told_of_and_does_not_hold_up_the_end() -> None:
    entered, gate = asyncio.Event(), asyncio.Event()

    async def stubborn(request: Any, call: Call) -> Any:
        entered.set()
        while not gate.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await gate.wait()
        return await answer(request, call)

    async with open_door() as door:
        door.probe.behaviour = stubborn
        call = door.route(HELLO, metadata=AS_ACME, timeout=30)
        await entered.wait()
        started = asyncio.get_running_loop().time()

        drained = await door.server.drain(delay_seconds=0.02, grace_seconds=1)

        assert drained == Drained(have_left=False, cut={ROUTE: 1}, stuck={ROUTE: 1})
        assert asyncio.get_running_loop().time() - started < 2
        gate.set()
        await refused(call)
        await until(lambda: not door.traffic.open_calls)
