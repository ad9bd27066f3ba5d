"""The figures of a process over its socket: only for operators, and what they say is what was done."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration

from atp_grpc.app import open_app
from atp_grpc.client import AtpCallError, AtpClient
from atp_grpc.client.messages import (
    Attempt,
    DrainRequest,
    GetServerStatsRequest,
    GetServerStatsResponse,
    MethodStats,
    ObserveRequest,
    RouteRequest,
)
from atp_grpc.config import AdmissionSettings
from atp_grpc.domain.tenant import Permission
from tests.rpc.serving import ACME, key_for, serving, settings_for
from tests.rpc.waiting import eventually


def method(stats: GetServerStatsResponse, name: str) -> MethodStats:
    [found] = [one for one in stats.methods if f"{one.service.rpartition('.')[2]}/{one.method}" == name]
    return found


async def test_the_figures_are_what_both_tenants_did(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        answers = [await server.acme.route(RouteRequest(prompt="hello")) for _ in range(3)]
        answers += [await server.globex.route(RouteRequest(prompt="hello")) for _ in range(2)]
        with pytest.raises(AtpCallError):
            await server.globex.route(RouteRequest())
        for answer in answers[:2]:
            took = Duration(seconds=1)
            attempt = Attempt(model=answer.target.model, latency=took)
            await server.acme.observe(ObserveRequest(feedback_token=answer.feedback_token, attempts=[attempt]))

        async def ask() -> GetServerStatsResponse:
            return await server.acme.get_server_stats(GetServerStatsRequest())

        stats = await eventually(ask, is_it=lambda stats: stats.total_learned == 2)

    route = method(stats, "RouteService/Route")
    assert dict(route.total_by_code) == {"OK": 5, "InvalidArgument": 1}
    assert [bucket.total_calls for bucket in route.latency] == sorted(bucket.total_calls for bucket in route.latency)
    assert route.latency[-1].total_calls == 6
    assert route.total_seconds > 0
    assert dict(method(stats, "ObserveService/Observe").total_by_code)["OK"] == 2
    assert sum(model.total_decisions for model in stats.models) == 5
    assert dict(stats.total_decisions_by_engine) == {answers[0].engine: 5}
    expected = {one.target.model: 0 for one in answers}
    for one in answers:
        expected[one.target.model] += one.expected.cost_nano_usd
    assert {one.model: one.total_expected_cost_nano_usd for one in stats.models if one.total_decisions} == expected


async def test_the_figures_describe_the_process(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await server.acme.route(RouteRequest(prompt="hello"))
        first = await server.acme.get_server_stats(GetServerStatsRequest())
        second = await server.acme.get_server_stats(GetServerStatsRequest())
        instance = server.app.rooms.instance_id

    assert first.instance_id == second.instance_id == instance
    assert second.taken_at.ToNanoseconds() > first.taken_at.ToNanoseconds()
    assert second.uptime.ToNanoseconds() > first.uptime.ToNanoseconds() > 0
    assert second.total_cpu_seconds >= first.total_cpu_seconds > 0
    assert second.resident_bytes > 10_000_000
    # The call that asks is inside.
    assert (first.open_calls, first.open_streams, first.draining) == (1, 0, False)
    assert {check.name for check in first.checks} >= {"store", "engine", "loop"}
    assert set(first.queue_depths) >= {"calls", "decisions", "observations"}
    assert (first.total_incidents, first.total_overloaded) == (0, 0)


async def test_the_limit_on_waiting_calls_is_told_only_where_there_is_one(tmp_path: Path) -> None:
    limits = []
    for number, admission in enumerate((AdmissionSettings(least_calls=2_000), AdmissionSettings(enabled=False))):
        async with serving(tmp_path / str(number), admission=admission) as server:
            limits.append((await server.acme.get_server_stats(GetServerStatsRequest())).call_limit)

    assert limits == [2_000, 0]


async def test_a_tenant_without_the_permission_sees_no_figures_and_drains_nothing(tmp_path: Path) -> None:
    every_other = tuple(permission for permission in Permission if permission is not Permission.OPERATE)
    credential, key = key_for(tmp_path, ACME, every_other)
    async with (
        open_app(settings_for(tmp_path, (key,))) as app,
        AtpClient.open(f"127.0.0.1:{app.door.grpc_port}", credential=credential) as tenant,
    ):
        refused = []
        for ask in (
            tenant.get_server_stats(GetServerStatsRequest()),
            tenant.drain(DrainRequest(instance_id=app.rooms.instance_id)),
        ):
            with pytest.raises(AtpCallError) as caught:
                await ask
            refused.append((caught.value.code, caught.value.reason))
        assert not app.stop.is_made
        assert (await tenant.route(RouteRequest(prompt="hello"))).decision_id

    assert refused == [("PERMISSION_DENIED", "PERMISSION_DENIED")] * 2
