"""The real server under measurement, started as an operator would start it."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.processes import free_port, server


@dataclass(frozen=True)
class ServerUnderTest:
    """A running server: its process, port, key, and the engine it picked."""

    pid: int
    port: int
    credential: str
    engine: str


@contextlib.contextmanager
def atp_server(folder: Path) -> Iterator[ServerUnderTest]:
    """Starts `atp serve` on embedded defaults with a fresh data folder and the key of a first start."""
    port, log = free_port(), folder / "atp.log"
    command = [
        sys.executable,
        "-m",
        "atp_grpc",
        "serve",
        f"--data-dir={folder / 'data'}",
        f"--port={port}",
        "--ops-port=-1",
    ]
    with server(command, port, environment={"PYTHONUNBUFFERED": "1"}, log=log) as pid:
        said = log.read_text()
        key = re.search(r"atp_dev_\w+", said)
        engine = re.search(r"engine (\w+)", said)
        if key is None or engine is None:
            raise RuntimeError(f"the server did not say its key and engine: {said}")
        yield ServerUnderTest(pid, port, key.group(0), engine.group(1))
