"""More calls than can be answered in time: some are sent away at once and told when to come back, health never is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from atp_grpc.client.messages import GetServerStatsRequest, RouteRequest
from atp_grpc.config import AdmissionSettings
from atp_grpc.pb.atp.v1 import route_service_pb2_grpc
from tests.rpc.door.probe import info_of, pushback_of, status_of
from tests.rpc.serving import ACME, GLOBEX, Serving, serving

STRICT = AdmissionSettings(target_queue_seconds=0.005, least_calls=8)
CALLERS = 200


async def flood(server: Serving, tenant: str, *, until_refused: int) -> tuple[int, list[grpc.aio.AioRpcError]]:
    """Callers that never wait and never retry, until so many calls were refused: how many were answered, and those."""
    answered = 0
    refused: list[grpc.aio.AioRpcError] = []
    metadata = (("authorization", f"Bearer {server.credentials[tenant]}"),)

    async def caller(channel: grpc.aio.Channel) -> None:
        nonlocal answered
        route = route_service_pb2_grpc.RouteServiceStub(channel).Route
        while len(refused) < until_refused:
            try:
                await route(RouteRequest(prompt="hello"), metadata=metadata, timeout=30)
                answered += 1
            except grpc.aio.AioRpcError as error:
                refused.append(error)

    options = (("grpc.enable_retries", 0),)
    async with grpc.aio.insecure_channel(server.target, options=options) as channel:
        await asyncio.gather(*(caller(channel) for _ in range(CALLERS)))
    return answered, refused


async def test_calls_that_would_wait_too_long_are_sent_away_and_told_when_to_come_back(tmp_path: Path) -> None:
    async with serving(tmp_path, admission=STRICT) as server:
        _, refused = await flood(server, ACME, until_refused=50)
        stats = await server.acme.get_server_stats(GetServerStatsRequest())

    for error in refused:
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert info_of(error).reason == "OVERLOADED"
        assert 50 <= int(pushback_of(error) or 0) <= 500
        assert any(detail.type_url.endswith("RetryInfo") for detail in status_of(error).details)
    assert stats.total_overloaded >= len(refused)
    assert stats.call_limit >= 1


async def test_health_is_told_while_calls_are_sent_away(tmp_path: Path) -> None:
    async with serving(tmp_path, admission=STRICT) as server, grpc.aio.insecure_channel(server.target) as channel:
        flooding = asyncio.ensure_future(flood(server, GLOBEX, until_refused=200))
        check = health_pb2_grpc.HealthStub(channel).Check
        told = []
        while not flooding.done():
            told.append((await check(health_pb2.HealthCheckRequest(), timeout=10)).status)
        await flooding

    assert set(told) == {health_pb2.HealthCheckResponse.SERVING}


async def test_a_server_that_catches_up_lets_everybody_in_again(tmp_path: Path) -> None:
    async with serving(tmp_path, admission=STRICT) as server:
        await flood(server, ACME, until_refused=50)
        while (await server.acme.get_server_stats(GetServerStatsRequest())).queue_depths["calls"]:
            pass
        answers = [await server.acme.route(RouteRequest(prompt="hello")) for _ in range(20)]

    assert all(answer.decision_id for answer in answers)


async def test_without_admission_control_nobody_is_sent_away(tmp_path: Path) -> None:
    async with serving(tmp_path, admission=AdmissionSettings(enabled=False)) as server:
        answers = await asyncio.gather(*(server.acme.route(RouteRequest(prompt="hello")) for _ in range(200)))
        stats = await server.acme.get_server_stats(GetServerStatsRequest())

    assert len({answer.decision_id for answer in answers}) == 200
    assert stats.total_overloaded == 0
    assert stats.call_limit == 0
