"""`atp serve` as a process of its own, on free ports, with a data directory that is thrown away."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ATP = (sys.executable, "-m", "atp_grpc")


def environment(**variables: str) -> Mapping[str, str]:
    """This process's environment without any setting of ATP but the given ones."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ATP_")}
    return {**inherited, "PYTHONPATH": str(ROOT), **variables}


@dataclass(frozen=True)
class Served:
    """A running `atp serve`. `key` is empty when the start made none."""

    process: subprocess.Popen[str]
    data_dir: Path
    target: str
    key: str

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)


@contextmanager
def serve(data_dir: Path, *arguments: str) -> Iterator[Served]:
    """Runs `atp serve` until the block ends; the ready line tells the port."""
    command = [*ATP, "serve", "--port", "0", "--ops-port", "-1", "--data-dir", str(data_dir), *arguments]
    with (data_dir.parent / f"{data_dir.name}.log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment(), cwd=data_dir.parent
        )
    key, target = "", ""
    with process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                key = next(iter(re.findall(r"atp_[a-z]+_\w+_\w{43}", line)), key)
                target = next(iter(re.findall(r"ready on (\S+:\d+)", line)), "")
                if target:
                    break
            assert target, Path(log.name).read_text()
            yield Served(process, data_dir, target, key)
        finally:
            if process.poll() is None:
                process.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for a module's tests, on the built-in catalogue."""
    with serve(tmp_path_factory.mktemp("served") / "data") as served:
        yield served


@pytest.fixture
def at_server(server: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Served:
    """The server, with the commands of the test pointed at it."""
    monkeypatch.setenv("ATP_TARGET", server.target)
    monkeypatch.setenv("ATP_KEY", server.key)
    monkeypatch.chdir(tmp_path)
    return server
