"""The same call from two languages: through the Python client kit, and through the Go client in a process of its own.

Tests of refusals enter here. A caller moves bytes, so it can also send what is no message; both read the status, the
details and the pushback with what their users have for it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from atp_grpc.client.channel import open_channel

ROUTE = "/atp.v1.RouteService/Route"


@dataclass(frozen=True)
class Asked:
    """A call to make. Calls that name the same channel share a connection."""

    target: str
    payload: bytes
    method: str = ROUTE
    channel: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 10.0


@dataclass(frozen=True)
class Ended:
    """How a call ended, as its caller sees it; equal when both languages see the same, whatever time it took."""

    code: str
    message: str = field(default="", compare=False)
    reason: str = ""
    domain: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    details: tuple[str, ...] = ()
    retry_after_seconds: float | None = None
    pushback: tuple[str, ...] = ()
    payload: bytes = field(default=b"", compare=False)
    took_seconds: float = field(default=0.0, compare=False)


class Caller(Protocol):
    """Makes calls with the shipped service config."""

    language: str

    async def call(self, asked: Asked) -> Ended:
        """Makes one call and waits for its end."""
        ...


class PythonCaller:
    """The client kit's own channel."""

    language = "python"

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def call(self, asked: Asked) -> Ended:
        if asked.channel not in self._channels:
            channel = await self._stack.enter_async_context(open_channel(asked.target))
            self._channels[asked.channel] = channel
        started = time.monotonic()
        call = self._channels[asked.channel].unary_unary(asked.method)(
            asked.payload, metadata=tuple(asked.metadata.items()), timeout=asked.seconds
        )
        try:
            payload: bytes = await call
        except grpc.aio.AioRpcError as error:
            return replace(_ended(error), took_seconds=time.monotonic() - started)
        return Ended("OK", payload=payload, took_seconds=time.monotonic() - started)


class GoCaller:
    """The program of tests/interop/go, which calls through clients/go."""

    language = "go"

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def call(self, asked: Asked) -> Ended:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = {
            "channel": asked.channel,
            "target": asked.target,
            "method": asked.method,
            "payload": base64.b64encode(asked.payload).decode(),
            "metadata": dict(asked.metadata),
            "seconds": asked.seconds,
        }
        self._process.stdin.write(json.dumps(line).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return Ended(
            code=answer["code"],
            message=answer["message"],
            reason=answer["reason"],
            domain=answer["domain"],
            metadata=answer["metadata"] or {},
            details=tuple(answer["details"] or ()),
            retry_after_seconds=answer["retry_after_seconds"],
            pushback=tuple(answer["pushback"] or ()),
            payload=base64.b64decode(answer["payload"] or ""),
            took_seconds=answer["took_seconds"],
        )


@asynccontextmanager
async def python_caller() -> AsyncIterator[Caller]:
    """Closes its channels at the end."""
    async with AsyncExitStack() as stack:
        yield PythonCaller(stack)


@asynccontextmanager
async def go_caller(program: Path) -> AsyncIterator[Caller]:
    """Runs the program until the block ends; it ends by itself when its input does."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(program, stdin=pipe, stdout=pipe, limit=2**24)
    try:
        yield GoCaller(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 5)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def _ended(error: grpc.aio.AioRpcError) -> Ended:
    trailers = tuple(error.trailing_metadata() or ())
    pushback = tuple(str(value) for key, value in trailers if key == "grpc-retry-pushback-ms")
    status = status_pb2.Status(message=error.details() or "")
    for key, value in trailers:
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            try:
                status = status_pb2.Status.FromString(value)
            except DecodeError:
                break
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(retry)
    return Ended(
        code=error.code().name,
        message=status.message,
        reason=info.reason,
        domain=info.domain,
        metadata=dict(info.metadata),
        details=tuple(detail.TypeName().rpartition(".")[2] for detail in status.details),
        retry_after_seconds=retry.retry_delay.ToMilliseconds() / 1_000 if retry.HasField("retry_delay") else None,
        pushback=pushback,
    )
