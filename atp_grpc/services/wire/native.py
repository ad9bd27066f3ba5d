"""Reading and writing in Rust: requests that are plainly valid, replies of decisions that Rust wrote down.

The composition root picks them beside the native engine. Whatever is not plain goes to the reference, which words every
refusal; so does whatever fails here. Neither ever decides what is valid by a rule of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from atp_grpc.domain.errors import AtpError
from atp_grpc.domain.request import NO_CONSTRAINTS, Constraints, Objective, Routable
from atp_grpc.pb.atp.v1 import routing_pb2 as pb
from atp_grpc.routing.scribe.contract import Routed
from atp_grpc.services.convert.requests import constraints, objective
from atp_grpc.services.native import PlainReader
from atp_grpc.services.status import rpc_status
from atp_grpc.services.validation import Validation

try:
    import atp_native
except ImportError:
    atp_native = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from atp_grpc.services.wire.contract import Reader, Writer

_RESPONSE, _ERROR = 1, 2
"""Fields of a `RouteResult`."""


class NativeReader(PlainReader[Routable]):
    """`Reader` in Rust."""

    def __init__(self, validation: Validation, reference: Reader, *, on_fault: Callable[[BaseException], None]) -> None:
        """`reference` reads what is not plain; `on_fault` hears of what failed."""
        self._validation = validation
        native = atp_native.Reader(self._constraints, NO_CONSTRAINTS, self._objective)
        super().__init__(native, reference, on_fault=on_fault)

    def _constraints(self, message: bytes) -> tuple[Constraints, bool]:
        try:
            read = pb.Constraints.FromString(message)
            self._validation.validate(read)
        except (DecodeError, AtpError):
            return NO_CONSTRAINTS, False
        return constraints(read), True

    def _objective(self, message: bytes) -> tuple[Objective, bool]:
        try:
            read = pb.Objective.FromString(message)
            self._validation.validate(read)
        except (DecodeError, AtpError):
            return None, False
        return objective(read), True


class NativeWriter:
    """`Writer` in Rust, for the decisions of the native scribe."""

    def __init__(self, reference: Writer, *, on_fault: Callable[[BaseException], None]) -> None:
        """`reference` writes of other decisions; `on_fault` hears of what failed."""
        self._reference = reference
        self._on_fault = on_fault

    def response(self, routed: Routed) -> bytes:
        """The bytes of a `RouteResponse`; see `Writer.response`."""
        if type(routed) is atp_native.Routed:
            try:
                return atp_native.route_response(routed)
            except atp_native.NativeError as fault:
                self._on_fault(fault)
        return self._reference.response(routed)

    def batch(self, results: Sequence[Routed | bytes | AtpError], *, trace_id: str) -> bytes:
        """The bytes of a `RouteBatchResponse`; see `Writer.batch`."""
        try:
            return atp_native.route_batch_response([self._result(result, trace_id) for result in results])
        except atp_native.NativeError as fault:
            self._on_fault(fault)
            return self._reference.batch(results, trace_id=trace_id)

    def _result(self, result: Routed | bytes | AtpError, trace_id: str) -> atp_native.Routed | tuple[int, bytes]:
        if type(result) is atp_native.Routed:
            return result
        if isinstance(result, bytes):
            return _RESPONSE, result
        if isinstance(result, AtpError):
            return _ERROR, rpc_status(result, trace_id).SerializeToString()
        return _RESPONSE, self._reference.response(result)
