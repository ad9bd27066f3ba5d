"""Callers in a process of their own: closed loops of Route calls, every answer counted by its status.

Tests enter through `calling`; run as a program, this file is the callers. A caller of the kit has the shipped service
config: it watches health and tries UNAVAILABLE again. A plain one is a channel as the library gives it: it sends again
only what no server has seen. A strict one never sends anything twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import grpc
import uvloop

from atp_grpc.client import AtpCallError, AtpClient
from atp_grpc.client.messages import RouteRequest
from atp_grpc.pb.atp.v1.route_service_pb2_grpc import RouteServiceStub

Profile = Literal["kit", "plain", "strict"]

CALLERS = 12
"""For each credential. A server takes 64 calls at once however slow it is, so none is refused for lack of room."""
TELL_EVERY_SECONDS = 0.1
DEADLINE_SECONDS = 20.0
KEPT_FAULTS = 8
HELLO = RouteRequest(prompt="Write a function that adds two numbers.")
# Connections of their own, as callers on different machines have.
OWN_CONNECTIONS = ("grpc.use_local_subchannel_pool", 1)
OPTIONS = {"plain": (OWN_CONNECTIONS,), "strict": (OWN_CONNECTIONS, ("grpc.enable_retries", 0))}


@dataclass
class Callers:
    """The running callers, as the test sees them."""

    process: asyncio.subprocess.Process
    codes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    """The first failures, with what was said."""
    _told: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def total(self) -> int:
        return self.codes.total()

    @property
    def failed(self) -> dict[str, int]:
        """Failed calls by status."""
        return {code: count for code, count in self.codes.items() if code != "OK"}

    async def reach(self, total: int) -> None:
        """Waits until so many calls have ended."""
        while self.total < total:
            assert self.process.returncode is None, "the callers died"
            self._told.clear()
            await self._told.wait()

    async def more(self, count: int) -> None:
        """Waits for so many more calls."""
        await self.reach(self.total + count)

    async def finish(self) -> None:
        """Lets every caller end its call and go."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        await self.process.wait()

    async def listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            told = json.loads(line)
            self.codes, self.faults = Counter(told["codes"]), told["faults"]
            self._told.set()


@contextlib.asynccontextmanager
async def calling(profile: Profile, target: str, *credentials: str, callers: int = CALLERS) -> AsyncIterator[Callers]:
    """Calls a target without end, from a process of its own, until the block ends; then every call has been counted."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.lifecycle.callers", profile, str(callers), target, *credentials),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    group = Callers(process)
    listening = asyncio.create_task(group.listen())
    try:
        yield group
        await group.finish()
        await listening
    finally:
        listening.cancel()
        if process.returncode is None:
            process.kill()
            await process.wait()


@contextlib.asynccontextmanager
async def kit_call(target: str, credential: str) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    async with AtpClient.open(target, credential=credential, deadline_seconds=DEADLINE_SECONDS) as client:
        yield lambda: client.route(HELLO)


@contextlib.asynccontextmanager
async def bare_call(profile: str, target: str, credential: str) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    metadata = (("authorization", f"Bearer {credential}"),)
    async with grpc.aio.insecure_channel(target, options=OPTIONS[profile]) as channel:
        route = RouteServiceStub(channel).Route
        yield lambda: route(HELLO, metadata=metadata, timeout=DEADLINE_SECONDS)


class Counting:
    """The callers from inside."""

    def __init__(self) -> None:
        self.codes: Counter[str] = Counter()
        self.faults: list[str] = []
        self.is_over = asyncio.Event()

    async def loop(self, call: Callable[[], Awaitable[Any]]) -> None:
        while not self.is_over.is_set():
            try:
                await call()
                self.codes["OK"] += 1
            except AtpCallError as error:
                self.failed(error.code, f"{error.reason} {error.message}")
            except grpc.aio.AioRpcError as error:
                self.failed(error.code().name, str(error.details()))

    def failed(self, code: str, text: str) -> None:
        self.codes[code] += 1
        if len(self.faults) < KEPT_FAULTS:
            self.faults.append(f"{code} {text}")

    def tell(self) -> None:
        print(json.dumps({"codes": self.codes, "faults": self.faults}), flush=True)

    async def tell_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(TELL_EVERY_SECONDS)
            self.tell()


async def _call(profile: str, callers: str, target: str, *credentials: str) -> None:
    counting, open_call = Counting(), kit_call if profile == "kit" else functools.partial(bare_call, profile)
    async with contextlib.AsyncExitStack() as stack:
        calls = [await stack.enter_async_context(open_call(target, credential)) for credential in credentials]
        telling = asyncio.create_task(counting.tell_again_and_again())
        loops = [asyncio.create_task(counting.loop(call)) for call in calls for _ in range(int(callers))]
        await asyncio.to_thread(sys.stdin.read)
        counting.is_over.set()
        await asyncio.gather(*loops)
        telling.cancel()
        counting.tell()


if __name__ == "__main__":
    uvloop.run(_call(*sys.argv[1:]))
