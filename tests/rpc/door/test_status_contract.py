"""Every reason over a real socket: the status, the details and the trailers that the contract promises."""

from typing import Any

import pytest

from atp_grpc.domain.call import Call
from atp_grpc.pb.atp.v1 import route_service_pb2
from atp_grpc.services.status import rpc_status
from tests.rpc.door.probe import AS_ACME, Door, info_of, pushback_of, refused, status_of
from tests.unit.services_status.contract import SAMPLES, written_contract

CONTRACT = written_contract()
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize("reason", sorted(SAMPLES))
async def test_a_reason_arrives_whole(door: Door, reason: str) -> None:
    async def behave(request: Any, call: Call) -> Any:
        raise SAMPLES[reason]

    door.probe.behaviour = behave

    traced = ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01")
    error = await refused(door.route(route_service_pb2.RouteRequest(prompt="hi"), metadata=(*AS_ACME, traced)))

    assert error.code().name == CONTRACT[reason].code
    assert status_of(error) == rpc_status(SAMPLES[reason], TRACE)
    assert info_of(error).reason == reason
    assert pushback_of(error) != "0"
    assert door.lines()[0]["reason"] == reason
