"""Picks who reads reports, opens tokens and writes observations down: Rust beside the native engine, Python elsewhere.

Entered once per process by the composition root. Both give the same answers, so nothing is said about the choice.
"""

from __future__ import annotations

from collections.abc import Callable

from atp_grpc.domain.decision import Lesson
from atp_grpc.domain.outcome import Observation
from atp_grpc.learning.native import NativeTokens
from atp_grpc.routing.feedback import FeedbackTokens
from atp_grpc.secrets.contract import Sealer
from atp_grpc.services.reports.contract import Reader, Writer
from atp_grpc.services.reports.native import NativeReader, NativeWriter
from atp_grpc.services.reports.reference import ReferenceReader, ReferenceWriter
from atp_grpc.services.validation import Validation
from atp_grpc.store.native import native_encoder
from atp_grpc.store.observation_codec import encode_observation

OnFault = Callable[[BaseException], None]


def pick_reports(*, is_native: bool, validation: Validation, on_fault: OnFault) -> tuple[Reader, Writer]:
    """Who reads reports, and who writes acknowledgements. `on_fault` hears of a native part that failed."""
    reader, writer = ReferenceReader(validation), ReferenceWriter()
    if not is_native:
        return reader, writer
    return NativeReader(reader, on_fault=on_fault), NativeWriter(writer, on_fault=on_fault)


def pick_open_token(*, is_native: bool, sealer: Sealer, on_fault: OnFault) -> Callable[[bytes, str, int], Lesson]:
    """Who opens tokens: takes token, tenant and now."""
    reference = FeedbackTokens(sealer)
    tokens = NativeTokens(sealer, reference, on_fault=on_fault) if is_native else reference
    return lambda token, tenant, now: tokens.open(token, tenant=tenant, now_nanos=now)


def pick_encode(*, is_native: bool, on_fault: OnFault) -> Callable[[Observation], bytes]:
    """Who writes observations down."""
    return native_encoder(on_fault) if is_native else encode_observation
