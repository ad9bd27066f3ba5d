"""What time may cure, and the server's own faults."""

from __future__ import annotations

from collections.abc import Sequence

from atp_grpc.domain.errors.error import AtpError, PreconditionViolation


class ModelsUnavailableError(AtpError):
    """Every model that may serve this request is away for a while; why, in PreconditionFailure."""

    reason = "MODELS_UNAVAILABLE"

    def __init__(self, preconditions: Sequence[PreconditionViolation], *, retry_after_seconds: float) -> None:
        super().__init__(
            "every model that may serve this request is away for a while",
            metadata={"models": str(len(preconditions))},
            preconditions=preconditions,
            retry_after_seconds=retry_after_seconds,
        )


class RequestIdsExhaustedError(AtpError):
    """The tenant has more live request ids than the server remembers."""

    reason = "REQUEST_IDS_EXHAUSTED"

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("too many live request ids", retry_after_seconds=retry_after_seconds)


class BudgetExhaustedError(AtpError):
    """The tenant's budget has no room for what the call is expected to cost."""

    reason = "BUDGET_EXHAUSTED"

    def __init__(self, *, needed_nano_usd: int, left_nano_usd: int, retry_after_seconds: float) -> None:
        super().__init__(
            "the budget has no room for what this call is expected to cost",
            metadata={"needed_nano_usd": str(needed_nano_usd), "left_nano_usd": str(left_nano_usd)},
            retry_after_seconds=retry_after_seconds,
        )


class RevisionNotReachedError(AtpError):
    """The revision that the request demands has not reached this process yet."""

    reason = "REVISION_NOT_REACHED"

    def __init__(self, *, min_revision: int, revision: int, retry_after_seconds: float) -> None:
        super().__init__(
            f"catalogue revision {min_revision} has not reached this server; it is at {revision}",
            metadata={"min_revision": str(min_revision), "revision": str(revision)},
            retry_after_seconds=retry_after_seconds,
        )


class DeadlineExceededError(AtpError):
    """The call's deadline passed before its work was done."""

    reason = "DEADLINE_EXCEEDED"

    def __init__(self) -> None:
        super().__init__("the call's deadline passed before its work was done")


class DrainingError(AtpError):
    """The server is shutting down and takes no new work."""

    reason = "DRAINING"

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("the server is shutting down", retry_after_seconds=retry_after_seconds)


class OverloadedError(AtpError):
    """The server has more work than it can do in time."""

    reason = "OVERLOADED"

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__("the server has too much to do", retry_after_seconds=retry_after_seconds)


class CallerTooSlowError(AtpError):
    """The caller did not read its stream for so long that the server ended it."""

    reason = "CALLER_TOO_SLOW"

    def __init__(self, limit_seconds: float) -> None:
        super().__init__(
            f"nothing was read from the stream for {limit_seconds:g} seconds",
            metadata={"limit_seconds": f"{limit_seconds:g}"},
        )


class StoreUnavailableError(AtpError):
    """The store does not do its work, so nothing is acknowledged."""

    reason = "STORE_UNAVAILABLE"

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__(
            "the store does not answer; nothing was recorded or changed", retry_after_seconds=retry_after_seconds
        )


class InternalError(AtpError):
    """A fault of the server."""

    reason = "INTERNAL"

    def __init__(self, incident: str) -> None:
        super().__init__(f"internal error; incident {incident}", metadata={"incident": incident})
