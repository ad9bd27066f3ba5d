"""The end of a server: callers that look at its health lose nothing, and nobody waits for the rest for ever."""

import asyncio
from typing import Any

import grpc

from atp_grpc.domain.call import Call
from atp_grpc.pb.atp.v1 import route_service_pb2
from tests.rpc.door.probe import AS_ACME, Door, answer, info_of, open_door, refused, until

HELLO = route_service_pb2.RouteRequest(prompt="hello")


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

        is_empty = await door.server.drain(delay_seconds=2, grace_seconds=5)

        await asyncio.gather(*callers)
    assert is_empty
    assert set(told) == {"OK"}


async def test_a_quiet_server_does_not_wait_for_the_whole_delay() -> None:
    async with open_door() as door:
        await door.route(HELLO, metadata=AS_ACME)
        started = asyncio.get_running_loop().time()

        await door.server.drain(delay_seconds=1, grace_seconds=30)

        assert 0.2 <= asyncio.get_running_loop().time() - started < 0.9


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
        assert await drain


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

        is_empty = await door.server.drain(delay_seconds=0.02, grace_seconds=0.3)

        assert not is_empty
        assert asyncio.get_running_loop().time() - started < 2
        assert (await refused(call)).code() in {grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE}
        assert door.traffic.open_calls == 0
