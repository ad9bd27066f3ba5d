"""Reading and writing through messages: protobuf parses, protovalidate judges, `services.convert` translates.

It defines what is read and written, and words every refusal; the native reader hands it whatever is not plain.
"""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from atp_grpc.domain.errors import AtpError, MalformedMessageError
from atp_grpc.pb.atp.v1 import observe_service_pb2 as pb
from atp_grpc.services.convert.outcomes import report
from atp_grpc.services.reports.contract import Acknowledgement, Reading
from atp_grpc.services.status import rpc_status
from atp_grpc.services.validation import Validation


class ReferenceReader:
    """`Reader` by way of messages."""

    def __init__(self, validation: Validation) -> None:
        self._validation = validation

    def read(self, payload: bytes) -> Reading:
        """The report in the bytes of an `ObserveRequest`; see `Reader.read`."""
        try:
            message = pb.ObserveRequest.FromString(payload)
        except DecodeError:
            raise MalformedMessageError from None
        return self._reading(message)

    def read_batch(self, payload: bytes) -> list[Reading | AtpError]:
        """The reports in the bytes of an `ObserveBatchRequest`; see `Reader.read_batch`."""
        try:
            message = pb.ObserveBatchRequest.FromString(payload)
        except DecodeError:
            raise MalformedMessageError from None
        self._validation.validate(message)
        return [self._reading_or_error(item) for item in message.requests]

    def _reading(self, message: pb.ObserveRequest) -> Reading:
        self._validation.validate(message)
        # A token that is there has at least one byte.
        token = message.feedback_token or None
        return Reading(token, message.decision_id if token is None else None, report(message))

    def _reading_or_error(self, item: pb.ObserveRequest) -> Reading | AtpError:
        try:
            return self._reading(item)
        except AtpError as error:
            return error.kept()


class ReferenceWriter:
    """`Writer` by way of messages."""

    def response(self, acknowledgement: Acknowledgement) -> bytes:
        """The bytes of an `ObserveResponse`; see `Writer.response`."""
        return _response(acknowledgement).SerializeToString()

    def batch(self, results: Sequence[Acknowledgement | AtpError], *, trace_id: str) -> bytes:
        """The bytes of an `ObserveBatchResponse`; see `Writer.batch`."""
        return pb.ObserveBatchResponse(
            results=[
                pb.ObserveResult(error=rpc_status(result, trace_id))
                if isinstance(result, AtpError)
                else pb.ObserveResult(response=_response(result))
                for result in results
            ]
        ).SerializeToString()


def _response(acknowledgement: Acknowledgement) -> pb.ObserveResponse:
    return pb.ObserveResponse(
        decision_id=acknowledgement.decision_id,
        recorded_fields=acknowledgement.recorded_fields,
        unchanged_fields=acknowledgement.unchanged_fields,
        replica=acknowledgement.replica,
        sequence=acknowledgement.sequence,
    )
