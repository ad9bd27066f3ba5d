"""Deadlines and cancellation: nobody works for a caller that is gone, and every end of a call is told apart."""

import asyncio
from typing import Any

import grpc
import pytest

from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import SystemClock
from atp_grpc.domain.errors import DecisionNotFoundError
from atp_grpc.pb.atp.v1 import route_service_pb2
from tests.rpc.door.probe import AS_ACME, Door, answer, info_of, open_door, pushback_of, refused, until

HELLO = route_service_pb2.RouteRequest(prompt="hello")


class Sleeper:
    """A handler that never ends by itself and tells how it ended."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.ended = asyncio.Event()

    async def __call__(self, request: Any, call: Call) -> Any:
        self.entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()


async def test_a_callers_deadline_reaches_the_handler(door: Door) -> None:
    await door.route(HELLO, metadata=AS_ACME, timeout=5)

    left = door.probe.calls[0].deadline - SystemClock().monotonic()
    # The wire rounds a timeout up to a coarse unit, so a little more than five may arrive.
    assert 3 < left < 6


async def test_a_caller_without_a_deadline_gets_the_default_one() -> None:
    async with open_door(default_deadline_seconds=20, max_deadline_seconds=40) as door:
        await door.route(HELLO, metadata=AS_ACME)

        assert 18 < door.probe.calls[0].deadline - SystemClock().monotonic() <= 20


async def test_a_deadline_too_far_away_is_capped() -> None:
    async with open_door(default_deadline_seconds=20, max_deadline_seconds=40) as door:
        await door.route(HELLO, metadata=AS_ACME, timeout=3_600)

        assert 38 < door.probe.calls[0].deadline - SystemClock().monotonic() <= 40


@pytest.mark.parametrize("timeout", [None, 3_600.0], ids=["missing", "too far"])
async def test_a_handler_is_ended_at_the_capped_deadline_and_the_caller_is_told(timeout: float | None) -> None:
    async with open_door(default_deadline_seconds=0.05, max_deadline_seconds=0.05) as door:
        door.probe.behaviour = sleeper = Sleeper()

        error = await refused(door.route(HELLO, metadata=AS_ACME, timeout=timeout))

        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert info_of(error).reason == "DEADLINE_EXCEEDED"
        assert pushback_of(error) is None
        assert sleeper.ended.is_set()
        door.probe.behaviour = answer
        assert (await door.route(HELLO, metadata=AS_ACME)).decision_id == "d1"


async def test_a_handler_that_finishes_in_spite_of_the_deadline_is_answered_and_poisons_nothing() -> None:
    async def stubborn(request: Any, call: Call) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return await answer(request, call)

    async with open_door(default_deadline_seconds=0.05) as door:
        door.probe.behaviour = stubborn

        assert (await door.route(HELLO, metadata=AS_ACME)).decision_id == "d1"


async def test_a_handler_under_a_capped_deadline_refuses_and_fails_like_any_other(door: Door) -> None:
    async def refuse(request: Any, call: Call) -> Any:
        raise DecisionNotFoundError("d1")

    door.probe.behaviour = refuse

    assert info_of(await refused(door.route(HELLO, metadata=AS_ACME))).reason == "DECISION_NOT_FOUND"


async def test_a_handler_is_ended_at_the_callers_own_deadline(door: Door) -> None:
    door.probe.behaviour = sleeper = Sleeper()

    error = await refused(door.route(HELLO, metadata=AS_ACME, timeout=0.1))
    await asyncio.wait_for(sleeper.ended.wait(), 5)

    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    # The caller's clock decides whether we see its deadline or its leaving first.
    await until(door.lines)
    [line] = door.lines()
    assert line["code"] in {"DEADLINE_EXCEEDED", "CANCELLED"}
    assert door.lines("incident") == []


@pytest.mark.parametrize(("seconds_left", "code"), [(0.001, "DEADLINE_EXCEEDED"), (30.0, "CANCELLED")])
async def test_a_call_ended_by_its_transport_is_late_when_its_time_was_over(
    door: Door, seconds_left: float, code: str
) -> None:
    door.probe.behaviour = sleeper = Sleeper()
    row = door.edge.row(_route_method(door))
    call = asyncio.ensure_future(
        row.serve(row.arrive(AS_ACME), HELLO.SerializeToString(), seconds_left, lambda: "peer")
    )
    await sleeper.entered.wait()

    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call
    assert [line["code"] for line in door.lines()] == [code]


async def test_a_spent_deadline_never_reaches_the_handler(door: Door) -> None:
    row = door.edge.row(_route_method(door))

    refusal = await row.serve(row.arrive(AS_ACME), HELLO.SerializeToString(), 0.0, lambda: "ipv4:127.0.0.1:1")

    assert not isinstance(refusal, bytes)
    assert refusal.code.name == "DEADLINE_EXCEEDED"
    assert door.probe.calls == []


@pytest.mark.parametrize("timeout", [None, 30.0], ids=["no deadline", "a deadline"])
async def test_a_caller_that_leaves_ends_the_work_and_is_logged_as_cancelled(door: Door, timeout: float | None) -> None:
    door.probe.behaviour = sleeper = Sleeper()
    call = door.route(HELLO, metadata=AS_ACME, timeout=timeout)
    await sleeper.entered.wait()

    call.cancel()
    await asyncio.wait_for(sleeper.ended.wait(), 5)

    await until(door.lines)
    [line] = door.lines()
    assert (line["level"], line["code"]) == ("info", "CANCELLED")
    assert door.lines("incident") == []
    assert door.traffic.open_calls == 0


async def test_callers_that_leave_at_any_moment_leave_nothing_behind(door: Door) -> None:
    async def slow(request: Any, call: Call) -> Any:
        for _ in range(20):
            await asyncio.sleep(0)
        return await answer(request, call)

    door.probe.behaviour = slow
    calls = [door.route(HELLO, metadata=AS_ACME, timeout=30) for _ in range(200)]
    for number, call in enumerate(calls):
        for _ in range(number % 7):
            await asyncio.sleep(0)
        call.cancel()
    ended = await asyncio.gather(*calls, return_exceptions=True)

    assert all(isinstance(one, asyncio.CancelledError | route_service_pb2.RouteResponse) for one in ended)
    assert await door.traffic.wait_until_quiet(0.0, 5)
    assert door.lines("incident") == door.lines("library") == []
    assert (await door.route(HELLO, metadata=AS_ACME)).decision_id == "d1"


def _route_method(door: Door) -> Any:
    from atp_grpc.transport.table import methods_of

    return methods_of(route_service_pb2.DESCRIPTOR.services_by_name["RouteService"], door.probe)[0]
