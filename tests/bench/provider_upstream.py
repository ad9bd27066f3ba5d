"""An upstream that costs nothing: chat completions from prepared bytes, whole, or as twenty words one by one.

`provider_bench` starts it in a process of its own: `python -m tests.bench.provider_upstream PORT`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from typing import cast

import uvloop

WORDS = 20
# Long enough that each piece is read by itself, as from a real provider.
_PAUSE_SECONDS = 0.001
_USAGE = {"prompt_tokens": 40, "completion_tokens": WORDS, "total_tokens": 40 + WORDS}
_HEAD = b"HTTP/1.1 200 OK\r\nx-ratelimit-remaining-requests: 99\r\ncontent-type: "


def _chunk(delta: dict[str, str], reason: str | None = None, **rest: object) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m-1", "choices": [choice], **rest}


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _whole() -> bytes:
    message = {"role": "assistant", "content": "word " * WORDS}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    answer = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m-1",
        "choices": [choice],
        "usage": _USAGE,
    }
    body = json.dumps(answer).encode()
    return _HEAD + b"application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def _pieces() -> list[bytes]:
    said = [_chunk({"role": "assistant", "content": ""}), *[_chunk({"content": "word "})] * WORDS, _chunk({}, "stop")]
    said.append(_chunk({}, choices=[], usage=_USAGE))
    events = [_framed(b"data: " + json.dumps(event).encode() + b"\n\n") for event in said]
    head = _HEAD + b"text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return [head, *events, _framed(b"data: [DONE]\n\n") + b"0\r\n\r\n"]


class Upstream(asyncio.Protocol):
    """Answers a whole at once, and a stream in as many writes as there are pieces."""

    def __init__(self, whole: bytes, pieces: list[bytes]) -> None:
        self._whole, self._pieces = whole, pieces
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, _, body = self._held.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if not length or len(body) < int(length):
            return
        self._held = b""
        if b'"stream":true' in body.replace(b" ", b""):
            self._say(iter(self._pieces))
        else:
            self._transport.write(self._whole)

    def _say(self, pieces: Iterator[bytes]) -> None:
        piece = next(pieces, None)
        if piece is not None:
            self._transport.write(piece)
            asyncio.get_running_loop().call_later(_PAUSE_SECONDS, self._say, pieces)


async def _serve(port: int) -> None:
    whole, pieces = _whole(), _pieces()
    server = await asyncio.get_running_loop().create_server(lambda: Upstream(whole, pieces), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
