"""Reports that come days after their decision, over a real socket: they teach what they would have taught in time."""

from __future__ import annotations

from pathlib import Path

import pytest

from atp_grpc.client.messages import ArmInfo, GetServerInfoRequest, ObserveRequest
from atp_grpc.config import PolicySettings
from atp_grpc.domain.clock import ManualClock
from tests.rpc.provoking import prompt, refused
from tests.rpc.serving import Serving, serving

A_DAY = 86_400.0


async def arm(server: Serving, model: str) -> ArmInfo:
    info = await server.acme.get_server_info(GetServerInfoRequest())
    (found,) = [arm for arm in info.engine.arms if arm.model == model]
    return found


async def report(server: Serving, token: bytes, quality: float) -> None:
    await server.acme.observe(ObserveRequest(feedback_token=token, quality=quality))


async def test_a_report_teaches_to_the_last_moment_of_its_token_and_not_after(tmp_path: Path) -> None:
    clock = ManualClock()
    async with serving(tmp_path, clock=clock) as server:
        first, second = [await server.acme.route(prompt()) for _ in range(2)]
        before = await arm(server, first.target.model)
        clock.advance(7 * A_DAY - 1.0)
        await report(server, first.feedback_token, 0.0)
        after = await arm(server, first.target.model)
        assert after.observations == before.observations + 1
        assert after.quality < before.quality
        clock.advance(2.0)
        late = server.acme.observe(ObserveRequest(feedback_token=second.feedback_token, quality=0.0))
        await refused(late, "TOKEN_EXPIRED", "FAILED_PRECONDITION")
        assert await arm(server, first.target.model) == after


async def test_a_late_report_teaches_after_a_restart_and_in_another_process(tmp_path: Path) -> None:
    clock = ManualClock()
    async with serving(tmp_path, clock=clock) as server:
        decision = await server.acme.route(prompt())
    clock.advance(3 * A_DAY)
    async with serving(tmp_path, clock=clock) as server:
        await report(server, decision.feedback_token, 0.25)
        assert (await arm(server, decision.target.model)).observations == 1


async def test_where_evidence_fades_a_late_report_counts_by_the_age_of_its_decision(tmp_path: Path) -> None:
    clock = ManualClock()
    async with serving(tmp_path, clock=clock, policy=PolicySettings(half_life_seconds=A_DAY)) as server:
        decision = await server.acme.route(prompt(constraints={"allowed_models": ["ember-nano"]}))
        clock.advance(3 * A_DAY)
        await report(server, decision.feedback_token, 1.0)
        # Three half-lives; statistics are read on a grid of a 64th of one.
        assert (await arm(server, "ember-nano")).observations == pytest.approx(1 / 8, rel=0.02)
