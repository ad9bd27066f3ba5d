"""A server that says exactly the bytes it was told, for faults that no decent HTTP server can be talked into.

Tests of providers enter with `raw_server`. Each request takes the next script; the last one is for all that follow.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, cast


class Then(enum.Enum):
    """What a script may hold beside bytes."""

    CLOSE = "close"
    """Ends the connection in order."""
    RESET = "reset"
    """Breaks it."""
    WAIT = "wait"
    """Says nothing until the test sets `may_go_on`."""
    HOLD = "hold"
    """Says nothing more until the client is gone."""


Script = Sequence[bytes | Then]


class Received(NamedTuple):
    """A request as it came."""

    head: str
    body: bytes

    @property
    def line(self) -> str:
        return self.head.partition("\r\n")[0]


class RawServer:
    def __init__(self, scripts: Sequence[Script]) -> None:
        self.port = 0
        self.requests: list[Received] = []
        self.connections = 0
        self.client_left = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.has_asked = asyncio.Event()
        """Set by every request; a test that waits for the next one clears it."""
        self.has_spoken = asyncio.Event()
        self.writers: list[asyncio.StreamWriter] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.written_bytes = 0
        self._scripts = list(scripts)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        self.tasks.append(cast("asyncio.Task[None]", asyncio.current_task()))
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            self.client_left.set()
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next((line for line in head.lower().split("\r\n") if line.startswith("content-length:")), ":0")
        self.requests.append(Received(head, await reader.readexactly(int(length.partition(":")[2]))))
        self.has_asked.set()
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        for step in script:
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
                # Draining does not wait while buffers have room, and the client shares our loop.
                await asyncio.sleep(0)
                self.written_bytes += len(step)
                self.has_spoken.set()
            elif step is Then.WAIT:
                await self.may_go_on.wait()
            elif step is Then.HOLD:
                await reader.read(1)
                self.client_left.set()
                return False
            else:
                if step is Then.RESET:
                    peer: socket.socket = writer.get_extra_info("socket")
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    writer.transport.abort()
                return False
        return True


@contextlib.asynccontextmanager
async def raw_server(*scripts: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    raw = RawServer(scripts)
    server = await asyncio.start_server(raw.serve, "127.0.0.1", 0, ssl=tls)
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        server.close()
        for writer in raw.writers:
            writer.transport.abort()
        await asyncio.gather(*raw.tasks)


def whole(body: bytes, *, status: str = "200 OK", headers: str = "", kind: str = "application/json") -> bytes:
    """An answer with a length."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n{headers}content-length: {len(body)}\r\n\r\n"
    return head.encode() + body


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """A piece of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(data: bytes) -> bytes:
    """A chunk with one event of a stream in it."""
    return chunk(b"data: " + data + b"\n\n")
