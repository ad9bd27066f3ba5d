"""The real server as a child process: started, killed, started again, stopped, and asked whether it serves.

The acts enter here. The demo talks to it over its sockets only; nothing of the server is imported.
"""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

from atp_grpc.client import AtpCallError, AtpClient
from atp_grpc.client.messages import HealthCheckResponse
from demo.failure import DemoFailure

START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 40.0
_POLL_SECONDS: Final = 0.05
_KEY: Final = re.compile(r"\batp_[a-z]+_[0-9A-Za-z]+_[0-9A-Za-z]+")
# What the person chose for every ATP server on this machine must not leak into this one, except which engine to try.
_KEPT_VARIABLES: Final = frozenset({"ATP_ENGINE_KIND"})


class DemoServer:
    """One server on one data directory, through as many lives as the demo needs."""

    def __init__(
        self, *, checkout: Path, folder: Path, catalogue: Path, environ: Mapping[str, str], settings: Mapping[str, str]
    ) -> None:
        """`settings` are variables that the process gets on top of the person's own `environ`."""
        self.folder = folder
        self._checkout = checkout
        self._log = folder / "server.log"
        self._port, ops_port = _free_ports(2)
        self._environ = {name: value for name, value in environ.items() if _is_kept(name)}
        self._environ |= settings
        self._environ |= {
            "ATP_DATA_DIR": str(folder / "atp-data"),
            "ATP_CATALOG_PATH": str(catalogue),
            "ATP_SERVER_PORT": str(self._port),
            "ATP_OPS_PORT": str(ops_port),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._credential = ""
        # The log holds the key that the server prints, so it is for its owner alone.
        self._log.touch(mode=0o600)

    @property
    def address(self) -> str:
        """Where clients find it; the same in every life."""
        return f"127.0.0.1:{self._port}"

    async def start(self) -> float:
        """Starts a process and waits until it says that it serves. Returns the seconds this took.

        Raises:
            DemoFailure: it ended early, or did not serve in time.
        """
        began = time.monotonic()
        process = self._process = self._spawn()
        while not (await self._is_serving() and self._has_key()):
            if process.poll() is not None:
                raise DemoFailure(f"the server ended with {process.returncode} while starting; see {self._log}")
            if time.monotonic() - began > START_SECONDS:
                raise DemoFailure(f"the server did not serve within {START_SECONDS:.0f} seconds; see {self._log}")
            await asyncio.sleep(_POLL_SECONDS)
        return time.monotonic() - began

    def client(self) -> AbstractAsyncContextManager[AtpClient]:
        """A client with the key that the server printed on its first start."""
        return AtpClient.open(self.address, credential=self._credential, deadline_seconds=10.0)

    def kill(self) -> None:
        """Ends the process as a power cut would: SIGKILL, no clean-up, no last word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    async def stop(self) -> int:
        """Asks the process to end (SIGTERM) and returns its exit code.

        Raises:
            DemoFailure: it did not end in time.
        """
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.to_thread(self._process.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise DemoFailure(f"the server did not end within {STOP_SECONDS:.0f} seconds of SIGTERM") from None

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "atp_grpc", "serve"],
                cwd=self._checkout,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    async def _is_serving(self) -> bool:
        async with AtpClient.open(self.address) as client:
            try:
                answer = await client.health(deadline_seconds=2.0)
            except AtpCallError:
                return False
        return bool(answer.status == HealthCheckResponse.SERVING)

    def _has_key(self) -> bool:
        """Whether the key is known: the server prints it on its first start, just after it begins to serve."""
        if not self._credential:
            found = _KEY.search(self._log.read_text(encoding="utf-8", errors="replace"))
            self._credential = found.group() if found else ""
        return bool(self._credential)


def _is_kept(name: str) -> bool:
    return not name.startswith("ATP_") or name in _KEPT_VARIABLES


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago; all are held until all are known, so they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
