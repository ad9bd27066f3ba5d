"""From an ended span to its bytes, as a field of an OTLP request.

The thread that sends spans enters here, once for each span and not on the path of a call: one after the other they cost
a third of what each costs between two calls. It knows the names of the attributes, and nothing of sampling.
"""

from __future__ import annotations

import struct

from atp_grpc.domain.clock import NANOS_PER_SECOND
from atp_grpc.telemetry.otlp import attribute, event, field, scope_span
from atp_grpc.telemetry.spans import Ended

ERROR_CODES = frozenset({2, 4, 12, 13, 14, 15})
"""UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS: what the conventions for RPC call a
server's error. The others are answers that the caller asked for."""
_FLAGS_LOCAL, _FLAGS_REMOTE = struct.pack("<I", 0x101), struct.pack("<I", 0x301)
"""Sampled, and whether the parent lives in another process."""
# Fields of a span, see `otlp`.
_TRACE_ID, _SPAN_ID, _TRACE_STATE, _PARENT, _NAME = b"\x0a\x10", b"\x12\x08", b"\x1a", b"\x22\x08", b"\x2a"
_KIND_SERVER, _STATUS, _FLAGS = b"\x30\x02", b"\x7a", b"\x85\x01"
_STATUS_MESSAGE, _STATUS_ERROR = b"\x12", b"\x18\x02"
_TIMES = struct.Struct("<cQcQ")
_START, _END = b"\x39", b"\x41"
_MOST_REMEMBERED = 1_024


class SpanEncoder:
    """Encodes spans. Only one thread uses it."""

    def __init__(self) -> None:
        self._common: dict[tuple[str, int], bytes] = {}
        self._texts: dict[tuple[str, str], bytes] = {}

    def encode(self, ended: Ended) -> bytes:
        """A span, as a field of a request's innermost message."""
        begun, method, seconds, code, principal, attempt, waited_seconds, reason, incident, notes = ended
        started = begun.started_nanos
        parts = [
            _TRACE_ID,
            bytes.fromhex(begun.trace_id),
            _SPAN_ID,
            begun.span_id.to_bytes(8, "big"),
            _TIMES.pack(_START, started, _END, started + round(seconds * NANOS_PER_SECOND)),
            self._common.get((method, code)) or self._commonly(method, code),
        ]
        if begun.parent_id:
            parts += (_PARENT, bytes.fromhex(begun.parent_id), _FLAGS, _FLAGS_REMOTE)
        else:
            parts += (_FLAGS, _FLAGS_LOCAL)
        if begun.tracestate:
            parts.append(field(_TRACE_STATE, begun.tracestate.encode(errors="replace")))
        if principal is not None and principal.tenant:
            parts.append(self._text("tenant", principal.tenant))
        if attempt:
            parts.append(attribute("atp.attempt", attempt))
        if waited_seconds is not None:
            parts.append(event("handling", started + round(waited_seconds * NANOS_PER_SECOND)))
        for key, value in notes.items():
            parts.append(self._text(key, value) if isinstance(value, str) else attribute(f"atp.{key}", value))
        if code:
            parts += _of_failure(code, reason, incident)
        return scope_span(b"".join(parts))

    def _commonly(self, method: str, code: int) -> bytes:
        """What all spans of a method with one status share."""
        service, _, name = method.rpartition("/")
        common = b"".join(
            (
                field(_NAME, method.encode()),
                _KIND_SERVER,
                attribute("rpc.system", "grpc"),
                attribute("rpc.service", service or method),
                attribute("rpc.method", name),
                attribute("rpc.grpc.status_code", int(code)),
            )
        )
        self._common[method, code] = common
        return common

    def _text(self, key: str, value: str) -> bytes:
        """An attribute of text; most come again and again."""
        written = self._texts.get((key, value))
        if written is None:
            if len(self._texts) >= _MOST_REMEMBERED:
                self._texts.clear()
            written = self._texts[key, value] = attribute(f"atp.{key}", value)
        return written


def _of_failure(code: int, reason: str, incident: str) -> list[bytes]:
    parts = [attribute("atp.reason", reason)] if reason else []
    if incident:
        parts.append(attribute("atp.incident", incident))
    if code in ERROR_CODES:
        parts.append(field(_STATUS, field(_STATUS_MESSAGE, reason.encode()) + _STATUS_ERROR))
    return parts
