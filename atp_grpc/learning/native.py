"""Opening feedback tokens with Rust reading the lesson; the cipher is where the keys are.

The composition root picks it beside the native engine. What Rust cannot read goes to `routing.feedback`, which says
what a token is and refuses the rest; it never judges a token by itself.
"""

from __future__ import annotations

from collections.abc import Callable

from atp_grpc.domain.clock import moment_text
from atp_grpc.domain.decision import Lesson, Revisions
from atp_grpc.domain.errors import TokenExpiredError, TokenInvalidError
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.request import FeatureVector
from atp_grpc.routing.feedback import FeedbackTokens
from atp_grpc.secrets.contract import Sealer, SealError

try:
    import atp_native
except ImportError:
    atp_native = None  # type: ignore[assignment]


class NativeTokens:
    """Opens tokens as `FeedbackTokens` does."""

    def __init__(self, sealer: Sealer, reference: FeedbackTokens, *, on_fault: Callable[[BaseException], None]) -> None:
        """`reference` opens what Rust cannot read; `on_fault` hears of what failed."""
        self._sealer = sealer
        self._reference = reference
        self._on_fault = on_fault
        self._native = atp_native.LessonReader(Lesson, FeatureVector, TokenPrices, Revisions)

    def open(self, token: bytes, *, tenant: str, now_nanos: int) -> Lesson:
        """The lesson in a token; see `FeedbackTokens.open`."""
        try:
            plain = self._sealer.open(token, tenant.encode())
        except SealError:
            raise TokenInvalidError from None
        try:
            lesson = self._native.read(plain, tenant)
        except atp_native.NativeError as fault:
            self._on_fault(fault)
            lesson = None
        if lesson is None:
            return self._reference.open(token, tenant=tenant, now_nanos=now_nanos)
        if now_nanos >= lesson.expires_nanos:
            raise TokenExpiredError(moment_text(lesson.expires_nanos))
        return lesson
