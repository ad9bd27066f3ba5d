"""The caller's trace as metadata (W3C Trace Context), for callers who trace with OpenTelemetry.

The client enters here with every call. It imports nothing: whoever has a span has loaded OpenTelemetry before, and
whoever has not pays one look-up. It never begins a span and never sends baggage.
"""

from __future__ import annotations

import sys


def trace_metadata() -> tuple[tuple[str, str], ...]:
    """`traceparent`, and `tracestate` where there is one, of the span that is current now; nothing without one."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return ()
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return ()
    parent = ("traceparent", f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}")
    state = context.trace_state.to_header()
    return (parent, ("tracestate", state)) if state else (parent,)
