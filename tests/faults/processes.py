"""A real server process to be killed: started like an operator would, on a data folder that outlives it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from atp_grpc.config import KeySettings

READY = re.compile(r"ready on ([\d.]+:\d+)")


@dataclass(frozen=True)
class ServerProcess:
    """A serving process and where to call it."""

    process: asyncio.subprocess.Process
    target: str

    async def kill(self) -> None:
        """SIGKILL: no chance to write anything down."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()


@contextlib.asynccontextmanager
async def server_process(data_dir: Path, config: Path) -> AsyncIterator[ServerProcess]:
    """Starts `atp serve` and waits for its ready line; kills what is left at the end.

    Raises:
        RuntimeError: it ended before it was ready.
    """
    command = ["-m", "atp_grpc", "serve", f"--config={config}", f"--data-dir={data_dir}", "--port=0", "--ops-port=0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with (data_dir.parent / "server.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=log, env=environment
        )
        try:
            assert process.stdout is not None
            async for line in process.stdout:
                if ready := READY.search(line.decode()):
                    yield ServerProcess(process, ready.group(1))
                    return
            raise RuntimeError("the server ended before it was ready")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def write_config(path: Path, key: KeySettings) -> Path:
    """A settings file that lets one key in."""
    permissions = ", ".join(f'"{permission}"' for permission in key.permissions)
    path.write_text(
        'profile = "ci"\n[server]\ndrain_delay_seconds = 0.0\n'
        f'[[auth.keys]]\nid = "{key.id}"\ntenant = "{key.tenant}"\n'
        f'digest = "{key.digest}"\npermissions = [{permissions}]\n'
    )
    return path
