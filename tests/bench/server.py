"""The real server under measurement, started as an operator would start it."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.processes import START_SECONDS, free_port, server

READY = re.compile(r"(?P<key>atp_dev_\w+).*ready on .* engine (?P<engine>\w+)", re.DOTALL)


@dataclass(frozen=True)
class ServerUnderTest:
    """A running server: its process, port, key, and the engine it picked."""

    pid: int
    port: int
    credential: str
    engine: str


@contextlib.contextmanager
def atp_server(folder: Path, *options: str) -> Iterator[ServerUnderTest]:
    """Starts `atp serve` on embedded defaults with a fresh data folder and the key of a first start.

    `options` are more of its command line. Servers that run together need folders of their own.
    """
    port, log = free_port(), folder / "atp.log"
    command = [
        sys.executable,
        "-m",
        "atp_grpc",
        "serve",
        f"--data-dir={folder / 'data'}",
        f"--port={port}",
        "--ops-port=-1",
        *options,
    ]
    with server(command, port, environment={"PYTHONUNBUFFERED": "1"}, log=log) as pid:
        ready = _wait_until_ready(log)
        yield ServerUnderTest(pid, port, ready["key"], ready["engine"])


def _wait_until_ready(log: Path) -> re.Match[str]:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if ready := READY.search(log.read_text()):
            return ready
        time.sleep(0.05)
    raise RuntimeError(f"the server did not become ready: {log.read_text()}")
