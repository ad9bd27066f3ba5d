"""Failures on the wire of `atp.adapter.v1`, both ways: a status, why it was given, and when to come again.

The client reads statuses and the kit writes them; the table in `adapter_service.proto` is this one. No word of a
message is ever read or written, so nothing of a provider, a key or a prompt can travel in one.
"""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from atp_grpc.pb.atp.adapter.v1 import adapter_service_pb2
from atp_grpc.providers.contract import FaultKind, ProviderFault

DETAILS_KEY = "grpc-status-details-bin"
FAULT_DOMAIN = "adapter.atp.dev"
_PREFIX = "FAULT_REASON_"
_REASONS = {
    name.removeprefix(_PREFIX): FaultKind[name.removeprefix(_PREFIX)]
    for name in adapter_service_pb2.FaultReason.keys()  # noqa: SIM118 - the wrapper of an enum is no mapping.
    if name != f"{_PREFIX}UNSPECIFIED"
}
_STATUSES = {
    FaultKind.RATE_LIMITED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    FaultKind.QUOTA_SPENT: grpc.StatusCode.RESOURCE_EXHAUSTED,
    FaultKind.KEY_REFUSED: grpc.StatusCode.UNAUTHENTICATED,
    FaultKind.OVERLOADED: grpc.StatusCode.UNAVAILABLE,
    FaultKind.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    FaultKind.TIMEOUT: grpc.StatusCode.DEADLINE_EXCEEDED,
    FaultKind.CUT: grpc.StatusCode.UNAVAILABLE,
    FaultKind.STALLED: grpc.StatusCode.DEADLINE_EXCEEDED,
    FaultKind.MALFORMED: grpc.StatusCode.INTERNAL,
    FaultKind.EGRESS_REFUSED: grpc.StatusCode.UNAVAILABLE,
    FaultKind.CONTEXT_LENGTH: grpc.StatusCode.OUT_OF_RANGE,
    FaultKind.REQUEST_TOO_LARGE: grpc.StatusCode.INVALID_ARGUMENT,
    FaultKind.MODEL_UNKNOWN: grpc.StatusCode.NOT_FOUND,
    FaultKind.INVALID_REQUEST: grpc.StatusCode.INVALID_ARGUMENT,
    FaultKind.CONTENT_REFUSED: grpc.StatusCode.INVALID_ARGUMENT,
}
_KINDS = {
    grpc.StatusCode.RESOURCE_EXHAUSTED: FaultKind.RATE_LIMITED,
    grpc.StatusCode.UNAUTHENTICATED: FaultKind.KEY_REFUSED,
    grpc.StatusCode.PERMISSION_DENIED: FaultKind.KEY_REFUSED,
    grpc.StatusCode.DEADLINE_EXCEEDED: FaultKind.TIMEOUT,
    grpc.StatusCode.OUT_OF_RANGE: FaultKind.CONTEXT_LENGTH,
    grpc.StatusCode.NOT_FOUND: FaultKind.MODEL_UNKNOWN,
    grpc.StatusCode.INVALID_ARGUMENT: FaultKind.INVALID_REQUEST,
    # The target is there, but it is no adapter.
    grpc.StatusCode.UNIMPLEMENTED: FaultKind.MALFORMED,
}
_BEGUN = {FaultKind.UNAVAILABLE: FaultKind.CUT, FaultKind.TIMEOUT: FaultKind.STALLED}
_NOT_BEGUN = {begun: before for before, begun in _BEGUN.items()}


def read_fault(error: grpc.aio.AioRpcError, *, has_begun: bool) -> ProviderFault:
    """What a status means. `has_begun`: whether an event came before it."""
    reason, retry_after_seconds = _details(error.trailing_metadata())
    kind = _REASONS.get(reason) or _KINDS.get(error.code(), FaultKind.UNAVAILABLE)
    kind = (_BEGUN if has_begun else _NOT_BEGUN).get(kind, kind)
    return ProviderFault(kind, status=error.code().value[0], retry_after_seconds=retry_after_seconds)


def fault_status(fault: ProviderFault) -> tuple[grpc.StatusCode, str, tuple[tuple[str, bytes], ...]]:
    """Code, message and trailing metadata of the status that says a fault."""
    code = _STATUSES[fault.kind]
    status = status_pb2.Status(code=code.value[0], message=fault.kind.value)
    if fault.kind.name in _REASONS:
        info = error_details_pb2.ErrorInfo(reason=fault.kind.name, domain=FAULT_DOMAIN)
        status.details.add().Pack(info)
    if fault.retry_after_seconds is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(round(fault.retry_after_seconds * 1e9))
        status.details.add().Pack(retry)
    return code, fault.kind.value, ((DETAILS_KEY, status.SerializeToString()),)


def _details(metadata: Sequence[tuple[str, str | bytes]] | None) -> tuple[str, float | None]:
    """Reason and seconds to wait, of a status that carries them."""
    reason, retry_after_seconds = "", None
    for key, value in metadata or ():
        if key != DETAILS_KEY or not isinstance(value, bytes):
            continue
        try:
            for packed in status_pb2.Status.FromString(value).details:
                reason = _reason(packed) or reason
                retry_after_seconds = _retry_after(packed) if retry_after_seconds is None else retry_after_seconds
        except DecodeError:
            break
    return reason, retry_after_seconds


def _reason(packed: any_pb2.Any) -> str:
    info = error_details_pb2.ErrorInfo()
    return info.reason if packed.Unpack(info) and info.domain == FAULT_DOMAIN else ""


def _retry_after(packed: any_pb2.Any) -> float | None:
    retry = error_details_pb2.RetryInfo()
    if not packed.Unpack(retry) or not retry.HasField("retry_delay"):
        return None
    return float(max(0, retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9))
