"""Reading and writing through messages: protobuf parses, protovalidate judges, `services.convert` translates.

It defines what is read and written, and words every refusal; the native parts hand it whatever is not plain.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError

from atp_grpc.domain.ask import AskEvent, AskRequest
from atp_grpc.domain.errors import MalformedMessageError
from atp_grpc.pb.atp.v1 import ask_service_pb2 as pb
from atp_grpc.services.convert.answers import WholeAnswer, stream_event
from atp_grpc.services.convert.asks import ask_request
from atp_grpc.services.validation import Validation


class ReferenceReader:
    """`Reader` by way of messages."""

    def __init__(self, validation: Validation) -> None:
        self._validation = validation

    def read(self, payload: bytes) -> AskRequest:
        """The request in the bytes of an `AskRequest`; see `Reader`."""
        try:
            message = pb.AskRequest.FromString(payload)
        except DecodeError:
            raise MalformedMessageError from None
        self._validation.validate(message)
        return ask_request(message, is_streamed=False)

    def read_streamed(self, payload: bytes) -> AskRequest:
        """The request in the bytes of an `AskStreamRequest`; see `Reader`."""
        try:
            message = pb.AskStreamRequest.FromString(payload)
        except DecodeError:
            raise MalformedMessageError from None
        self._validation.validate(message)
        return ask_request(message.request, is_streamed=True)


class ReferenceWriter:
    """`Writer` by way of messages."""

    def response(self, whole: WholeAnswer) -> bytes:
        """The bytes of an `AskResponse`; see `Writer.response`."""
        return whole.response()

    def event(self, sequence: int, event: AskEvent) -> bytes:
        """The bytes of an `AskStreamResponse`; see `Writer.event`."""
        return stream_event(sequence, event)
