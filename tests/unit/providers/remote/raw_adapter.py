"""An adapter without the kit: sends the very bytes and statuses that a test wants to see read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc

from atp_grpc.providers.contract import ProviderFault
from atp_grpc.providers.remote.faults import fault_status

SERVICE = "atp.adapter.v1.AdapterService"


class RawAdapter:
    """What it answers to each method: messages, then a status, a fault, or nothing at all for ever."""

    def __init__(self) -> None:
        self.target = ""
        self.messages: Sequence[bytes] = ()
        self.code: grpc.StatusCode | None = None
        self.fault: ProviderFault | None = None
        self.hangs = False
        self.metadata: list[tuple[str, str]] = []
        self.calls = 0
        self.left = asyncio.Event()
        self.came = asyncio.Event()

    async def stream(self, _request: bytes, context: Any) -> None:
        self.calls += 1
        self.came.set()
        self.metadata = list(context.invocation_metadata())
        try:
            for message in self.messages:
                await context.write(message)
            if self.hangs:
                await asyncio.Event().wait()
        finally:
            self.left.set()
        await self._end(context)

    async def unary(self, _request: bytes, context: Any) -> bytes:
        self.calls += 1
        self.metadata = list(context.invocation_metadata())
        await self._end(context)
        return b"".join(self.messages)

    async def _end(self, context: Any) -> None:
        if self.fault is not None:
            await context.abort(*fault_status(self.fault))
        if self.code is not None:
            await context.abort(self.code, "words that nobody may see")


@asynccontextmanager
async def raw_adapter() -> AsyncIterator[RawAdapter]:
    raw = RawAdapter()
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handlers = {
        "Generate": grpc.unary_stream_rpc_method_handler(raw.stream),
        "Watch": grpc.unary_stream_rpc_method_handler(raw.stream),
        "Describe": grpc.unary_unary_rpc_method_handler(raw.unary),
        "Estimate": grpc.unary_unary_rpc_method_handler(raw.unary),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    raw.target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield raw
    await server.stop(0)
