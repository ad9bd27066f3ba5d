"""The one wrapper around every method: bytes in, bytes or a refusal out, and nothing else ever.

Transports enter here twice: with a call's metadata as soon as its headers are there, and with its message or its
stream. The first look refuses what can be refused without a message; whatever is raised after it ends at the wall.
The wrapper knows no server library.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

from google.protobuf.message import DecodeError

from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.errors import (
    DeadlineExceededError,
    DrainingError,
    MalformedMessageError,
    MethodUnknownError,
    OverloadedError,
    PermissionDeniedError,
)
from atp_grpc.domain.tenant import Principal
from atp_grpc.services.validation import Validation
from atp_grpc.telemetry.calls import UNKNOWN
from atp_grpc.telemetry.metrics import Metrics
from atp_grpc.telemetry.spans import Spans
from atp_grpc.telemetry.streams import StreamMeter
from atp_grpc.telemetry.traces import TraceIds
from atp_grpc.transport.admission import Admission
from atp_grpc.transport.alarm import within
from atp_grpc.transport.arrival import Arrival, Metadata, read_arrival
from atp_grpc.transport.limits import MessageLimits, check_metadata
from atp_grpc.transport.method import Kind, Method
from atp_grpc.transport.passage import Passage
from atp_grpc.transport.refusal import Refusal
from atp_grpc.transport.streams import DRAINING_RETRY_SECONDS, OpenStream, OpenStreams, Pipe
from atp_grpc.transport.traffic import Traffic
from atp_grpc.transport.wall import Peer, Wall

STREAMS_FULL_RETRY_SECONDS = 1.0
ANONYMOUS = Principal("", "", frozenset())
"""Who calls a method that is open to everybody."""


class Edge:
    """What every row needs; makes the rows."""

    def __init__(
        self,
        *,
        identify: Callable[[str | None], Principal],
        validation: Validation,
        clock: Clock,
        trace_ids: TraceIds,
        spans: Spans,
        wall: Wall,
        metrics: Metrics,
        traffic: Traffic,
        streams: OpenStreams,
        admission: Admission,
        default_deadline_seconds: float,
        max_deadline_seconds: float,
        max_metadata_bytes: int = 32_768,
    ) -> None:
        """Takes what the wrapper uses.

        Args:
            identify: turns a credential into a principal, or raises CredentialRefusedError.
            validation: checks requests.
            clock: times calls.
            trace_ids: names calls that came without a trace.
            spans: says which calls are traced.
            wall: ends calls.
            metrics: gives each method its meter.
            traffic: counts calls, and says when no more are taken.
            streams: holds the open streams.
            admission: says how many calls are let in.
            default_deadline_seconds: what a caller without a deadline gets; streams get no deadline but their caller's.
            max_deadline_seconds: what nobody gets more than.
            max_metadata_bytes: most metadata of a call.
        """
        self.identify = identify
        self.validation = validation
        self.monotonic = clock.monotonic
        self.fresh_trace_id = trace_ids.fresh
        self.begin_span = spans.begin
        self.wall = wall
        self.metrics = metrics
        self.traffic = traffic
        self.streams = streams
        self.admission = admission
        self.default_deadline = min(default_deadline_seconds, max_deadline_seconds)
        self.max_deadline = max_deadline_seconds
        self.max_metadata_bytes = max_metadata_bytes
        self._unknown_meter = metrics.call_meter(UNKNOWN, UNKNOWN)

    def row(self, method: Method) -> Row:
        """The method as transports call it. Compiles the rules of its request: a senseless rule stops the start."""
        self.validation.prepare(method.request_class)
        return Row(method, self)

    def refuse_unknown(self, path: str, metadata: Metadata, peer: Peer) -> Refusal:
        """Answers a call to a method that does not exist, whoever calls."""
        passage = Passage(self.monotonic(), lambda _: None)
        self.name(passage, read_arrival(metadata))
        self._unknown_meter.started += 1
        error = MethodUnknownError(path)
        return self.wall.refuse(error, passage, path, self._unknown_meter, seconds_left=None, peer=peer)

    def name(self, passage: Passage, arrival: Arrival) -> None:
        """Gives a call its trace, and its span if it is to have one."""
        trace_id = passage.trace_id = arrival.trace_id or self.fresh_trace_id()
        passage.span = self.begin_span(trace_id, arrival.traceparent, arrival.tracestate)


class Row:
    """One wrapped method. `arrive` first, then `serve`, `serve_stream` or `refuse`, as the passage says."""

    def __init__(self, method: Method, edge: Edge) -> None:
        self.method = method
        self._edge = edge
        self._name = method.full_name
        self._meter = edge.metrics.call_meter(method.service, method.name, method.kind.value)
        self._checked = MessageLimits(method).checked
        self._streams: StreamMeter | None = None
        self._leave = self._leave_call
        if method.kind is not Kind.UNARY:
            self._streams = edge.metrics.stream_meter(method.service, method.name, method.kind.value)
            self._leave = self._leave_stream

    def arrive(self, metadata: Metadata) -> Passage:
        """Looks at a call whose headers have come. With a `fault`, the passage must be given to `refuse`."""
        edge = self._edge
        passage = Passage(edge.monotonic(), self._leave)
        self._meter.started += 1
        try:
            self._look(passage, metadata)
        except BaseException as fault:  # noqa: BLE001 - the wall decides what becomes of it, once there is a peer to name
            passage.fault = fault
        if self.method.kind is Kind.UNARY:
            edge.traffic.enter(self._name)
        else:
            edge.traffic.enter_stream(self._name)
        return passage

    async def serve(self, passage: Passage, payload: bytes, seconds_left: float | None, peer: Peer) -> bytes | Refusal:
        """Answers a unary call.

        The transport cancels the running task when the caller leaves or the caller's own deadline passes;
        `CancelledError` is then all that ever comes out.
        """
        edge = self._edge
        try:
            passage.waited_seconds = edge.monotonic() - passage.started
            answer = await self._answer(passage, payload, seconds_left)
        except BaseException as fault:  # noqa: BLE001 - the wall: what passes here leaves the caller hanging
            return self.refuse(passage, fault, seconds_left, peer)
        else:
            edge.wall.answered(passage, self._name, self._meter, peer)
            return answer
        finally:
            passage.leave()

    async def serve_stream(self, passage: Passage, pipe: Pipe, seconds_left: float | None, peer: Peer) -> None:
        """Serves a stream until it ends, and aborts it when it does not end well.

        The stream keeps its place until its caller has taken the status: only so is what callers who read nothing cost
        bounded.
        """
        streams = self._edge.streams
        stream = streams.open(
            pipe, meter=cast("StreamMeter", self._streams), max_message_bytes=self.method.max_message_bytes
        )
        try:
            try:
                await self._converse(stream, passage, seconds_left)
            except BaseException as fault:  # noqa: BLE001 - the wall, as for unary calls
                cause = stream.cause_of(fault)
                refusal = self.refuse(passage, cause, seconds_left, peer, has_left=stream.is_left)
                stream.outcome = "caller_too_slow" if cause is stream.fault else "refused"
            else:
                self._edge.wall.answered(passage, self._name, self._meter, peer)
                stream.outcome = stream.end_reason or "finished"
                return
            finally:
                passage.leave()
            await pipe.abort(refusal)
        finally:
            streams.close(stream)

    def refuse(
        self,
        passage: Passage,
        fault: BaseException,
        seconds_left: float | None,
        peer: Peer,
        *,
        has_left: bool = False,
    ) -> Refusal:
        """The refusal for what was raised, and the end of the passage.

        Raises:
            asyncio.CancelledError: the transport cancelled the call, or the caller was found to have left.
        """
        try:
            return self._edge.wall.refuse(
                fault, passage, self._name, self._meter, seconds_left=seconds_left, peer=peer, has_left=has_left
            )
        finally:
            # A fault knows the frames it passed, and they know the passage: nobody would ever drop it.
            passage.fault = None
            passage.leave()

    def _look(self, passage: Passage, metadata: Metadata) -> None:
        edge, permission = self._edge, self.method.permission
        arrival = read_arrival(metadata)
        passage.attempt = arrival.attempt
        edge.name(passage, arrival)
        if edge.traffic.is_refusing:
            raise DrainingError(DRAINING_RETRY_SECONDS)
        check_metadata(arrival, edge.max_metadata_bytes)
        if self.method.kind is not Kind.UNARY:
            if edge.streams.is_full:
                raise OverloadedError(STREAMS_FULL_RETRY_SECONDS)
        elif (seconds := edge.admission.refuses(arrival.attempt)) is not None:
            raise OverloadedError(seconds)
        if permission is None:
            passage.principal = ANONYMOUS
            return
        principal = passage.principal = edge.identify(arrival.authorization)
        if permission not in principal.permissions:
            raise PermissionDeniedError(permission)

    async def _answer(self, passage: Passage, payload: bytes, seconds_left: float | None) -> bytes:
        method = self.method
        seconds = self._seconds_allowed(seconds_left)
        work = method.handler(self._request(payload), self._call(passage, seconds))
        reply = await (work if seconds == seconds_left else within(seconds, work))
        if method.takes_bytes and type(reply) is bytes:
            return reply
        if not isinstance(reply, method.response_class):
            raise TypeError(f"a handler must return a {method.response_class.DESCRIPTOR.full_name}")
        return reply.SerializeToString()

    async def _converse(self, stream: OpenStream, passage: Passage, seconds_left: float | None) -> None:
        if seconds_left is not None and seconds_left <= 0:
            raise DeadlineExceededError
        call = self._call(passage, math.inf if seconds_left is None else seconds_left)
        try:
            if self.method.kind is Kind.BIDI_STREAM:
                await self.method.handler(stream, call)
                return
            async for payload in stream:
                await self.method.handler(self._request(payload), stream, call)
                return
            raise stream.unheard()
        finally:
            passage.notes |= {"received": stream.received, "sent": stream.sent}

    def _call(self, passage: Passage, seconds: float) -> Call:
        if (principal := passage.principal) is None:
            raise RuntimeError("a call that was refused on arrival must not be served")
        is_traced = passage.span is not None and self.method.kind is Kind.UNARY
        began, notes = passage.started, passage.notes
        return Call(self._name, principal, began + seconds, passage.trace_id, passage.attempt, is_traced, notes, began)

    def _seconds_allowed(self, seconds_left: float | None) -> float:
        if seconds_left is None:
            return self._edge.default_deadline
        if seconds_left <= 0:
            raise DeadlineExceededError
        return min(seconds_left, self._edge.max_deadline)

    def _request(self, payload: bytes) -> Any:
        self._checked(payload)
        if self.method.takes_bytes:
            return payload
        try:
            request = self.method.request_class.FromString(payload)
        except DecodeError:
            raise MalformedMessageError from None
        self._edge.validation.validate(request)
        return request

    def _leave_call(self, passage: Passage) -> None:
        self._edge.traffic.leave(self._name)
        self._note_abandoned(passage)

    def _leave_stream(self, passage: Passage) -> None:
        self._edge.traffic.leave_stream(self._name)
        self._note_abandoned(passage)

    def _note_abandoned(self, passage: Passage) -> None:
        if not passage.is_noted:
            self._edge.wall.abandoned(passage, self._name, self._meter)
