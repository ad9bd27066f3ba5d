"""What a provider's fault is called in the report of an attempt, and whether its bill may be in doubt.

Attempts enter here when they have failed. It judges nothing else: whom a fault speaks against is its own kind's word.
"""

from __future__ import annotations

from typing import Final

from atp_grpc.domain.outcome import AttemptError
from atp_grpc.providers.contract import Blame, FaultKind, ProviderFault

_ERRORS: Final = {
    FaultKind.RATE_LIMITED: AttemptError.RATE_LIMITED,
    FaultKind.QUOTA_SPENT: AttemptError.RATE_LIMITED,
    FaultKind.TIMEOUT: AttemptError.TIMEOUT,
    FaultKind.CUT: AttemptError.CUT,
    FaultKind.STALLED: AttemptError.CUT,
    FaultKind.CONTEXT_LENGTH: AttemptError.INVALID_REQUEST,
    FaultKind.REQUEST_TOO_LARGE: AttemptError.INVALID_REQUEST,
    FaultKind.INVALID_REQUEST: AttemptError.INVALID_REQUEST,
    FaultKind.CONTENT_REFUSED: AttemptError.REFUSED,
}
"""What a fault is called in reports; what is not here is UNAVAILABLE, and CUT once an answer had begun."""
DOUBTFUL: Final = frozenset({FaultKind.TIMEOUT, FaultKind.CUT, FaultKind.STALLED, FaultKind.MALFORMED})
"""After these a provider may bill for what it never sent."""


def attempt_error(fault: ProviderFault, *, has_begun: bool) -> AttemptError:
    """What a fault is called in reports."""
    if has_begun and fault.blame is Blame.PROVIDER:
        return AttemptError.CUT
    return _ERRORS.get(fault.kind, AttemptError.UNAVAILABLE)
