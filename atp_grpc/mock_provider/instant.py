"""Answers prepared once, for benches that want to see the cost of what stands before a provider, not of the provider.

The server enters here for scripts that say `instant`. The same bytes go out whatever the prompt was; they are built by
the dialects, so they are as published.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from atp_grpc.mock_provider.answer import Question, answer
from atp_grpc.mock_provider.dialect import Dialect, Rates
from atp_grpc.mock_provider.script import Script

INPUT_TOKENS = 10
"""What every prompt counts here."""


class PreparedResponse(web.StreamResponse):
    """Bytes with their head, written as they are; one object serves every request."""

    def __init__(self, writes: tuple[bytes, ...]) -> None:
        super().__init__()
        self._writes = writes

    @property
    def keep_alive(self) -> bool:
        """The connection stays."""
        return True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Writes all of it. Raises `ConnectionResetError` if the client went away."""
        transport = request.transport
        if transport is None:
            raise ConnectionResetError
        transport.write(self._writes[0])
        for more in self._writes[1:]:
            # The loop sends what was written before more is: that makes it a segment of its own.
            await asyncio.sleep(0)
            transport.write(more)
        return None

    async def write_eof(self, data: bytes | bytearray | memoryview = b"") -> None:
        """All was written."""


class InstantAnswers:
    """The prepared answers, by what they are for."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str, bool, bool], PreparedResponse] = {}

    def clear(self) -> None:
        """Forgets them; scripts have changed."""
        self._made.clear()

    def get(
        self, dialect: Dialect, model: str, script: Script, *, is_streamed: bool, wants_usage: bool
    ) -> PreparedResponse:
        """The answer of a model under its script."""
        kind = (dialect.name, model, is_streamed, wants_usage)
        made = self._made.get(kind)
        if made is None:
            question = Question(model, (), "", "", INPUT_TOKENS, None, is_streamed=is_streamed, wants_usage=wants_usage)
            made = self._made[kind] = _prepared(dialect, question, script)
        return made


def _prepared(dialect: Dialect, question: Question, script: Script) -> PreparedResponse:
    made = answer(question, script)
    headers = dialect.headers(Rates(made.name, script.requests_left, script.tokens_left, script.reset_seconds, 0.0))
    if not question.is_streamed:
        body = dialect.whole(made)
        length = {"content-type": "application/json", "content-length": str(len(body))}
        return PreparedResponse((_head(headers | length) + body,))
    events = [dialect.opening(made)]
    events += (frame.payload for frame in dialect.events(made, max(1, script.tokens_per_chunk), 0))
    events.append(dialect.closing(made))
    head = _head(headers | {"content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked"})
    writes = min(max(1, script.writes), len(events))
    parts = [
        b"".join(map(_chunk, events[part * len(events) // writes : (part + 1) * len(events) // writes]))
        for part in range(writes)
    ]
    parts[0] = head + parts[0]
    parts[-1] += b"0\r\n\r\n"
    return PreparedResponse(tuple(parts))


def _head(headers: Mapping[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode()


def _chunk(payload: bytes) -> bytes:
    return f"{len(payload):x}\r\n".encode() + payload + b"\r\n"
