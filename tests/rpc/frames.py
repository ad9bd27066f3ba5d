"""HTTP/2 by hand: a caller that sends whatever a test wants, where client libraries refuse to.

It speaks as much of RFC 9113 and RFC 7541 as tests need: plain header literals out; frames, and headers without
Huffman codes, in.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4
LARGEST_FRAME = 16_384
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_BINARY_AS_IT_IS = b"\xfe\x03\x00\x00\x00\x01"
"""A setting of gRPC's own: values of `-bin` headers come as they are after a zero, without base64 and Huffman codes."""
_STATUS_200, _STATIC_ENTRIES = 8, 61
Header = tuple[bytes, bytes]


@dataclass
class Answer:
    """What came back for one request."""

    headers: dict[bytes, bytes] = field(default_factory=dict)
    data: bytes = b""
    ended_by: str = ""
    """`trailers`, `reset`, `goaway` or `hang-up`."""

    @property
    def code(self) -> int | None:
        """The gRPC status; None where none came."""
        status = self.headers.get(b"grpc-status")
        return None if status is None else int(status)


class RawCaller:
    """One connection. Made by `raw_caller`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._next_stream = 1
        self._names: list[Header] = []

    async def call(self, path: bytes, headers: Iterable[Header] = (), payload: bytes = b"", flag: int = 0) -> Answer:
        """A unary gRPC call: its request with these headers besides those that every request has.

        `flag` is the first byte of the message: 1 says that it is compressed.
        """
        fields = [
            *((b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"localhost")),
            *((b"te", b"trailers"), (b"content-type", b"application/grpc")),
            *headers,
        ]
        return await self.request(fields, bytes([flag]) + struct.pack(">I", len(payload)) + payload)

    async def request(self, fields: Sequence[Header], body: bytes) -> Answer:
        """A request with exactly these headers and this body."""
        stream, self._next_stream = self._next_stream, self._next_stream + 2
        block = b"".join(b"\x00" + _string(name) + _string(value) for name, value in fields)
        pieces = [block[start : start + LARGEST_FRAME] for start in range(0, len(block), LARGEST_FRAME)]
        for number, piece in enumerate(pieces):
            flags = END_HEADERS if number == len(pieces) - 1 else 0
            self._send(CONTINUATION if number else HEADERS, flags, stream, piece)
        for start in range(0, len(body), LARGEST_FRAME):
            flags = END_STREAM if start + LARGEST_FRAME >= len(body) else 0
            self._send(DATA, flags, stream, body[start : start + LARGEST_FRAME])
        return await asyncio.wait_for(self._answer(stream), 10)

    def ping(self, payload: bytes = bytes(8)) -> None:
        """Sends a PING."""
        self._send(PING, 0, 0, payload)

    async def expect(self, kind: int) -> bytes:
        """The payload of the next frame of a kind; others are passed over.

        Raises:
            asyncio.IncompleteReadError: the server hung up first.
        """
        while True:
            head = await self._reader.readexactly(9)
            payload = await self._reader.readexactly(int.from_bytes(head[:3], "big"))
            if head[3] == kind:
                return payload
            if head[3] == SETTINGS and not head[4] & ACK:
                self._send(SETTINGS, ACK, 0, b"")
            elif head[3] == PING and not head[4] & ACK:
                self._send(PING, ACK, 0, payload)

    def _send(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        self._writer.write(struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream))
        self._writer.write(payload)

    async def _answer(self, stream: int) -> Answer:
        answer = Answer()
        while True:
            try:
                head = await self._reader.readexactly(9)
                payload = await self._reader.readexactly(int.from_bytes(head[:3], "big"))
            except (asyncio.IncompleteReadError, ConnectionError):
                answer.ended_by = "hang-up"
                return answer
            kind, flags, meant = head[3], head[4], int.from_bytes(head[5:], "big")
            if kind == SETTINGS and not flags & ACK:
                self._send(SETTINGS, ACK, 0, b"")
            elif kind == PING and not flags & ACK:
                self._send(PING, ACK, 0, payload)
            elif kind == HEADERS:
                found = self._decode(payload)
                answer.headers.update(found if meant == stream else {})
            elif kind == DATA and meant == stream:
                answer.data += payload
            elif kind == GOAWAY:
                answer.ended_by = "goaway"
                return answer
            elif kind == RST_STREAM and meant == stream:
                answer.ended_by = answer.ended_by or "reset"
                return answer
            if meant == stream and kind in {DATA, HEADERS} and flags & END_STREAM:
                answer.ended_by = "trailers"
                return answer

    def _decode(self, block: bytes) -> dict[bytes, bytes]:
        """The headers of a block that is not Huffman-coded; the table of names lives as long as the connection."""
        found: dict[bytes, bytes] = {}
        place = 0
        while place < len(block):
            first = block[place]
            if first & 0x80:
                index, place = _integer(block, place, 7)
                name, value = self._entry(index)
            elif first & 0xE0 == 0x20:
                _, place = _integer(block, place, 5)
                continue
            else:
                is_kept = first & 0xC0 == 0x40
                index, place = _integer(block, place, 6 if is_kept else 4)
                if index:
                    name = self._entry(index)[0]
                else:
                    name, place = _text(block, place)
                value, place = _text(block, place)
                if is_kept:
                    self._names.insert(0, (name, value))
            found[name] = value
        return found

    def _entry(self, index: int) -> Header:
        if index > _STATIC_ENTRIES:
            return self._names[index - _STATIC_ENTRIES - 1]
        return (b":status", b"200") if index == _STATUS_200 else (b"static-%d" % index, b"")


@asynccontextmanager
async def raw_caller(port: int) -> AsyncIterator[RawCaller]:
    """A connection to a listener of this machine."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with greeting(reader, writer) as caller:
        yield caller


@asynccontextmanager
async def greeting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncIterator[RawCaller]:
    """Begins HTTP/2 on a connection, and hangs up at the end."""
    writer.write(_PREFACE + b"\x00\x00\x06\x04\x00\x00\x00\x00\x00" + _BINARY_AS_IT_IS)
    # Answers may be as large as they like: nobody gives back window later.
    writer.write(b"\x00\x00\x04\x08\x00\x00\x00\x00\x00" + struct.pack(">I", 2**30))
    try:
        yield RawCaller(reader, writer)
    finally:
        writer.close()


def _string(text: bytes) -> bytes:
    return _prefixed(len(text), 7) + text


def _prefixed(number: int, bits: int) -> bytes:
    most = (1 << bits) - 1
    if number < most:
        return bytes([number])
    out, number = bytearray([most]), number - most
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _integer(block: bytes, place: int, bits: int) -> tuple[int, int]:
    most = (1 << bits) - 1
    number = block[place] & most
    place += 1
    shift = 0
    while number >= most:
        more = block[place]
        place += 1
        number += (more & 0x7F) << shift
        shift += 7
        if not more & 0x80:
            break
    return number, place


def _text(block: bytes, place: int) -> tuple[bytes, int]:
    length, end = _integer(block, place, 7)
    return block[end : end + length], end + length
