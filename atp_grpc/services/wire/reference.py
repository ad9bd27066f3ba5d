"""Reading and writing through messages: protobuf parses, protovalidate judges, `services.convert` translates.

It defines what is read and written, and words every refusal; the native reader hands it whatever is not plain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from google.protobuf.message import DecodeError

from atp_grpc.domain.decision import Decision
from atp_grpc.domain.errors import AtpError, MalformedMessageError
from atp_grpc.domain.request import Routable, RouteRequest
from atp_grpc.pb.atp.v1 import route_service_pb2 as pb
from atp_grpc.routing.scribe.contract import Routed
from atp_grpc.services.convert.decisions import route_response
from atp_grpc.services.convert.requests import route_request
from atp_grpc.services.status import rpc_status
from atp_grpc.services.validation import Validation


class ReferenceReader:
    """`Reader` by way of messages."""

    def __init__(self, validation: Validation) -> None:
        self._validation = validation

    def read(self, payload: bytes) -> RouteRequest:
        """The request in the bytes of a `RouteRequest`; see `Reader.read`."""
        try:
            message = pb.RouteRequest.FromString(payload)
        except DecodeError:
            raise MalformedMessageError from None
        return self._request(message)

    def read_batch(self, payload: bytes) -> list[Routable | AtpError]:
        """The requests in the bytes of a `RouteBatchRequest`; see `Reader.read_batch`."""
        try:
            message = pb.RouteBatchRequest.FromString(payload)
        except DecodeError:
            raise MalformedMessageError from None
        self._validation.validate(message)
        return [self._request_or_error(item) for item in message.requests]

    def _request(self, message: pb.RouteRequest) -> RouteRequest:
        self._validation.validate(message)
        return route_request(message)

    def _request_or_error(self, item: pb.RouteRequest) -> RouteRequest | AtpError:
        try:
            return self._request(item)
        except AtpError as error:
            return error.kept()


class ReferenceWriter:
    """`Writer` by way of messages."""

    def __init__(self, decode: Callable[[bytes], Decision]) -> None:
        """`decode` makes a decision of its record."""
        self._decode = decode

    def response(self, routed: Routed) -> bytes:
        """The bytes of a `RouteResponse`; see `Writer.response`."""
        return self._response(routed).SerializeToString()

    def batch(self, results: Sequence[Routed | bytes | AtpError], *, trace_id: str) -> bytes:
        """The bytes of a `RouteBatchResponse`; see `Writer.batch`."""
        written = [self._result(result, trace_id) for result in results]
        return pb.RouteBatchResponse(results=written).SerializeToString()

    def _result(self, result: Routed | bytes | AtpError, trace_id: str) -> pb.RouteResult:
        if isinstance(result, AtpError):
            return pb.RouteResult(error=rpc_status(result, trace_id))
        if isinstance(result, bytes):
            return pb.RouteResult(response=pb.RouteResponse.FromString(result))
        return pb.RouteResult(response=self._response(result))

    def _response(self, routed: Routed) -> pb.RouteResponse:
        return route_response(self._decode(routed.record), routed.token)
