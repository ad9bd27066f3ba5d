"""Two servers with two tenants, restarted one after the other while callers go on."""

from __future__ import annotations

import contextlib
import re
import shutil
import urllib.request
from asyncio import to_thread
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from atp_grpc.app.serving import OK
from tests.faults.battery import report
from tests.faults.lifecycle.backend import Backend, free_ports, running, write_config
from tests.faults.lifecycle.callers import Callers
from tests.rpc.serving import ACME, GLOBEX, key_for
from tests.rpc.waiting import eventually

ROUTED = re.compile(r'^grpc_server_handled_total\{[^}]*grpc_method="Route"[^}]*\} ([\d.e+]+)$', re.MULTILINE)
CALLS_BEFORE_A_STOP = 300


@dataclass(frozen=True)
class Fleet:
    """Servers side by side, and the keys of both tenants, which every server knows."""

    backends: tuple[Backend, ...]
    credentials: tuple[str, ...]

    @property
    def addresses(self) -> list[str]:
        return [f"127.0.0.1:{backend.port}" for backend in self.backends]

    @property
    def target(self) -> str:
        """All of them, for a client that spreads its calls by itself."""
        return f"ipv4:{','.join(self.addresses)}"


@contextlib.asynccontextmanager
async def fleet(tmp_path: Path, *, drain_delay_seconds: float, **server: object) -> AsyncIterator[Fleet]:
    """Starts two servers with the same secrets and stores of their own."""
    credentials, keys = zip(*(key_for(tmp_path / "one", tenant) for tenant in (ACME, GLOBEX)), strict=True)
    config = write_config(tmp_path / "atp.toml", *keys, drain_delay_seconds=drain_delay_seconds, **server)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    ports = free_ports(4)
    backends = tuple(Backend(tmp_path / name, config, ports.pop(), ports.pop()) for name in ("one", "two"))
    async with running(*backends):
        yield Fleet(backends, credentials)


async def routed(backend: Backend) -> int:
    """How many calls of Route a server has answered in this life, with whatever status."""

    def scrape() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{backend.ops_port}/metrics", timeout=10) as page:
            text: str = page.read().decode()
            return text

    return sum(round(float(count)) for count in ROUTED.findall(await to_thread(scrape)))


async def under_load(backend: Backend) -> None:
    """Waits until callers have found a server."""
    before = await routed(backend)

    async def since() -> int:
        return await routed(backend) - before

    await eventually(since, is_it=lambda count: count >= CALLS_BEFORE_A_STOP)


def judge(test: str, calls: Callers, *, least: int, lost_at_most: int = 0) -> None:
    """Reports how many calls failed: none of enough, or no more than is promised."""
    failed = sum(calls.failed.values())
    figure = {"failed": calls.failed, "cancelled": calls.codes["CANCELLED"]}
    passed = failed <= lost_at_most and calls.total >= least
    report(test, n=calls.total, figure=figure, bar=f"{lost_at_most} of {least}", passed=passed)
    assert failed <= lost_at_most, (calls.failed, calls.faults)
    assert calls.total >= least


async def restart(backend: Backend) -> float:
    """Stops a server with SIGTERM and starts it again; gives the seconds that the stop took."""
    code, seconds = await backend.stop()
    assert code == OK
    await backend.start()
    return seconds
