"""Puts wrapped methods under the names that callers use, and answers every other name too.

grpcio asks here for the handler of each call as soon as its headers are there. Errors leave through `abort` in one
place, before any initial metadata: only an answer that consists of trailers may be tried again by a client (gRFC A6).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, cast

import grpc

from atp_grpc.services.status import Code, Trailers
from atp_grpc.transport.arrival import Metadata
from atp_grpc.transport.edge import Row
from atp_grpc.transport.method import Kind
from atp_grpc.transport.passage import Passage
from atp_grpc.transport.refusal import Refusal
from atp_grpc.transport.streams import Pipe

_STATUS_CODES: Mapping[Code, grpc.StatusCode] = {Code(code.value[0]): code for code in grpc.StatusCode}
RefuseUnknown = Callable[[str, Metadata, Callable[[], str]], Refusal]
EndTrailers = Callable[[], Trailers]
"""Gives the trailing metadata that every call ends with, whatever became of it."""


class _Handler:
    """What grpcio wants to know of one call's handler: `grpc.RpcMethodHandler` without the cost of making one.

    Without (de)serialisers grpcio hands over and takes plain bytes.
    """

    __slots__ = ("_end_trailers", "_passage", "_row")
    request_streaming = False
    response_streaming = False
    request_deserializer = None
    response_serializer = None
    unary_unary: Any = None
    unary_stream: Any = None
    stream_unary: Any = None
    stream_stream: Any = None

    def __init__(self, row: Row, passage: Passage, end_trailers: EndTrailers) -> None:
        self._row = row
        self._passage = passage
        self._end_trailers = end_trailers


class _Unary(_Handler):
    __slots__ = ()

    async def unary_unary(self, payload: bytes, context: Any) -> bytes:
        answer = await self._row.serve(self._passage, payload, context.time_remaining(), context.peer)
        if isinstance(answer, Refusal):
            await _abort(context, self._end_trailers, answer)
            return b""
        if trailers := self._end_trailers():
            context.set_trailing_metadata(trailers)
        return answer


class _Refused(_Handler):
    """Does not wait for a message: nobody will look at it."""

    __slots__ = ()
    request_streaming = True
    response_streaming = True

    async def stream_stream(self, _: Any, context: Any) -> None:
        fault = cast("BaseException", self._passage.fault)
        refusal = self._row.refuse(self._passage, fault, context.time_remaining(), context.peer)
        await _abort(context, self._end_trailers, refusal)


class _Bidi(_Handler):
    __slots__ = ()
    request_streaming = True
    response_streaming = True

    async def stream_stream(self, _: Any, context: Any) -> None:
        pipe = Pipe(
            read=context.read,
            write=context.write,
            abort=functools.partial(_abort, context, self._end_trailers),
            eof=grpc.aio.EOF,
            gone=grpc.aio.BaseError,
        )
        await self._row.serve_stream(self._passage, pipe, context.time_remaining(), context.peer)
        if trailers := self._end_trailers():
            context.set_trailing_metadata(trailers)


_SERVED: Mapping[Kind, type[_Handler]] = {
    Kind.UNARY: _Unary,
    # On the wire a stream from the server only is a stream both ways on which the caller sends one message.
    Kind.SERVER_STREAM: _Bidi,
    Kind.BIDI_STREAM: _Bidi,
}


class MethodHandlers:
    """The methods of the table."""

    def __init__(self, rows: Mapping[str, Row], end_trailers: EndTrailers = tuple) -> None:
        """Args: `rows` by path."""
        self._end_trailers = end_trailers
        self._by_path = {path: (row, _SERVED[row.method.kind]) for path, row in rows.items()}

    def service(self, handler_call_details: Any) -> Any:
        """The handler of one call, or None for a path that is not of the table."""
        found = self._by_path.get(handler_call_details.method)
        if found is None:
            return None
        row, served = found
        passage = row.arrive(handler_call_details.invocation_metadata)
        return (served if passage.fault is None else _Refused)(row, passage, self._end_trailers)


class UnknownHandlers:
    """Answers what nobody else does; it must be asked last."""

    def __init__(self, refuse_unknown: RefuseUnknown) -> None:
        self._refuse_unknown = refuse_unknown

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler:
        """A handler that refuses at once, without waiting for a message of a kind nobody knows."""
        path, metadata = handler_call_details.method, handler_call_details.invocation_metadata

        async def refuse(_: Any, context: Any) -> None:
            await _abort(context, tuple, self._refuse_unknown(path, metadata, context.peer))

        return grpc.stream_stream_rpc_method_handler(refuse)


async def _abort(context: Any, end_trailers: EndTrailers, refusal: Refusal) -> None:
    """Sends the status. Whatever the handler gives afterwards is not looked at.

    grpcio raises a sign that the call is over, and keeps it in the state of the call. With its trace it would hold the
    handler's frame, hence the message and the call itself, until the collector comes by: 4 MiB for each refused message
    of that size, measured.
    """
    try:
        await context.abort(_STATUS_CODES[refusal.code], refusal.message, (*refusal.trailers, *end_trailers()))
    except grpc.aio.AbortError as sign:
        sign.__traceback__ = None
