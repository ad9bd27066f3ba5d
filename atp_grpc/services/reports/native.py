"""Reading and writing in Rust: reports that are plainly valid, and every acknowledgement.

The composition root picks them beside the native engine. Whatever is not plain goes to the reference, which words every
refusal; so does whatever fails here. Neither ever decides what is valid by a rule of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from atp_grpc.domain.errors import AtpError
from atp_grpc.domain.outcome import NO_LABELS, Attempt, Report, Usage
from atp_grpc.services.convert.outcomes import ATTEMPT_ERRORS
from atp_grpc.services.native import PlainReader
from atp_grpc.services.reports.contract import Acknowledgement, Reading
from atp_grpc.services.status import rpc_status

try:
    import atp_native
except ImportError:
    atp_native = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from atp_grpc.services.reports.contract import Reader, Writer


class NativeReader(PlainReader[Reading]):
    """`Reader` in Rust."""

    def __init__(self, reference: Reader, *, on_fault: Callable[[BaseException], None]) -> None:
        """`reference` reads what is not plain; `on_fault` hears of what failed."""
        errors = [ATTEMPT_ERRORS[number] for number in range(len(ATTEMPT_ERRORS))]
        native = atp_native.ReportReader(Reading, Report, Attempt, Usage, errors, NO_LABELS)
        super().__init__(native, reference, on_fault=on_fault)


class NativeWriter:
    """`Writer` in Rust."""

    def __init__(self, reference: Writer, *, on_fault: Callable[[BaseException], None]) -> None:
        """`reference` writes when Rust fails; `on_fault` hears why."""
        self._reference = reference
        self._on_fault = on_fault

    def response(self, acknowledgement: Acknowledgement) -> bytes:
        """The bytes of an `ObserveResponse`; see `Writer.response`."""
        try:
            return atp_native.observe_response(acknowledgement)
        except atp_native.NativeError as fault:
            self._on_fault(fault)
            return self._reference.response(acknowledgement)

    def batch(self, results: Sequence[Acknowledgement | AtpError], *, trace_id: str) -> bytes:
        """The bytes of an `ObserveBatchResponse`; see `Writer.batch`."""
        try:
            return atp_native.observe_batch_response(
                [
                    rpc_status(result, trace_id).SerializeToString() if isinstance(result, AtpError) else result
                    for result in results
                ]
            )
        except atp_native.NativeError as fault:
            self._on_fault(fault)
            return self._reference.batch(results, trace_id=trace_id)
