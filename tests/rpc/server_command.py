"""The real `atp serve` as a process of its own: started like a newcomer would, its words read, its signals sent."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

READY = re.compile(r"ready on ([\d.]+:\d+)")


@dataclass(frozen=True)
class ServerCommand:
    """A serving process, where to call it, and what it said before it was ready."""

    process: asyncio.subprocess.Process
    target: str
    said: tuple[str, ...]

    async def signal(self, number: int) -> None:
        self.process.send_signal(number)

    async def end(self) -> int:
        """Waits for the exit code."""
        return await self.process.wait()


@asynccontextmanager
async def server_command(
    data_dir: Path, *options: str, log: int = asyncio.subprocess.DEVNULL
) -> AsyncIterator[ServerCommand]:
    """Starts `atp serve` on free ports, untouched by the environment of the tests; kills what is left at the end.

    `log` is the file descriptor of its standard error.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ATP_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "atp_grpc", "serve", f"--data-dir={data_dir}", "--port=0", "--ops-port=0", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
        env=environment,
    )
    try:
        assert process.stdout is not None
        said: list[str] = []
        async for line in process.stdout:
            said.append(line.decode().rstrip())
            if ready := READY.search(said[-1]):
                yield ServerCommand(process, ready.group(1), tuple(said))
                return
        raise AssertionError(f"the server ended before it was ready: {said}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
