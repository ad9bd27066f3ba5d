"""Calls whose time is over before anybody looks at them: nobody works for them, and nothing is recorded."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.battery import report
from tests.faults.overload.ground import CROWD, Ground, ground, share
from tests.faults.overload.storm import Phase, Storm

BAR = 0.01
PATIENCE_SECONDS = 30.0
"""Of the crowd, in whose queue the hurried ones wait."""


async def hurried_among_patient(server: Ground, *, hurry_seconds: float, seconds: float) -> tuple[Storm, Storm]:
    """Callers with next to no time, while a crowd of others keeps the queue far longer than that."""
    crowd = asyncio.create_task(server.storm(Phase(seconds, at_a_time=CROWD), deadline_seconds=PATIENCE_SECONDS))
    hurried = await server.storm(Phase(seconds, rate=300), deadline_seconds=hurry_seconds)
    return await crowd, hurried


async def judge(test: str, folder: Path, *, hurry_seconds: float, seconds: float) -> None:
    with ground(folder, "--set=admission.enabled=false") as server:
        crowd, hurried = await hurried_among_patient(server, hurry_seconds=hurry_seconds, seconds=seconds)
        decided = server.metric("atp_decisions_total")

    patient, [hasty] = crowd.fates[0], hurried.fates
    # Every decision that reached nobody was one for a call that was dead, or died while it was answered.
    in_vain = decided - patient.answered - hasty.answered
    dead = hasty.asked - hasty.answered - hasty.never_sent
    figure = {
        "started_in_vain": share(in_vain, dead),
        "hurry_ms": 1_000 * hurry_seconds,
        "queue_p50_ms": patient.p50_ms,
    }
    report(test, n=dead, figure=figure, bar={"started_in_vain": BAR}, passed=in_vain <= BAR * dead)
    assert patient.p50_ms > 1_000 * hurry_seconds
    assert dead > 0.5 * hasty.asked
    assert in_vain >= 0
    assert in_vain <= BAR * dead


async def test_nobody_works_for_calls_that_are_dead_on_arrival(tmp_path: Path) -> None:
    await judge("C7 short", tmp_path, hurry_seconds=0.001, seconds=2)


@pytest.mark.slow
@pytest.mark.timeout(200)
@pytest.mark.parametrize("hurry_seconds", [0.001, 0.01, 0.05])
async def test_nobody_works_for_calls_that_died_in_the_queue(tmp_path: Path, hurry_seconds: float) -> None:
    await judge("C7", tmp_path, hurry_seconds=hurry_seconds, seconds=15)
