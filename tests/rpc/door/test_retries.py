"""What gRPC's own retries do with our refusals: the pushback is obeyed, and no refusal is final by accident."""

import asyncio
import json
import time
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2

from atp_grpc.domain.call import Call
from atp_grpc.domain.errors import (
    AtpError,
    DrainingError,
    ModelsUnavailableError,
    OutcomeConflictError,
    RequestIdsExhaustedError,
    RevisionNotReachedError,
    StoreUnavailableError,
)
from atp_grpc.pb.atp.v1 import route_service_pb2
from tests.rpc.door.probe import AS_ACME, Behaviour, Door, answer, open_door, pushback_of, refused, status_of

HELLO = route_service_pb2.RouteRequest(prompt="hello")
RETRIES = (
    (
        "grpc.service_config",
        json.dumps(
            {
                "methodConfig": [
                    {
                        "name": [{"service": "atp.v1.RouteService"}],
                        "retryPolicy": {
                            "maxAttempts": 4,
                            "initialBackoff": "0.01s",
                            "maxBackoff": "0.02s",
                            "backoffMultiplier": 2,
                            "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
                        },
                    }
                ]
            }
        ),
    ),
)


def failing(times: int, error: AtpError) -> Behaviour:
    left = iter(range(times))

    async def behave(request: Any, call: Call) -> Any:
        if next(left, None) is not None:
            raise error
        return await answer(request, call)

    return behave


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.05])
async def test_a_short_wait_is_retried_by_the_client_itself_and_never_hangs(seconds: float) -> None:
    async with open_door(options=RETRIES) as door:
        door.probe.behaviour = failing(2, StoreUnavailableError(seconds))

        reply = await door.route(HELLO, metadata=AS_ACME, timeout=10)

        assert reply.decision_id == "d1"
        assert [call.attempt for call in door.probe.calls] == [0, 1, 2]


async def test_a_client_waits_as_long_as_it_is_told() -> None:
    async with open_door(options=RETRIES) as door:
        door.probe.behaviour = failing(1, StoreUnavailableError(0.3))
        started = time.perf_counter()

        await door.route(HELLO, metadata=AS_ACME, timeout=10)

        assert time.perf_counter() - started >= 0.29


async def test_a_refusal_for_a_long_while_is_not_retried_inside_the_call() -> None:
    async with open_door(options=RETRIES) as door:
        door.probe.behaviour = failing(4, RequestIdsExhaustedError(600.0))

        error = await refused(door.route(HELLO, metadata=AS_ACME, timeout=10))

        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert len(door.probe.calls) == 1


async def test_a_server_on_its_way_out_does_not_hang_a_client_with_retries() -> None:
    async with open_door(options=RETRIES) as door:
        door.traffic.is_refusing = True

        error = await asyncio.wait_for(refused(door.route(HELLO, metadata=AS_ACME, timeout=10)), 5)

        assert error.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("error", "pushback", "retry_ms"),
    [
        (StoreUnavailableError(0.0), "10", 10),
        (StoreUnavailableError(0.25), "250", 250),
        (StoreUnavailableError(-3.0), "10", 10),
        (StoreUnavailableError(float("nan")), "50", 50),
        (StoreUnavailableError(float("inf")), "50", 50),
        (DrainingError(0.02), "20", 20),
        (ModelsUnavailableError([], retry_after_seconds=1.0004), "1001", 1_001),
        (RevisionNotReachedError(min_revision=3, revision=2, retry_after_seconds=0.1), "100", 100),
        (RequestIdsExhaustedError(600.0), "-1", 600_000),
        (OutcomeConflictError("quality"), "-1", None),
    ],
)
async def test_the_pushback_is_ten_milliseconds_or_more_or_minus_one_and_agrees_with_the_retry_info(
    door: Door, error: AtpError, pushback: str, retry_ms: int | None
) -> None:
    door.probe.behaviour = failing(1, error)

    told = await refused(door.route(HELLO, metadata=AS_ACME))

    assert pushback_of(told) == pushback
    advice = [one for one in status_of(told).details if one.Is(error_details_pb2.RetryInfo.DESCRIPTOR)]
    if retry_ms is None:
        assert advice == []
    else:
        info = error_details_pb2.RetryInfo()
        advice[0].Unpack(info)
        assert info.retry_delay.ToMilliseconds() == retry_ms
