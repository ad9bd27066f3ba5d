"""Servers under measurement: started on one core, their CPU time read from the kernel, stopped again."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

SERVER_CORE, LOAD_CORE = "0", "1"
START_SECONDS = 30.0


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def server(
    command: Sequence[str],
    port: int,
    *,
    environment: Mapping[str, str],
    log: Path,
    start_seconds: float = START_SECONDS,
) -> Iterator[int]:
    """Runs a server pinned to one core until the block ends; gives its process id.

    Raises:
        RuntimeError: it did not listen in time.
    """
    with log.open("wb") as sink:
        process = subprocess.Popen(
            ["taskset", "-c", SERVER_CORE, *command], env={**os.environ, **environment}, stdout=sink, stderr=sink
        )
        try:
            _wait_until_listening(process, port, log, start_seconds)
            yield process.pid
        finally:
            process.terminate()
            process.wait(30)


def cpu_seconds(pid: int) -> float:
    """User and system time of every thread of a process, from the scheduler's nanosecond counters."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return
        time.sleep(0.05)
    raise RuntimeError(f"no server on port {port}; see {log}")
