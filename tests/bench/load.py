"""Load on one gRPC method: a fixed number of equal calls, so many in flight, from the other core.

`h2load` (Debian: nghttp2-client) where it is installed, because it is cheap enough not to be the limit; a raw
grpc.aio client otherwise.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence

import grpc
import uvloop

from tests.bench.messages import frame
from tests.bench.processes import LOAD_CORE

CONNECTIONS, STREAMS = 8, 8


class LoadError(RuntimeError):
    """A run that did not answer every call."""


def generator() -> str:
    """Which load generator this machine has."""
    return "h2load" if shutil.which("h2load") else "grpc.aio"


def drive(
    port: int, method: str, body: bytes, *, calls: int, credential: str = "", in_flight: int = CONNECTIONS * STREAMS
) -> None:
    """Makes `calls` calls, so many in flight, and returns when all are answered.

    Raises:
        LoadError: some were not.
    """
    if generator() == "h2load":
        _h2load(port, method, body, calls, credential, in_flight)
    else:
        command = [sys.executable, "-m", "tests.bench.load", str(port), method, str(calls), str(in_flight), credential]
        subprocess.run(["taskset", "-c", LOAD_CORE, *command], input=body, check=True, timeout=300)


def check(port: int, method: str, body: bytes, *, credential: str = "") -> int:
    """One call by a real client: raises unless its status is OK; gives the size of the reply."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary(method)
        return len(call(body, timeout=20, metadata=_metadata(credential)))


def _h2load(port: int, method: str, body: bytes, calls: int, credential: str, in_flight: int) -> None:
    with tempfile.NamedTemporaryFile(suffix=".grpc") as data:
        data.write(frame(body))
        data.flush()
        command = [
            "taskset",
            "-c",
            LOAD_CORE,
            "h2load",
            "-n",
            str(calls),
            "-c",
            str(CONNECTIONS),
            "-m",
            str(in_flight // CONNECTIONS),
        ]
        headers = ["content-type: application/grpc", "te: trailers"]
        if credential:
            headers.append(f"authorization: Bearer {credential}")
        for header in headers:
            command += ["-H", header]
        url = f"http://127.0.0.1:{port}{method}"
        output = subprocess.run(
            [*command, "-t", "1", "-d", data.name, url], capture_output=True, text=True, check=True, timeout=300
        ).stdout
    succeeded = re.search(r"(\d+) succeeded", output)
    if succeeded is None or int(succeeded.group(1)) != calls:
        raise LoadError(output)


def _metadata(credential: str) -> Sequence[tuple[str, str]]:
    return (("authorization", f"Bearer {credential}"),) if credential else ()


async def _aio(port: int, method: str, calls: int, in_flight: int, credential: str, body: bytes) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call, metadata, left = channel.unary_unary(method), _metadata(credential), iter(range(calls))

        async def caller() -> None:
            for _ in left:
                await call(body, metadata=metadata)

        await asyncio.gather(*(caller() for _ in range(in_flight)))


if __name__ == "__main__":
    port_, method_, calls_, in_flight_, credential_ = sys.argv[1:]
    uvloop.run(_aio(int(port_), method_, int(calls_), int(in_flight_), credential_, sys.stdin.buffer.read()))
