"""The server span of a call: whether there is one is decided when the call arrives, and it goes on its way at the end.

The door enters here twice for each call; for one that is not traced that costs two comparisons, for one that is a
tuple. A span holds what the table of `docs/observability.md` says: never a prompt, a credential, a token or the text
of an exception.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import NamedTuple

from atp_grpc.domain.call import Note
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.tenant import Principal

TRACESTATE_CHARACTERS = 512
_RATIO_BOUND = 1 << 64
_SAMPLED = 1


class Begun(NamedTuple):
    """A span whose call is under way. Ids from a caller are in hex; the first span of a trace has no `parent_id`."""

    trace_id: str
    span_id: int
    parent_id: str
    tracestate: str
    started_nanos: int


class Ended(NamedTuple):
    """A span whose call is over."""

    begun: Begun
    method: str
    """For example `atp.v1.RouteService/Route`; never what a caller made up."""
    seconds: float
    """From arrival to answer."""
    code: int
    """Number of the status."""
    principal: Principal | None = None
    """Who called, once that was known."""
    attempt: int = 0
    """How often the caller had tried before."""
    waited_seconds: float | None = None
    """From arrival until the message was there and its handling began."""
    reason: str = ""
    """Of a refusal."""
    incident: str = ""
    """Of an internal fault."""
    notes: Mapping[str, Note] = {}
    """What the handler said."""


class Spans:
    """Begins the spans of one process and sends them on their way. Only its event loop touches it."""

    def __init__(
        self, *, clock: Clock, source: random.Random, ratio: float, put: Callable[[Ended], None] | None
    ) -> None:
        """Takes the sampling, and the way out.

        Args:
            clock: dates spans.
            source: makes span ids; they need to be distinct, not secret.
            ratio: share of the traces begun here that are recorded; whoever began a trace elsewhere decides himself.
            put: takes a span to be sent; None: there are no spans at all.
        """
        self._now_nanos = clock.now_nanos
        self._getrandbits = source.getrandbits
        self._is_on = put is not None
        self.end = put or _forget
        """Sends a span on its way."""
        bound = round(ratio * _RATIO_BOUND)
        # As the SDKs sample: by the lower half of the trace id, so that every service comes to the same decision.
        self._samples_all = bound >= _RATIO_BOUND
        self._bound = f"{min(bound, _RATIO_BOUND - 1):016x}"

    def begin(self, trace_id: str, traceparent: str, tracestate: str) -> Begun | None:
        """The span of a call that arrived, or None for a call that is not traced.

        Args:
            trace_id: of the call.
            traceparent: the caller's, checked and without mistakes; empty without one.
            tracestate: the caller's.
        """
        if not self._is_on:
            return None
        if traceparent:
            if not int(traceparent[53:55], 16) & _SAMPLED:
                return None
        elif not self._samples_all and trace_id[16:] >= self._bound:
            return None
        state = tracestate if len(tracestate) <= TRACESTATE_CHARACTERS else ""
        return Begun(trace_id, self._getrandbits(64) or 1, traceparent[36:52], state, self._now_nanos())


def _forget(_: Ended) -> None:
    """Where nobody takes spans."""
