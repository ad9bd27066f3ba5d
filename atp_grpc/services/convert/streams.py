"""Streams on the wire: the envelopes around requests, reports and results, and how streams end.

The stream servicers enter here. What is in an envelope stays bytes, and a response that is bytes already is only
wrapped: nothing is parsed or built twice. Whatever is not plainly written is read by protobuf itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from atp_grpc.pb.atp.v1 import stream_pb2
from atp_grpc.services.stream import EndReason

STREAM_END_REASONS: Mapping[EndReason, stream_pb2.StreamEndReason] = {
    reason: cast("stream_pb2.StreamEndReason", stream_pb2.StreamEndReason.Value(f"STREAM_END_REASON_{reason.name}"))
    for reason in EndReason
}
CORRELATION_BYTES = 64
"""Longest correlation id that is plain; one byte of length is enough for it."""

_CORRELATION_ID, _ROUTE_REQUEST, _REPORT = b"\x0a", b"\x12", b"\x0a"
"""Tags of the fields of `RouteStreamRequest`, and of the one of `ObserveStreamRequest`."""
_RESULT, _SEQUENCE, _CORRELATION_ID_BACK, _RESPONSE, _ERROR = b"\x0a", b"\x08", b"\x12", b"\x1a", b"\x22"
"""Tags of `RouteStreamResponse.result` and of the fields of `RouteStreamResult`."""
_MORE, _BITS, _LENGTH_BYTES = 0x80, 0x7F, 5


def plain_route_request(payload: bytes) -> tuple[bytes, bytes] | None:
    """Correlation id and request of a `RouteStreamRequest`, where it is written as every encoder writes it.

    None for anything else, which may still be a good message: fields in another order, twice, unknown, or a correlation
    id that is not plain ASCII of at most 64 characters.
    """
    start, correlation_id = 0, b""
    if payload[:1] == _CORRELATION_ID:
        size = payload[1] if len(payload) > 1 else _MORE
        start = 2 + size
        correlation_id = payload[2:start]
        if size > CORRELATION_BYTES or not correlation_id.isascii():
            return None
    request = _rest(payload, start, _ROUTE_REQUEST)
    return None if request is None else (correlation_id, request)


def plain_report(payload: bytes) -> bytes | None:
    """The report of an `ObserveStreamRequest`, where it is written as every encoder writes it; None for another."""
    return _rest(payload, 0, _REPORT)


def _rest(payload: bytes, start: int, tag: bytes) -> bytes | None:
    """The content of the one field that the payload holds from `start` to its end."""
    if payload[start : start + 1] != tag:
        return None
    size = shift = 0
    for at in range(start + 1, min(len(payload), start + 1 + _LENGTH_BYTES)):
        byte = payload[at]
        size |= (byte & _BITS) << shift
        if byte < _MORE:
            return payload[at + 1 :] if at + 1 + size == len(payload) else None
        shift += 7
    return None


def route_result(sequence: int, correlation_id: bytes, *, response: bytes | None = None, error: bytes = b"") -> bytes:
    """The bytes of a `RouteStreamResponse` with one result: an encoded `RouteResponse` or an encoded status."""
    tag, content = (_ERROR, error) if response is None else (_RESPONSE, response)
    parts = [_SEQUENCE, varint(sequence)]
    if correlation_id:
        parts += (_CORRELATION_ID_BACK, varint(len(correlation_id)), correlation_id)
    parts += (tag, varint(len(content)), content)
    body = b"".join(parts)
    return b"".join((_RESULT, varint(len(body)), body))


def varint(number: int) -> bytes:
    """A number of the wire format: seven bits a byte, the lowest first."""
    if number < _MORE:
        return bytes((number,))
    out = bytearray()
    while number >= _MORE:
        out.append(number & _BITS | _MORE)
        number >>= 7
    out.append(number)
    return bytes(out)
