"""RouteStream on the wire: one request after the other, each answered in its place.

The door opens the stream; deciding is the RouteServicer's. A request that is refused never ends the stream.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError

from atp_grpc.domain.call import Call
from atp_grpc.domain.errors import AtpError, MalformedMessageError, MessageTooLargeError
from atp_grpc.pb.atp.v1 import route_service_pb2 as pb
from atp_grpc.pb.atp.v1 import stream_pb2
from atp_grpc.services.convert.streams import STREAM_END_REASONS, plain_route_request, route_result
from atp_grpc.services.crowding import Crowding
from atp_grpc.services.route import RouteServicer
from atp_grpc.services.status import rpc_status
from atp_grpc.services.stream import CallStream
from atp_grpc.services.validation import Validation

_GOOD_REQUEST = pb.RouteRequest(prompt="x")
_CROWDING = Crowding(pb.RouteStreamRequest)


class RouteStreamServicer:
    """Serves `atp.v1.RouteService/RouteStream`."""

    def __init__(self, routes: RouteServicer, *, validation: Validation) -> None:
        self._routes = routes
        self._validation = validation

    async def route_stream(self, stream: CallStream, call: Call) -> None:
        """Decides for each request as it comes."""
        sequence = failed = 0
        async for payload in stream:
            sequence += 1
            correlation_id = b""
            try:
                if len(payload) > stream.max_message_bytes:
                    raise MessageTooLargeError("message", limit_bytes=stream.max_message_bytes, size_bytes=len(payload))
                _CROWDING.check(payload)
                correlation_id, request = plain_route_request(payload) or self._parsed(payload)
                response = await self._routes.route_one(request, call)
                await stream.send(route_result(sequence, correlation_id, response=response))
            except AtpError as error:
                failed += 1
                call.note(failed_items=failed)
                status = rpc_status(error, call.trace_id).SerializeToString()
                await stream.send(route_result(sequence, correlation_id, error=status))
        if stream.end_reason is not None:
            end = stream_pb2.StreamEnd(last_sequence=sequence, reason=STREAM_END_REASONS[stream.end_reason])
            await stream.send_last(pb.RouteStreamResponse(end=end).SerializeToString())

    def _parsed(self, payload: bytes) -> tuple[bytes, bytes]:
        """Correlation id and request of a message that is not plainly written.

        Raises:
            MalformedMessageError: no message of that type.
            InvalidFieldError: the envelope breaks a rule. The request's own rules are checked where it is read, which
                names its fields as a unary call does.
        """
        try:
            item = pb.RouteStreamRequest.FromString(payload)
        except DecodeError:
            raise MalformedMessageError from None
        request = _GOOD_REQUEST if item.HasField("request") else None
        self._validation.validate(pb.RouteStreamRequest(correlation_id=item.correlation_id, request=request))
        return item.correlation_id.encode(), item.request.SerializeToString()
