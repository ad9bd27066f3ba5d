"""A1: one of two servers is restarted under load, and callers with the shipped config notice nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.lifecycle.callers import CALLERS, calling
from tests.faults.lifecycle.fleet import fleet, judge, restart, under_load


async def restart_under_load(
    tmp_path: Path,
    restarts: int,
    least_calls: int,
    *,
    delay_seconds: float = 2.0,
    callers: int = CALLERS,
    lost_at_most: int = 0,
) -> None:
    async with (
        fleet(tmp_path, drain_delay_seconds=delay_seconds) as servers,
        calling("kit", servers.target, *servers.credentials, callers=callers) as calls,
    ):
        for number in range(restarts):
            backend = servers.backends[number % 2]
            for each in servers.backends:
                await under_load(each)
            await restart(backend)
        await calls.reach(least_calls)
        await calls.finish()
    judge("A1", calls, least=least_calls, lost_at_most=lost_at_most)


@pytest.mark.timeout(120)
async def test_two_planned_restarts_fail_no_call_of_a_client_that_watches_health(tmp_path: Path) -> None:
    await restart_under_load(tmp_path, 2, 2_000)


@pytest.mark.timeout(120)
async def test_clients_that_get_no_time_to_leave_are_refused_and_hardly_ever_lost(tmp_path: Path) -> None:
    # The core ends what it still holds as CANCELLED, which nobody tries again: a dozen calls at each stop, if the drain
    # did not look. A call that comes in the very moment of the stop can still be lost; that is what the delay is for.
    await restart_under_load(tmp_path, 3, 2_000, delay_seconds=0.0, callers=2 * CALLERS, lost_at_most=3)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_twenty_planned_restarts_fail_no_call_of_a_client_that_watches_health(tmp_path: Path) -> None:
    await restart_under_load(tmp_path, 20, 100_000)
