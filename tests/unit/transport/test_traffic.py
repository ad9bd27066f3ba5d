"""Who is inside, who still comes, and who looks: what a drain waits for."""

from __future__ import annotations

import asyncio
import time

from atp_grpc.transport.traffic import Traffic

ROUTE, STREAM = "atp.v1.RouteService/Route", "atp.v1.RouteService/RouteStream"


def test_what_is_inside_is_known_by_method() -> None:
    traffic = Traffic()
    traffic.enter(ROUTE)
    traffic.enter(ROUTE)
    traffic.enter_stream(STREAM)
    assert traffic.open_methods() == {ROUTE: 2, STREAM: 1}
    traffic.leave(ROUTE)
    traffic.leave(ROUTE)
    assert traffic.open_methods() == {STREAM: 1}
    traffic.leave_stream(STREAM)
    assert traffic.open_methods() == {}
    assert (traffic.open_calls, traffic.open_streams, traffic.arrivals) == (0, 0, 3)


async def test_callers_have_left_once_none_is_inside_and_none_comes_for_a_fifth_of_their_time() -> None:
    traffic = Traffic()
    traffic.enter(ROUTE)
    leaving = asyncio.create_task(traffic.wait_until_callers_left(2.0))
    await asyncio.sleep(0)
    traffic.leave(ROUTE)
    quiet_since = time.monotonic()

    assert await leaving
    assert 0.4 <= time.monotonic() - quiet_since < 1.5


async def test_a_caller_who_is_still_inside_has_not_left() -> None:
    traffic = Traffic()
    traffic.enter(ROUTE)
    assert not await traffic.wait_until_callers_left(0.1)


async def test_a_stream_holds_nobody_up_who_wants_to_leave_but_is_not_forgotten() -> None:
    traffic = Traffic()
    traffic.enter_stream(STREAM)
    assert await traffic.wait_until_callers_left(0.1)
    assert not await traffic.wait_until_empty(0.05)
    traffic.leave_stream(STREAM)
    assert await traffic.wait_until_empty(0.05)


async def test_whoever_polls_gets_the_whole_time_even_if_he_comes_late() -> None:
    traffic = Traffic()
    began = time.monotonic()
    leaving = asyncio.create_task(traffic.wait_until_callers_left(0.4))
    await asyncio.sleep(0)
    traffic.polled()
    assert not await leaving
    assert time.monotonic() - began >= 0.4


async def test_no_time_to_leave_is_no_time_lost() -> None:
    traffic = Traffic()
    traffic.polled()
    began = time.monotonic()
    await traffic.wait_until_callers_left(0.0)
    assert time.monotonic() - began < 0.2
