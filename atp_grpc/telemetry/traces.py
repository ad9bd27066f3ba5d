"""Names of traces: the caller's own where it sent one (W3C Trace Context), a fresh one where it did not."""

from __future__ import annotations

import random
import re

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")
_NO_TRACE = "0" * 32
_NO_PARENT = "0" * 16


class TraceIds:
    """Makes trace ids of 128 bits; they need to be distinct, not secret."""

    def __init__(self, source: random.Random) -> None:
        self._source = source

    def fresh(self) -> str:
        """32 hex digits."""
        return f"{self._source.getrandbits(128) or 1:032x}"


def trace_id_of(traceparent: str) -> str | None:
    """The trace id in a `traceparent` header; None when the header is not one."""
    match = _TRACEPARENT.fullmatch(traceparent)
    if match is None or match[1] == _NO_TRACE or match[2] == _NO_PARENT:
        return None
    return match[1]
