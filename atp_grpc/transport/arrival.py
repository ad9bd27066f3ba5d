"""What a call's metadata says that the door cares about: a credential, a trace, and how often it was tried.

Every other entry is ignored, binary ones included. Two credentials are no credential: which one counts would be a
guess.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from atp_grpc.telemetry.traces import trace_id_of

Metadata = Iterable[tuple[str, str | bytes]]
MOST_ATTEMPTS = 100
ENTRY_BYTES = 32
"""What each entry counts beside its characters (RFC 9113, section 6.5.2)."""


@dataclass(slots=True)
class Arrival:
    """The entries read. `trace_id` and `traceparent` are empty where the caller sent none that makes sense."""

    authorization: str | None = None
    trace_id: str = ""
    traceparent: str = ""
    tracestate: str = ""
    attempt: int = 0
    size_bytes: int = 0


def read_arrival(metadata: Metadata) -> Arrival:
    """Reads the metadata once."""
    arrival = Arrival()
    credentials = size = 0
    for key, value in metadata:
        size += len(key) + len(value) + ENTRY_BYTES
        if key == "authorization":
            credentials += 1
            arrival.authorization = value if isinstance(value, str) and credentials == 1 else None
        elif key == "traceparent" and isinstance(value, str):
            arrival.trace_id = trace_id_of(value) or ""
            arrival.traceparent = value if arrival.trace_id else ""
        elif key == "tracestate" and isinstance(value, str):
            # Several of them are one list (W3C Trace Context 3.3.1).
            arrival.tracestate = f"{arrival.tracestate},{value}" if arrival.tracestate else value
        elif key == "grpc-previous-rpc-attempts" and isinstance(value, str) and value.isascii() and value.isdecimal():
            arrival.attempt = min(int(value[:4]), MOST_ATTEMPTS)
    arrival.size_bytes = size
    return arrival
