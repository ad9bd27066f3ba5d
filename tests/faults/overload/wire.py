"""One HTTP/2 connection that makes thousands of Route calls a second: what client libraries cannot, on half a core.

A storm opens several of them. Requests are frames made once with the stream's number put in; of an answer only the
status, the pushback and whether there are details are read. It never decides when to call.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import cast

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4
REFUSED_STREAM, CANCEL = 7, 8
MAX_CONCURRENT_STREAMS = 3
RESET, NOT_TAKEN = -1, -2
"""Stand for the status of a call whose stream ended without one; the second says that the server never took it."""
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEAD = struct.Struct(">HBBBI")
_TIMEOUT = b"%08dm"
_WINDOW = 2**30
_NAMES = (4, 1, 31, 23)
"""Places of `:path`, `:authority`, `content-type` and `authorization` in the static table of RFC 7541."""
_KEEP, _NEWEST = 0x40, 62

Ended = Callable[[object, int, str, bool], None]
"""`(tag, status, pushback, has_details)`: a call was answered."""


class Wire(asyncio.Protocol):
    """The connection. `call` sends at once; whoever calls heeds `room`."""

    def __init__(self, path: str, credential: str, payload: bytes, ended: Ended) -> None:
        """Makes the frames of every call; `ended` hears of each answer."""
        self._ended = ended
        self._open: dict[int, object] = {}
        self._next_stream = 1
        self._most = 100
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._taught = _fields(path, credential)
        self._known = bytes([0x83, 0x86, *(0x80 | _NEWEST + age for age in reversed(range(len(_NAMES) + 1)))])
        self._body = struct.pack(">BI", 0, len(payload)) + payload
        self.is_ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def room(self) -> int:
        """How many calls the server takes on this connection now."""
        return self._most - len(self._open)

    def call(self, tag: object, timeout_ms: int, attempt: int = 0) -> int:
        """Sends a call; gives its stream, for `give_up`."""
        stream, self._next_stream = self._next_stream, self._next_stream + 2
        self._open[stream] = tag
        known, self._taught = self._taught or self._known, b""
        block = known + _literal(b"grpc-timeout", _TIMEOUT % timeout_ms)
        if attempt:
            block += _literal(b"grpc-previous-rpc-attempts", b"%d" % attempt)
        self._send(_frame(HEADERS, END_HEADERS, stream, block) + _frame(DATA, END_STREAM, stream, self._body))
        return stream

    def give_up(self, stream: int) -> bool:
        """Cancels a call whose time is over; False when it was answered before."""
        if self._open.pop(stream, None) is None:
            return False
        self._send(_frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL)))
        return True

    def close(self) -> None:
        """Hangs up."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greets: no table of headers for answers, so that they are plain text, and all the window there is."""
        self._transport = cast("asyncio.Transport", transport)
        settings = _frame(SETTINGS, 0, 0, struct.pack(">HIHI", 1, 0, 4, _WINDOW))
        self._send(_PREFACE + settings + _frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", _WINDOW)))

    def data_received(self, data: bytes) -> None:
        """Reads frames."""
        buffer, place = self._buffer + data, 0
        end = len(buffer)
        while end - place >= 9:
            high, low, kind, flags, stream = _HEAD.unpack_from(buffer, place)
            size = high << 8 | low
            if end - place < 9 + size:
                break
            self._frame(kind, flags, stream, buffer[place + 9 : place + 9 + size])
            place += 9 + size
        self._buffer = buffer[place:]

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == HEADERS and flags & END_STREAM:
            self._end(stream, int(_value(payload, b"grpc-status") or RESET), payload)
        elif kind == RST_STREAM:
            code = int.from_bytes(payload, "big")
            self._end(stream, NOT_TAKEN if code == REFUSED_STREAM else RESET, b"")
        elif kind == PING and not flags & ACK:
            self._send(_frame(PING, ACK, 0, payload))
        elif kind == SETTINGS and not flags & ACK:
            for place in range(0, len(payload), 6):
                name, value = struct.unpack_from(">HI", payload, place)
                self._most = value if name == MAX_CONCURRENT_STREAMS else self._most
            self._send(_frame(SETTINGS, ACK, 0, b""))
            if not self.is_ready.done():
                self.is_ready.set_result(None)

    def _end(self, stream: int, status: int, block: bytes) -> None:
        tag = self._open.pop(stream, None)
        if tag is not None:
            pushback = _value(block, b"grpc-retry-pushback-ms") if status else ""
            self._ended(tag, status, pushback, b"grpc-status-details-bin" in block)

    def _send(self, frames: bytes) -> None:
        assert self._transport is not None
        self._transport.write(frames)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return _HEAD.pack(len(payload) >> 8, len(payload) & 0xFF, kind, flags, stream) + payload


def _fields(path: str, credential: str) -> bytes:
    """The fields that every call has, put into the server's table of headers; later calls name their places in it."""
    values = (path.encode(), b"localhost", b"application/grpc", b"Bearer " + credential.encode())
    kept = b"".join(bytes([_KEEP | name]) + _text(value) for name, value in zip(_NAMES, values, strict=True))
    return bytes([0x83, 0x86]) + kept + bytes([_KEEP]) + _text(b"te") + _text(b"trailers")


def _literal(name: bytes, value: bytes) -> bytes:
    return b"\x00" + _text(name) + _text(value)


def _text(text: bytes) -> bytes:
    assert len(text) < 127
    return bytes([len(text)]) + text


def _value(block: bytes, name: bytes) -> str:
    """The plain value of a field, empty where it is not there."""
    place = block.find(name)
    if place < 0:
        return ""
    place += len(name)
    return block[place + 1 : place + 1 + block[place]].decode()
