"""Refusals about operations: work that goes on after the call that began it."""

from __future__ import annotations

from atp_grpc.domain.errors.error import AtpError


class OperationsExhaustedError(AtpError):
    """The tenant has as many operations under way as it may have."""

    reason = "OPERATIONS_EXHAUSTED"

    def __init__(self, limit: int, retry_after_seconds: float) -> None:
        super().__init__(
            "too many operations are under way",
            metadata={"limit": str(limit)},
            retry_after_seconds=retry_after_seconds,
        )


class OperationCancelledError(AtpError):
    """The operation was cancelled before it had a result."""

    reason = "OPERATION_CANCELLED"

    def __init__(self) -> None:
        super().__init__("the operation was cancelled")
