"""One real server process on fixed ports, so that it can be stopped and come back where its callers look for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atp_grpc.config import KeySettings

START_SECONDS = 30.0
PORTS = (20_000, 30_000)
"""Below the ports that outgoing connections are given: a port stays free while its server is away."""
READY = "atp: ready on"


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses now; all are held until all are known, so they differ."""
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            port = random.randrange(*PORTS)
            one = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                one.bind(("127.0.0.1", port))
                ports.append(port)
        return ports


def write_config(path: Path, *keys: KeySettings, **server: object) -> Path:
    """A settings file that lets these keys in; the rest is for `[server]`."""
    lines = ['profile = "ci"', "[server]", *(f"{name} = {json.dumps(value)}" for name, value in server.items())]
    for key in keys:
        lines += ["[[auth.keys]]", f'id = "{key.id}"', f'tenant = "{key.tenant}"', f'digest = "{key.digest}"']
        lines.append(f"permissions = {json.dumps([str(permission) for permission in key.permissions])}")
    path.write_text("\n".join(lines) + "\n")
    return path


@dataclass
class Backend:
    """A server process, through as many lives as a test needs. What it logs goes to `log`."""

    data_dir: Path
    config: Path
    port: int
    ops_port: int
    program: tuple[str, ...] = ("atp_grpc", "serve")
    """The module that is run, and its first arguments."""
    process: asyncio.subprocess.Process | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        return self.data_dir.with_suffix(".log")

    async def start(self) -> None:
        """Starts a process and waits for its ready line."""
        module, *first = self.program
        options = [f"--config={self.config}", f"--data-dir={self.data_dir}", f"--port={self.port}"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ATP_")}
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", module, *first, *options, f"--ops-port={self.ops_port}"),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=environment,
            )
        async with asyncio.timeout(START_SECONDS):
            await self.says(READY)

    async def says(self, beginning: str) -> None:
        """Waits for a line on the standard output."""
        assert self.process is not None
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            if line.decode().startswith(beginning):
                return
        raise AssertionError(f"the server ended without saying {beginning!r}: {self.log.read_text()[-2000:]}")

    def signal(self, number: int = signal.SIGTERM) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def end(self) -> tuple[int, float]:
        """Waits for the end; gives the exit code and the seconds it took from now."""
        assert self.process is not None
        began = time.monotonic()
        return await self.process.wait(), time.monotonic() - began

    async def stop(self) -> tuple[int, float]:
        """SIGTERM and the end."""
        self.signal()
        return await self.end()

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What was logged of one kind."""
        texts = (text for text in self.log.read_text().splitlines() if text.startswith("{"))
        return [line for line in map(json.loads, texts) if line["event"] == event]


@contextlib.asynccontextmanager
async def running(*backends: Backend) -> AsyncIterator[None]:
    """Starts servers, one after the other; kills what is left at the end."""
    try:
        for backend in backends:
            await backend.start()
        yield
    finally:
        for backend in backends:
            await backend.kill()
