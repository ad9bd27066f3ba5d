"""The real HAProxy and nginx with the configurations that are shipped in deploy/, on free ports in front of a fleet."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.lifecycle.backend import Backend, free_ports
from tests.faults.lifecycle.fleet import Fleet
from tests.rpc.waiting import eventually
from tools import debian

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
FRONT = "127.0.0.1:7440"
SHIPPED = (("127.0.0.1:7443", "port 7444"), ("127.0.0.1:7543", "port 7544"))
"""How the shipped configurations name the servers."""


def need(name: str) -> Path:
    """The program; skips the test without it, and fails it where `ATP_REQUIRE_PROXIES=1` promises it."""
    program = debian.find(name)
    if program is not None:
        return program
    reason = f"{name} is not here; `make proxies` fetches it"
    if os.environ.get("ATP_REQUIRE_PROXIES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def rendered(shipped: str, changes: Mapping[str, str]) -> str:
    """A shipped configuration with other addresses; each must be in there."""
    text = (DEPLOY / shipped).read_text()
    for old, new in changes.items():
        assert old in text, f"deploy/{shipped} has no {old!r}"
        text = text.replace(old, new)
    return text


def addresses(servers: Fleet, front: int) -> dict[str, str]:
    """What stands for the shipped addresses."""
    changes = {FRONT: f"127.0.0.1:{front}"}
    for (address, _), backend in zip(SHIPPED, servers.backends, strict=True):
        changes[address] = f"127.0.0.1:{backend.port}"
    return changes


@contextlib.asynccontextmanager
async def haproxy(folder: Path, servers: Fleet) -> AsyncIterator[str]:
    """HAProxy in front of a fleet; gives its address."""
    program, (front,) = need("haproxy"), free_ports(1)
    changes = addresses(servers, front)
    for (_, check), backend in zip(SHIPPED, servers.backends, strict=True):
        changes[check] = f"port {backend.ops_port}"
    config = folder / "haproxy.cfg"
    config.write_text(rendered("haproxy.cfg", changes))
    async with _process(program, "-db", "-f", str(config), log=folder / "haproxy.log"):
        await _listening(front)
        yield f"127.0.0.1:{front}"


@dataclass(frozen=True)
class Nginx:
    """A running nginx. It has no eyes of its own: an operator tells it which servers are away."""

    target: str
    process: asyncio.subprocess.Process
    config: Path
    text: str

    async def reload(self, *, down: Backend | None = None) -> None:
        """Puts the configuration in force anew, with one server out or none, and waits until the old workers are gone.

        What an operator does with `nginx -s reload`.
        """
        before = self.workers()
        changed = self.text
        if down is not None:
            address = f"server 127.0.0.1:{down.port} "
            assert address in self.text
            changed = self.text.replace(address, f"{address}down ")
        self.config.write_text(changed)
        self.process.send_signal(signal.SIGHUP)

        async def left() -> set[int]:
            return before & self.workers()

        await eventually(left, is_it=lambda workers: not workers)

    def workers(self) -> set[int]:
        """The processes that serve now."""
        return set(map(int, Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()))


@contextlib.asynccontextmanager
async def nginx(folder: Path, servers: Fleet, *, connections_live: str = "5s") -> AsyncIterator[Nginx]:
    """nginx in front of a fleet. Connections of clients live shorter than shipped, so that a reload takes seconds."""
    program, (front,) = need("nginx"), free_ports(1)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"    {kind}_temp_path {folder}/nginx-{kind};\n" for kind in kinds)
    changes = addresses(servers, front) | {
        "keepalive_time 60s": f"keepalive_time {connections_live}",
        "http {\n": f"http {{\n{temporary}",
    }
    config, text = folder / "nginx.conf", rendered("nginx.conf", changes)
    config.write_text(text)
    options = ("-c", str(config), "-g", f"daemon off; pid {folder}/nginx.pid;")
    async with _process(program, *options, log=folder / "nginx.log") as process:
        await _listening(front)
        yield Nginx(f"127.0.0.1:{front}", process, config, text)


@contextlib.asynccontextmanager
async def _process(program: Path, *options: str, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("ab") as sink:
        process = await asyncio.create_subprocess_exec(program, *options, stdout=sink, stderr=sink)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def _listening(port: int) -> None:
    async def is_open() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return True
        return False

    await eventually(is_open, is_it=bool)
