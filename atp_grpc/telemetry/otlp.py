"""Spans as OTLP puts them on the wire (opentelemetry.proto.trace.v1), written by hand.

Spans enter here when they end, and requests when they are sent: no message object is ever built, because that costs
several times what the call itself needs. It writes only what ATP has to say, and knows no network.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

AttributeValue = str | bool | int | float
TEXT_BYTES = 256
"""Longest text of an attribute."""
SCHEMA_URL = "https://opentelemetry.io/schemas/1.37.0"
"""The last version of the conventions with the names for RPC that today's backends know."""
_ONE_BYTE = 0x80
_LARGE = (1 << 64) - 1
# Field numbers with their wire types, as they stand before a value. Named by message and field.
_KEY_VALUE_KEY, _KEY_VALUE_VALUE = b"\x0a", b"\x12"
_ANY_STRING, _ANY_BOOL, _ANY_INT, _ANY_DOUBLE = b"\x0a", b"\x10", b"\x18", b"\x21"
_SPAN_ATTRIBUTE, _SPAN_EVENT = b"\x4a", b"\x5a"
_EVENT_TIME, _EVENT_NAME = b"\x09", b"\x12"
_RESOURCE_ATTRIBUTE, _SCOPE_NAME, _SCOPE_VERSION = b"\x0a", b"\x0a", b"\x12"
_RESOURCE_SPANS_RESOURCE, _RESOURCE_SPANS_SCOPE_SPANS, _RESOURCE_SPANS_SCHEMA = b"\x0a", b"\x12", b"\x1a"
_SCOPE_SPANS_SCOPE, _SCOPE_SPANS_SPAN, _SCOPE_SPANS_SCHEMA = b"\x0a", b"\x12", b"\x1a"
_REQUEST_RESOURCE_SPANS = b"\x0a"
_LENGTHS = [bytes((number,)) for number in range(_ONE_BYTE)]


def varint(number: int) -> bytes:
    """A number in base 128; negative ones as their two's complement in 64 bits."""
    if 0 <= number < _ONE_BYTE:
        return _LENGTHS[number]
    number &= _LARGE
    written = bytearray()
    while number >= _ONE_BYTE:
        written.append(number & 0x7F | _ONE_BYTE)
        number >>= 7
    written.append(number)
    return bytes(written)


def field(tag: bytes, content: bytes) -> bytes:
    """A field of bytes, text or a message."""
    size = len(content)
    return tag + (_LENGTHS[size] if size < _ONE_BYTE else varint(size)) + content


def key_value(key: str, value: AttributeValue) -> bytes:
    """An attribute; long text is cut."""
    if isinstance(value, str):
        any_value = field(_ANY_STRING, cut(value))
    elif isinstance(value, bool):
        any_value = _ANY_BOOL + varint(value)
    elif isinstance(value, int):
        any_value = _ANY_INT + varint(value)
    else:
        any_value = _ANY_DOUBLE + struct.pack("<d", value)
    return field(_KEY_VALUE_KEY, key.encode()) + field(_KEY_VALUE_VALUE, any_value)


def cut(text: str) -> bytes:
    """At most 256 bytes of a text, never half a sign."""
    encoded = text.encode(errors="replace")
    return encoded if len(encoded) <= TEXT_BYTES else encoded[:TEXT_BYTES].decode(errors="ignore").encode()


def attribute(key: str, value: AttributeValue) -> bytes:
    """An attribute, as a field of a span."""
    return field(_SPAN_ATTRIBUTE, key_value(key, value))


def event(name: str, nanos: int) -> bytes:
    """Something that happened at a moment, as a field of a span."""
    return field(_SPAN_EVENT, _EVENT_TIME + struct.pack("<Q", nanos) + field(_EVENT_NAME, name.encode()))


def scope_span(content: bytes) -> bytes:
    """A span, as a field of a request's innermost message."""
    return field(_SCOPE_SPANS_SPAN, content)


def export_request(spans: Iterable[bytes], *, resource: Mapping[str, str], scope: str, version: str) -> bytes:
    """An ExportTraceServiceRequest: the spans, who made them, and by what.

    Args:
        spans: each as `scope_span` gives it.
        resource: attributes of the process.
        scope: name of the instrumentation.
        version: its version.
    """
    about = b"".join(field(_RESOURCE_ATTRIBUTE, key_value(key, value)) for key, value in resource.items())
    scope_spans = b"".join(
        (
            field(_SCOPE_SPANS_SCOPE, field(_SCOPE_NAME, scope.encode()) + field(_SCOPE_VERSION, version.encode())),
            *spans,
            field(_SCOPE_SPANS_SCHEMA, SCHEMA_URL.encode()),
        )
    )
    return field(
        _REQUEST_RESOURCE_SPANS,
        field(_RESOURCE_SPANS_RESOURCE, about)
        + field(_RESOURCE_SPANS_SCOPE_SPANS, scope_spans)
        + field(_RESOURCE_SPANS_SCHEMA, SCHEMA_URL.encode()),
    )


def rejected_spans(response: bytes) -> int:
    """How many spans an ExportTraceServiceResponse says were rejected; 0 when it does not say."""
    partial = _fields(response).get(1)
    rejected = _fields(partial).get(1) if isinstance(partial, bytes) else None
    return rejected if isinstance(rejected, int) else 0


def _fields(message: bytes) -> dict[int, int | bytes]:
    """Numbers and bytes of a message by field number, as far as it can be read."""
    found: dict[int, int | bytes] = {}
    place = 0
    try:
        while place < len(message):
            tag, place = _read_varint(message, place)
            value, place = _read_varint(message, place)
            if tag & 7 == 2:  # noqa: PLR2004 - wire type of what has a length
                content = message[place : place + value]
                found[tag >> 3], place = content, place + value
            elif tag & 7 == 0:
                found[tag >> 3] = value
            else:
                return found
    except IndexError:
        pass
    return found


def _read_varint(message: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[place]
        number |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < _ONE_BYTE:
            return number, place
