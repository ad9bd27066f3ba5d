"""A2: behind HAProxy with the shipped configuration, a restart costs callers that never try twice nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.lifecycle.callers import calling
from tests.faults.lifecycle.fleet import fleet, judge, restart, under_load
from tests.faults.lifecycle.proxies import haproxy, need

DRAIN_DELAY_SECONDS = 2.0
"""Longer than the 1.2 s within which the shipped checks see a drain."""


async def restart_behind_haproxy(tmp_path: Path, restarts: int, least_calls: int) -> None:
    need("haproxy")
    async with (
        fleet(tmp_path, drain_delay_seconds=DRAIN_DELAY_SECONDS, max_connection_age_seconds=0) as servers,
        haproxy(tmp_path, servers) as target,
        calling("strict", target, *servers.credentials) as calls,
    ):
        for number in range(restarts):
            for each in servers.backends:
                await under_load(each)
            # Who is polled may not leave early, however quiet it is.
            assert await restart(servers.backends[number % 2]) >= DRAIN_DELAY_SECONDS
        await calls.reach(least_calls)
        await calls.finish()
    judge("A2", calls, least=least_calls)


@pytest.mark.timeout(120)
async def test_two_restarts_behind_haproxy_fail_no_call(tmp_path: Path) -> None:
    await restart_behind_haproxy(tmp_path, 2, 2_000)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_twenty_restarts_behind_haproxy_fail_no_call(tmp_path: Path) -> None:
    await restart_behind_haproxy(tmp_path, 20, 100_000)
