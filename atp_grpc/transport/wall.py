"""The wall behind every call: whatever was raised becomes a status, and every call leaves one line and one sample.

The edge enters here when a call ends. No text of an exception passes; only the sign that the caller has left is raised
again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from atp_grpc.domain.clock import Clock
from atp_grpc.domain.errors import AtpError, InternalError, OverloadedError
from atp_grpc.services.status import Code
from atp_grpc.telemetry.call_log import CallLog, Facts
from atp_grpc.telemetry.calls import CallMeter
from atp_grpc.telemetry.incidents import Incidents
from atp_grpc.telemetry.spans import Ended, Spans
from atp_grpc.transport.passage import Passage
from atp_grpc.transport.refusal import Refusal, refusal_of

CLOCK_TOLERANCE_SECONDS = 0.01
"""The caller's clock for its deadline started before ours: it gives up a little earlier than we would."""
_SERVER_FAULTS = {Code.UNKNOWN, Code.DEADLINE_EXCEEDED, Code.INTERNAL, Code.UNAVAILABLE, Code.DATA_LOSS}
"""Codes that say that another server might have answered."""
_LEVELS = {Code.CANCELLED: logging.INFO, Code.INTERNAL: logging.ERROR}
"""Level of a failed call's line; a warning where nothing stands here."""

Peer = Callable[[], str]


class Wall:
    """Ends calls."""

    def __init__(
        self,
        *,
        clock: Clock,
        call_log: CallLog,
        spans: Spans,
        incidents: Incidents,
        on_exit: Callable[[BaseException], None],
    ) -> None:
        """`on_exit` hears of a KeyboardInterrupt or SystemExit that a handler raised, after its call was answered."""
        self._monotonic = clock.monotonic
        self._call_log = call_log
        self._end_span = spans.end
        self._incidents = incidents
        self._on_exit = on_exit
        self.server_faults = 0
        """Calls that failed for no fault of their callers."""

    def answered(self, passage: Passage, name: str, meter: CallMeter, peer: Peer) -> None:
        """A call ended well."""
        self._note(name, meter, passage, self._monotonic() - passage.started, peer, Code.OK)

    def abandoned(self, passage: Passage, name: str, meter: CallMeter) -> None:
        """A call ended before its message came."""
        seconds = self._monotonic() - passage.started
        self._note(name, meter, passage, seconds, str, Code.CANCELLED, is_abandoned=True)

    def refuse(
        self,
        fault: BaseException,
        passage: Passage,
        name: str,
        meter: CallMeter,
        *,
        seconds_left: float | None,
        peer: Peer,
        has_left: bool = False,
    ) -> Refusal:
        """Turns whatever was raised into a refusal; raises again only what says that the caller has left.

        Args:
            fault: what was raised.
            passage: the call.
            name: of the method.
            meter: of the method.
            seconds_left: until the caller's own deadline, counted from the start of the passage; None without one.
            peer: names the caller's address.
            has_left: whether the caller was found to have left, before the transport cancelled the call for it.

        Raises:
            asyncio.CancelledError: the transport cancelled the call, or the caller has left.
        """
        seconds = self._monotonic() - passage.started
        if isinstance(fault, asyncio.CancelledError) and (has_left or _is_cancelled_by_transport()):
            is_late = seconds_left is not None and seconds >= seconds_left - CLOCK_TOLERANCE_SECONDS
            self._note(name, meter, passage, seconds, peer, Code.DEADLINE_EXCEEDED if is_late else Code.CANCELLED)
            raise fault
        error = fault if isinstance(fault, AtpError) else self._internal(fault, name, passage)
        still = None if seconds_left is None else seconds_left - seconds
        try:
            refusal = refusal_of(error, passage.trace_id, still)
        except Exception as broken:  # noqa: BLE001 - an error that cannot be put into words is a bug too
            error = self._internal(broken, name, passage)
            refusal = refusal_of(error, passage.trace_id)
        self._note(name, meter, passage, seconds, peer, refusal.code, error)
        if isinstance(fault, KeyboardInterrupt | SystemExit):
            self._on_exit(fault)
        return refusal

    def _internal(self, fault: BaseException, name: str, passage: Passage) -> InternalError:
        return InternalError(self._incidents.report(fault, method=name, trace_id=passage.trace_id))

    def _note(
        self,
        name: str,
        meter: CallMeter,
        passage: Passage,
        seconds: float,
        peer: Peer,
        code: Code,
        error: AtpError | None = None,
        *,
        is_abandoned: bool = False,
    ) -> None:
        """One sample, one line and one span. A fault in here is an incident and leaves the answer as it is."""
        passage.is_noted = True
        if code in _SERVER_FAULTS:
            self.server_faults += 1
        try:
            meter.record(code.name, seconds)
            reason = error.reason if error is not None else ""
            incident = error.metadata["incident"] if isinstance(error, InternalError) else ""
            if passage.span is not None:
                self._end_span(
                    Ended(
                        passage.span,
                        meter.name,
                        seconds,
                        code,
                        passage.principal,
                        passage.attempt,
                        passage.waited_seconds,
                        reason,
                        incident,
                        passage.notes,
                    )
                )
            facts = Facts(name, seconds, passage.principal, passage.trace_id, peer, passage.attempt, passage.notes)
            if code is Code.OK:
                self._call_log.succeeded(facts)
                return
            level = _LEVELS.get(code, logging.WARNING)
            if isinstance(error, OverloadedError) or is_abandoned:
                self._call_log.one_of_many(facts, code=code.name, reason=reason, level=level)
                return
            self._call_log.failed(facts, code=code.name, reason=reason, level=level, incident=incident)
        except Exception as broken:  # noqa: BLE001 - the wall covers what is written about a call too
            self._incidents.report(broken, method=name, trace_id=passage.trace_id)


def _is_cancelled_by_transport() -> bool:
    """Whether somebody asked the running task to stop; a `CancelledError` without that was let out by mistake."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
