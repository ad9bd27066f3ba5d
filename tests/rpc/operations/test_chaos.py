"""Faults on purpose over a socket: allowed or not, at each target, counted, and stopped again."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from atp_grpc.chaos import ChaosTarget
from atp_grpc.client import AtpCallError
from atp_grpc.client.messages import (
    ChaosRule,
    GetChaosRequest,
    GetServerInfoRequest,
    ObserveRequest,
    RouteRequest,
    SetChaosRequest,
)
from atp_grpc.config import AskSettings, HealthSettings
from atp_grpc.pb.atp.admin.v1 import operations_service_pb2 as pb
from tests.rpc.operations.serving import breakable, fault, inject
from tests.rpc.serving import Serving, serving
from tests.rpc.waiting import eventually, until

PROMPT = RouteRequest(prompt="What is 2 + 2?")


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="server")
async def one_for_all(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Serving]:
    async with breakable(tmp_path_factory.mktemp("chaos") / "data") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def calm(server: Serving) -> AsyncIterator[None]:
    yield
    for target in ChaosTarget:
        await inject(server.acme, target.name)


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_second_call_fails_at_the_door_until_it_is_stopped(server: Serving) -> None:
    await inject(server.acme, "EDGE", fault("EDGE", "ERROR", 0.5))
    reasons = []
    for _ in range(20):
        try:
            await server.globex.route(PROMPT)
        except AtpCallError as error:
            reasons.append(error.reason)
    assert {"INTERNAL"} <= set(reasons) <= {"OVERLOADED", "INTERNAL"}
    state = await server.acme.operations.get_chaos(GetChaosRequest())
    assert state.allowed
    [counted] = state.rules
    # The service config has the client try again where it was sent away.
    assert counted.total_injected >= len(reasons)
    assert state.total_injected["edge.error"] >= counted.total_injected
    assert not await inject(server.acme, "EDGE")
    await server.globex.route(PROMPT)


async def test_operators_and_health_are_answered_whatever_is_injected_at_the_door(server: Serving) -> None:
    await inject(server.acme, "EDGE", fault("EDGE", "ERROR"))
    with pytest.raises(AtpCallError):
        await server.acme.route(PROMPT)
    await server.acme.get_server_info(GetServerInfoRequest())
    await server.acme.health()


async def test_a_report_that_the_store_failed_to_acknowledge_is_taken_once(server: Serving) -> None:
    token = (await server.acme.route(PROMPT)).feedback_token
    await inject(server.acme, "STORE", fault("STORE", "ERROR", 0.7))
    fields: list[list[str]] = []
    reasons = {"STORE_UNAVAILABLE"}
    while not fields:
        try:
            answer = await server.acme.observe(ObserveRequest(feedback_token=token, quality=0.5))
            fields.append([*answer.recorded_fields, *answer.unchanged_fields])
        except AtpCallError as error:
            reasons.add(error.reason)
    await inject(server.acme, "STORE")
    assert reasons == {"STORE_UNAVAILABLE"}
    again = await server.acme.observe(ObserveRequest(feedback_token=token, quality=0.5))
    assert fields == [["quality"]]
    assert list(again.unchanged_fields) == ["quality"]


async def test_rules_of_one_target_replace_each_other_and_leave_the_other_targets(server: Serving) -> None:
    late = fault("EDGE", "DELAY", delay=timedelta(milliseconds=1))
    await inject(server.acme, "EDGE", fault("EDGE", "ERROR", 0.5), late)
    await inject(server.acme, "BACKGROUND", fault("BACKGROUND", "DELAY", 0.5, delay=timedelta(milliseconds=1)))
    rules = await inject(server.acme, "EDGE", late)
    assert [(one.rule.target, one.rule.fault) for one in rules] == [
        (pb.CHAOS_TARGET_EDGE, pb.CHAOS_FAULT_DELAY),
        (pb.CHAOS_TARGET_BACKGROUND, pb.CHAOS_FAULT_DELAY),
    ]
    assert rules[0].rule.delay.ToMilliseconds() == 1


@pytest.mark.parametrize(
    ("target", "rule", "field"),
    [
        ("EDGE", fault("STORE", "ERROR"), "target"),
        ("EDGE", fault("EDGE", "CUT"), "fault"),
        ("STORE", fault("STORE", "DELAY"), "delay"),
        ("STORE", fault("STORE", "ERROR", delay=timedelta(seconds=1)), "delay"),
        ("STORE", fault("STORE", "ERROR", deployment="a"), "deployment"),
        ("EDGE", fault("EDGE", "ERROR", 0.0), "probability"),
        ("EDGE", fault("EDGE", "ERROR", 1.5), "probability"),
        ("EDGE", fault("EDGE", "DELAY", delay=timedelta(seconds=61)), "delay"),
    ],
)
async def test_a_rule_that_means_nothing_is_refused_whole(
    server: Serving, target: str, rule: ChaosRule, field: str
) -> None:
    with pytest.raises(AtpCallError) as caught:
        await inject(server.acme, target, fault(target, "ERROR", 0.5), rule)
    assert caught.value.reason == "INVALID_FIELD"
    assert [violation.field for violation in caught.value.violations] == [f"rules[1].{field}"]
    assert not (await server.acme.operations.get_chaos(GetChaosRequest())).rules


async def test_the_wrong_process_is_left_alone(server: Serving) -> None:
    request = SetChaosRequest(instance_id="another", target="CHAOS_TARGET_EDGE", rules=[fault("EDGE", "ERROR")])
    with pytest.raises(AtpCallError) as caught:
        await server.acme.operations.set_chaos(request)
    assert caught.value.reason == "INSTANCE_MISMATCH"
    assert not (await server.acme.operations.get_chaos(GetChaosRequest())).rules


async def test_each_rule_leaves_one_line_and_every_fault_is_counted(tmp_path: Path) -> None:
    lines: Any = io.StringIO()
    async with breakable(tmp_path / "data", log_stream=lines) as server:
        await inject(server.acme, "EDGE", fault("EDGE", "DELAY", delay=timedelta(microseconds=1)))
        for _ in range(3):
            await server.acme.route(PROMPT)
        registry = server.app.rooms.instruments.metrics.registry
        counted = registry.get_sample_value("atp_chaos_faults_total", {"target": "edge", "fault": "delay"})
    assert counted == 3
    assert lines.getvalue().count('"event":"fault injected"') == 1


async def test_a_task_beside_the_calls_is_struck_counted_and_missed(tmp_path: Path) -> None:
    lines: Any = io.StringIO()
    often = AskSettings(probe_interval_seconds=0.01)
    health = HealthSettings(check_interval_seconds=0.02, fall_checks=2, rise_checks=2)
    async with breakable(tmp_path / "data", log_stream=lines, ask=often, health=health) as server:

        async def injected(kind: str) -> int:
            state = await server.acme.operations.get_chaos(GetChaosRequest())
            return state.total_injected[f"background.{kind}"]

        await inject(server.acme, "BACKGROUND", fault("BACKGROUND", "DELAY", delay=timedelta(microseconds=1)))
        await eventually(lambda: injected("delay"), is_it=lambda count: count > 2)
        assert "probes" in server.app.rooms.background.running()
        await inject(server.acme, "BACKGROUND", fault("BACKGROUND", "ERROR"))
        await eventually(lambda: injected("error"), is_it=bool)
        await until(lambda: "probes" not in server.app.rooms.background.running())
        # Calls go on; that a task is missing is told to whoever replaces the process.
        await server.acme.route(PROMPT)
        await until(lambda: server.app.rooms.instruments.signs.dead)
    assert '"event":"fault injected"' in lines.getvalue()
    assert "InjectedFault" in lines.getvalue()


async def test_where_it_is_not_allowed_nothing_can_be_injected_and_nothing_is_wrapped(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as server:
        with pytest.raises(AtpCallError) as caught:
            await inject(server.acme, "STORE", fault("STORE", "ERROR"))
        assert (caught.value.reason, caught.value.code) == ("CHAOS_FORBIDDEN", "FAILED_PRECONDITION")
        assert caught.value.metadata == {"setting": "chaos.allowed"}
        assert not await inject(server.acme, "STORE")
        assert not (await server.acme.operations.get_chaos(GetChaosRequest())).allowed
        assert "chaos" not in type(server.app.rooms.store).__module__
