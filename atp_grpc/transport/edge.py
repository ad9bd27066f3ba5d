"""The one wrapper around every method: bytes in, bytes or a refusal out, and nothing else ever.

Transports enter here with what arrived: payload, metadata, the time left, the peer. The wrapper checks the call, runs
the handler and ends in a wall that turns whatever was raised into a status; it knows no server library, and no text
of an exception passes it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError, Message

from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.errors import (
    AtpError,
    DeadlineExceededError,
    DrainingError,
    InternalError,
    MalformedMessageError,
    MessageTooLargeError,
    MethodUnknownError,
    PermissionDeniedError,
)
from atp_grpc.domain.tenant import Principal
from atp_grpc.services.status import Code
from atp_grpc.services.validation import Validation
from atp_grpc.telemetry.call_log import CallLog
from atp_grpc.telemetry.incidents import Incidents
from atp_grpc.telemetry.metrics import CallMeter, Metrics
from atp_grpc.telemetry.traces import TraceIds
from atp_grpc.transport.alarm import Alarm
from atp_grpc.transport.arrival import Metadata, read_arrival
from atp_grpc.transport.method import Method
from atp_grpc.transport.refusal import CODE_LABELS, Refusal, refusal_of
from atp_grpc.transport.traffic import Traffic

DRAINING_RETRY_SECONDS = 0.05
CLOCK_TOLERANCE_SECONDS = 0.01
"""The caller's clock for its deadline started before ours: it gives up a little earlier than we would."""
UNKNOWN = "unknown"
"""Service and method label of calls to methods that do not exist."""
_LEVELS = {Code.CANCELLED: logging.INFO, Code.INTERNAL: logging.ERROR}
"""Level of a failed call's line; a warning where nothing stands here."""


Peer = Callable[[], str]
Wrapped = Callable[[bytes, Metadata, float | None, Peer], Coroutine[Any, Any, bytes | Refusal]]
"""`(payload, metadata, seconds left or None, peer)`. The transport cancels the running task when the caller leaves or
the caller's own deadline passes; `CancelledError` is then all that ever comes out."""


@dataclass(slots=True)
class _Passage:
    """What is known of a call while it is inside."""

    started: float
    trace_id: str = ""
    principal: Principal | None = None


class Edge:
    """Wraps methods."""

    def __init__(
        self,
        *,
        identify: Callable[[str | None], Principal],
        validation: Validation,
        clock: Clock,
        trace_ids: TraceIds,
        call_log: CallLog,
        metrics: Metrics,
        incidents: Incidents,
        traffic: Traffic,
        default_deadline_seconds: float,
        max_deadline_seconds: float,
        on_exit: Callable[[BaseException], None],
    ) -> None:
        """Takes what the wrapper uses.

        Args:
            identify: turns a credential into a principal, or raises CredentialRefusedError.
            validation: checks requests.
            clock: times calls.
            trace_ids: names calls that came without a trace.
            call_log: gets a line of each call.
            metrics: get a sample of each call.
            incidents: get what nobody foresaw.
            traffic: counts calls, and says when no more are taken.
            default_deadline_seconds: what a caller without a deadline gets.
            max_deadline_seconds: what nobody gets more than.
            on_exit: hears of a KeyboardInterrupt or SystemExit that a handler raised, after its call was answered; the
                process then decides.
        """
        self._identify = identify
        self._validation = validation
        self._clock = clock
        self._trace_ids = trace_ids
        self._call_log = call_log
        self._metrics = metrics
        self._incidents = incidents
        self._traffic = traffic
        self._default_deadline = min(default_deadline_seconds, max_deadline_seconds)
        self._max_deadline = max_deadline_seconds
        self._on_exit = on_exit
        self._unknown_meter = metrics.call_meter(UNKNOWN, UNKNOWN)

    def wrap(self, method: Method) -> Wrapped:
        """The method as transports call it. Compiles the rules of its request, so a senseless rule stops the start."""
        name = method.full_name
        meter = self._metrics.call_meter(method.service, method.name)
        self._validation.prepare(method.request_class)
        traffic, monotonic = self._traffic, self._clock.monotonic

        async def handle(payload: bytes, metadata: Metadata, seconds_left: float | None, peer: Peer) -> bytes | Refusal:
            passage = _Passage(monotonic())
            traffic.enter()
            try:
                answer = await self._pass(method, name, passage, payload, metadata, seconds_left)
            except BaseException as fault:  # noqa: BLE001 - the wall: what passes here leaves the caller hanging
                return self._refuse(fault, name, meter, passage, seconds_left, peer)
            else:
                self._note(name, meter, passage, monotonic() - passage.started, peer, Code.OK)
                return answer
            finally:
                traffic.leave()

        return handle

    def refuse_unknown(self, path: str, peer: Peer) -> Refusal:
        """Answers a call to a method that does not exist, whoever calls."""
        passage = _Passage(self._clock.monotonic())
        error = MethodUnknownError(path)
        return self._refuse(error, path, self._unknown_meter, passage, None, peer)

    async def _pass(
        self,
        method: Method,
        name: str,
        passage: _Passage,
        payload: bytes,
        metadata: Metadata,
        seconds_left: float | None,
    ) -> bytes:
        arrival = read_arrival(metadata)
        passage.trace_id = arrival.trace_id or self._trace_ids.fresh()
        if self._traffic.is_refusing:
            raise DrainingError(DRAINING_RETRY_SECONDS)
        principal = passage.principal = self._identify(arrival.authorization)
        if method.permission not in principal.permissions:
            raise PermissionDeniedError(method.permission)
        seconds = self._seconds_allowed(seconds_left)
        request = self._parse(method, payload)
        self._validation.validate(request)
        call = Call(name, principal, passage.started + seconds, passage.trace_id, arrival.attempt)
        if seconds == seconds_left:
            reply = await method.handler(request, call)
        else:
            reply = await self._within(seconds, method.handler(request, call))
        if not isinstance(reply, method.response_class):
            raise TypeError(f"a handler must return a {method.response_class.DESCRIPTOR.full_name}")
        return reply.SerializeToString()

    def _seconds_allowed(self, seconds_left: float | None) -> float:
        if seconds_left is None:
            return self._default_deadline
        if seconds_left <= 0:
            raise DeadlineExceededError
        return min(seconds_left, self._max_deadline)

    @staticmethod
    def _parse(method: Method, payload: bytes) -> Message:
        if len(payload) > method.max_message_bytes:
            raise MessageTooLargeError("message", limit_bytes=method.max_message_bytes, size_bytes=len(payload))
        try:
            return method.request_class.FromString(payload)
        except DecodeError:
            raise MalformedMessageError from None

    @staticmethod
    async def _within(seconds: float, work: Coroutine[Any, Any, Message]) -> Message:
        """Does the work, or cancels it when its time is over."""
        alarm = Alarm(seconds)
        try:
            reply = await work
        except asyncio.CancelledError:
            if alarm.clear():
                raise DeadlineExceededError from None
            raise
        except BaseException:
            alarm.clear()
            raise
        alarm.clear()
        return reply

    def _refuse(
        self,
        fault: BaseException,
        name: str,
        meter: CallMeter,
        passage: _Passage,
        seconds_left: float | None,
        peer: Peer,
    ) -> Refusal:
        """Turns whatever was raised into a refusal; raises again only what says that the caller has left.

        Raises:
            asyncio.CancelledError: the transport cancelled the call.
        """
        seconds = self._clock.monotonic() - passage.started
        if isinstance(fault, asyncio.CancelledError) and _is_cancelled_by_transport():
            is_late = seconds_left is not None and seconds >= seconds_left - CLOCK_TOLERANCE_SECONDS
            self._note(name, meter, passage, seconds, peer, Code.DEADLINE_EXCEEDED if is_late else Code.CANCELLED)
            raise fault
        error = fault if isinstance(fault, AtpError) else self._internal(fault, name, passage)
        try:
            refusal = refusal_of(error)
        except Exception as broken:  # noqa: BLE001 - an error that cannot be put into words is a bug too
            error = self._internal(broken, name, passage)
            refusal = refusal_of(error)
        self._note(name, meter, passage, seconds, peer, refusal.code, error)
        if isinstance(fault, KeyboardInterrupt | SystemExit):
            self._on_exit(fault)
        return refusal

    def _internal(self, fault: BaseException, name: str, passage: _Passage) -> InternalError:
        return InternalError(self._incidents.report(fault, method=name, trace_id=passage.trace_id))

    def _note(
        self,
        name: str,
        meter: CallMeter,
        passage: _Passage,
        seconds: float,
        peer: Peer,
        code: Code,
        error: AtpError | None = None,
    ) -> None:
        """One sample and one line. A fault in here is an incident of its own and leaves the answer as it is."""
        try:
            meter.record(CODE_LABELS[code], seconds)
            if code is Code.OK:
                self._call_log.succeeded(
                    name, seconds, principal=passage.principal, trace_id=passage.trace_id, peer=peer
                )
                return
            self._call_log.failed(
                name,
                seconds,
                code=code.name,
                reason=error.reason if error is not None else "",
                level=_LEVELS.get(code, logging.WARNING),
                principal=passage.principal,
                trace_id=passage.trace_id,
                peer=peer,
                incident=error.metadata["incident"] if isinstance(error, InternalError) else "",
            )
        except Exception as broken:  # noqa: BLE001 - the wall covers what is written about a call too
            self._incidents.report(broken, method=name, trace_id=passage.trace_id)


def _is_cancelled_by_transport() -> bool:
    """Whether somebody asked the running task to stop; a `CancelledError` without that was let out by mistake."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
