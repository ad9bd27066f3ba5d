"""A refusal as the caller sees it: the status of a call and its typed details in one exception.

The client raises it for every failed call, and `refusal` makes the same of one item of a batch. It never holds a
message of gRPC, so callers need to know nothing of the wire.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from atp_grpc.domain.errors import FieldViolation, PreconditionViolation, Resource

ERROR_DOMAIN = "atp.dev"
_DETAILS_KEY = "grpc-status-details-bin"
Detail = TypeVar("Detail", bound=Message)
_CODE_NAMES: Mapping[int, str] = {code.value[0]: code.name for code in grpc.StatusCode}


class AtpCallError(Exception):
    """A call that was refused, or that never reached a server.

    Attributes:
        code: Name of the gRPC status code, for example `FAILED_PRECONDITION`. `UNAVAILABLE` is worth another try.
        reason: The reason of `atp.v1.ErrorReason` without its prefix, or empty when no ATP server made the error.
        message: A sentence for people.
        metadata: Every variable part of the message by name; the keys stand beside the reason in the contract.
        violations: Fields of the request that break a rule.
        preconditions: Conditions that do not hold, for example why each model was refused.
        resource: What was looked for and not found.
        retry_after_seconds: How long the server asks to wait, when it does.
        incident: What the server logged an internal fault under; empty otherwise.
        trace_id: The call's name in the server's log and traces; empty when the error does not say.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[FieldViolation] = (),
        preconditions: Sequence[PreconditionViolation] = (),
        resource: Resource | None = None,
        retry_after_seconds: float | None = None,
        trace_id: str = "",
    ) -> None:
        super().__init__(f"{reason or code}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.preconditions = tuple(preconditions)
        self.resource = resource
        self.retry_after_seconds = retry_after_seconds
        self.trace_id = trace_id

    @property
    def incident(self) -> str:
        """The incident id of an internal fault, for the server's operator."""
        return self.metadata.get("incident", "")


def refusal(status: status_pb2.Status) -> AtpCallError:
    """Reads a `google.rpc.Status`, for example the `error` of one item of a batch. Unknown details are left out."""
    return _error(_CODE_NAMES.get(status.code, "UNKNOWN"), status)


def call_error(error: grpc.aio.AioRpcError) -> AtpCallError:
    """Reads what grpc raised. Without readable details the error has a code and a message, and no reason."""
    code = error.code().name
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                return _error(code, status_pb2.Status.FromString(value))
            except DecodeError:
                break
    return AtpCallError(code, error.details() or "the call failed without a message")


def _error(code: str, status: status_pb2.Status) -> AtpCallError:
    info = _first(status.details, error_details_pb2.ErrorInfo)
    if info.domain != ERROR_DOMAIN:
        info.Clear()
    fields = _first(status.details, error_details_pb2.BadRequest).field_violations
    conditions = _first(status.details, error_details_pb2.PreconditionFailure).violations
    missing = _first(status.details, error_details_pb2.ResourceInfo)
    retry = _first(status.details, error_details_pb2.RetryInfo)
    request = _first(status.details, error_details_pb2.RequestInfo)
    return AtpCallError(
        code,
        status.message,
        reason=info.reason,
        metadata=info.metadata,
        violations=[FieldViolation(one.field, one.description) for one in fields],
        preconditions=[PreconditionViolation(one.type, one.subject, one.description) for one in conditions],
        resource=Resource(missing.resource_type, missing.resource_name) if missing.resource_type else None,
        retry_after_seconds=retry.retry_delay.ToNanoseconds() / 1e9 if retry.HasField("retry_delay") else None,
        trace_id=request.request_id,
    )


def _first(details: Iterable[any_pb2.Any], kind: type[Detail]) -> Detail:
    """The first detail of a kind; empty when there is none or its bytes cannot be read."""
    for packed in details:
        unpacked = kind()
        try:
            if packed.Unpack(unpacked):
                return unpacked
        except DecodeError:
            continue
    return kind()
