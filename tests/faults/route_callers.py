"""Callers of Route in a process of their own: so many at a time, each as fast as it is answered, until told to stop.

`python -m tests.faults.route_callers TARGET KEY CALLERS CONNECTIONS` prints `calling` once the first answer is there,
and one line of JSON (answers by status code, seconds) when its standard input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc
import uvloop

from atp_grpc.pb.atp.v1.route_service_pb2 import RouteRequest, RouteResponse

ROUTE = "/atp.v1.RouteService/Route"
PATIENCE_SECONDS = 30.0


@dataclass
class Called:
    """What the callers were answered, and how long they called."""

    codes: dict[str, int]
    seconds: float

    @property
    def answered(self) -> int:
        return self.codes.get("OK", 0)


@dataclass
class Callers:
    """The running process."""

    process: asyncio.subprocess.Process

    async def stop(self) -> Called:
        """Tells it to stop; gives what it was answered."""
        output, _ = await self.process.communicate(b"")
        line = json.loads(output.decode().splitlines()[-1])
        return Called(line["codes"], line["seconds"])


@contextlib.asynccontextmanager
async def route_callers(target: str, credential: str, *, callers: int, connections: int = 4) -> AsyncIterator[Callers]:
    """Calls from another process until the block ends; begins once the first call is answered."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.route_callers", target, credential, str(callers), str(connections)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert (await process.stdout.readline()).strip() == b"calling"
        yield Callers(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _call(target: str, credential: str, callers: int, connections: int) -> None:
    codes: Counter[str] = Counter()
    first, stop = asyncio.Event(), asyncio.Event()
    metadata = (("authorization", f"Bearer {credential}"),)
    payload = RouteRequest(prompt="Prove that there are infinitely many primes.").SerializeToString()
    async with contextlib.AsyncExitStack() as stack:
        methods = []
        for _ in range(connections):
            options = [("grpc.use_local_subchannel_pool", 1)]
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(target, options=options))
            methods.append(channel.unary_unary(ROUTE, None, RouteResponse.FromString))

        async def caller(number: int) -> None:
            method = methods[number % connections]
            while not stop.is_set():
                try:
                    await method(payload, metadata=metadata, timeout=PATIENCE_SECONDS)
                    codes["OK"] += 1
                except grpc.aio.AioRpcError as error:
                    codes[error.code().name] += 1
                first.set()

        began = time.monotonic()
        running = [asyncio.create_task(caller(number)) for number in range(callers)]
        await first.wait()
        print("calling", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        stop.set()
        await asyncio.gather(*running)
    print(json.dumps({"codes": codes, "seconds": time.monotonic() - began}), flush=True)


if __name__ == "__main__":
    uvloop.run(_call(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
