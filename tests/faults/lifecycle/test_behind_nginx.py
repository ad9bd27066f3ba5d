"""A3: behind nginx with the shipped configuration, a server that is taken out before it is stopped costs no call."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.lifecycle.callers import calling
from tests.faults.lifecycle.fleet import fleet, judge, restart, under_load
from tests.faults.lifecycle.proxies import need, nginx


async def restart_behind_nginx(tmp_path: Path, restarts: int, least_calls: int) -> None:
    need("nginx")
    async with (
        fleet(tmp_path, drain_delay_seconds=2.0) as servers,
        nginx(tmp_path, servers) as proxy,
        calling("plain", proxy.target, *servers.credentials) as calls,
    ):
        for number in range(restarts):
            for each in servers.backends:
                await under_load(each)
            backend = servers.backends[number % 2]
            await proxy.reload(down=backend)
            await restart(backend)
            await proxy.reload()
        await calls.reach(least_calls)
        await calls.finish()
    judge("A3", calls, least=least_calls)


@pytest.mark.timeout(120)
async def test_a_restart_behind_nginx_fails_no_call(tmp_path: Path) -> None:
    await restart_behind_nginx(tmp_path, 1, 2_000)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_ten_restarts_behind_nginx_fail_no_call(tmp_path: Path) -> None:
    await restart_behind_nginx(tmp_path, 10, 50_000)
