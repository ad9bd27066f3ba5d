"""Many streams of RouteStream in a process of their own, which can be stopped in its tracks or made to vanish.

`python -m tests.faults.streams.crowd TARGET KEY COUNT MANNER`, where the manner is `idle` (opens streams and says
nothing) or `flood` (sends as fast as it can and never reads). Prints `there` once all streams were begun, and leaves
when its standard input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import grpc
import uvloop

from tests.rpc.streams.talking import ROUTE_STREAM, asking

STREAMS_ON_A_CONNECTION = 100


@contextlib.asynccontextmanager
async def crowd(target: str, credential: str, count: int, manner: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The process, once its streams were begun; kills it at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.streams.crowd", target, credential, str(count), manner),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"there\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _run(target: str, credential: str, count: int, manner: str) -> None:
    metadata = (("authorization", f"Bearer {credential}"),)
    message = asking()
    async with contextlib.AsyncExitStack() as stack:
        sending, calls = [], []
        # Callers who flood come from a connection each: one that is not read would hold up its neighbours.
        each = 1 if manner == "flood" else STREAMS_ON_A_CONNECTION
        for first in range(0, count, each):
            # Without measuring the line, the library takes 64 KiB for a caller who does not read, and not megabytes.
            options = [("grpc.channel_id", first), ("grpc.http2.bdp_probe", 0)]
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(target, options=options))
            calls += [channel.stream_stream(ROUTE_STREAM)(metadata=metadata) for _ in range(min(each, count - first))]
        for call in calls:
            await call.wait_for_connection()
            if manner == "flood":
                sending.append(asyncio.ensure_future(_flood(call, message)))
        print("there", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        for task in sending:
            task.cancel()


async def _flood(call: grpc.aio.StreamStreamCall[bytes, bytes], message: bytes) -> None:
    with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
        while True:
            await call.write(message)


if __name__ == "__main__":
    uvloop.run(_run(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]))
