"""Faults on purpose at the door: whom they strike, whom never, and what a struck caller gets."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from atp_grpc.chaos import ChaosFault, ChaosTarget, InjectedFault
from atp_grpc.domain.errors import OverloadedError
from atp_grpc.domain.tenant import Permission
from atp_grpc.pb.atp.v1 import route_service_pb2
from atp_grpc.transport.chaos import EXEMPT, with_chaos
from atp_grpc.transport.method import Kind, Method
from tests.unit.chaos.worlds import chaos, errors, rule

EDGE = ChaosTarget.EDGE


async def handler(*arguments: Any) -> Any:
    return arguments


def method(service: str = "atp.v1.RouteService") -> Method:
    return Method(
        service=service,
        name="Route",
        kind=Kind.UNARY,
        request_class=route_service_pb2.RouteRequest,
        response_class=route_service_pb2.RouteResponse,
        handler=handler,
        permission=Permission.ROUTE,
        max_message_bytes=1,
        takes_bytes=True,
    )


async def test_a_method_stays_what_it_is_but_for_its_handler() -> None:
    [wrapped] = with_chaos([method()], chaos())
    assert (wrapped.full_name, wrapped.takes_bytes, wrapped.permission) == (
        "atp.v1.RouteService/Route",
        True,
        Permission.ROUTE,
    )
    assert await wrapped.handler(b"request", "call") == (b"request", "call")


async def test_half_are_sent_away_and_half_fail_as_nobody_foresaw() -> None:
    desk = chaos()
    [wrapped] = with_chaos([method()], desk)
    desk.set(EDGE, [errors(EDGE)], seed=5)
    ends: Counter[type[Exception]] = Counter()
    for _ in range(100):
        with pytest.raises((OverloadedError, InjectedFault)) as caught:
            await wrapped.handler(b"request", "call")
        ends[caught.type] += 1
    assert min(ends[OverloadedError], ends[InjectedFault]) > 25
    desk.stop()
    assert await wrapped.handler(1) == (1,)


async def test_a_late_call_is_answered_all_the_same() -> None:
    desk = chaos()
    [wrapped] = with_chaos([method()], desk)
    desk.set(EDGE, [rule(EDGE, ChaosFault.DELAY, delay_seconds=0.001)])
    assert await wrapped.handler(1) == (1,)
    assert desk.injected == Counter({(EDGE, ChaosFault.DELAY): 1})


@pytest.mark.parametrize("service", sorted(EXEMPT))
def test_health_and_operators_are_never_struck(service: str) -> None:
    exempt = method(service)
    assert with_chaos([exempt], chaos()) == [exempt]
