"""Picks who reads requests and who writes decisions and replies down: Rust beside the native engine, Python elsewhere.

Entered once per process by the composition root. Both give the same answers, so nothing is said about the choice.
"""

from __future__ import annotations

from collections.abc import Callable

from atp_grpc.domain.policy import RoutingPolicy
from atp_grpc.routing.feedback import FeedbackTokens
from atp_grpc.routing.scribe.contract import Scribe
from atp_grpc.routing.scribe.native import NativeScribe
from atp_grpc.routing.scribe.reference import ReferenceScribe
from atp_grpc.secrets.contract import Sealer
from atp_grpc.services.validation import Validation
from atp_grpc.services.wire.contract import Reader, Writer
from atp_grpc.services.wire.native import NativeReader, NativeWriter
from atp_grpc.services.wire.reference import ReferenceReader, ReferenceWriter
from atp_grpc.store.decision_codec import decode_decision, encode_decision

OnFault = Callable[[BaseException], None]


def pick_scribe(
    *, is_native: bool, policy: RoutingPolicy, sealer: Sealer, token_ttl_seconds: float, on_fault: OnFault
) -> Scribe:
    """Who writes decisions down. `on_fault` hears of a native part that failed; the other one does its work then."""
    reference = ReferenceScribe(
        policy=policy, tokens=FeedbackTokens(sealer), encode=encode_decision, token_ttl_seconds=token_ttl_seconds
    )
    if not is_native:
        return reference
    return NativeScribe(
        policy=policy, sealer=sealer, token_ttl_seconds=token_ttl_seconds, reference=reference, on_fault=on_fault
    )


def pick_reader(*, is_native: bool, validation: Validation, on_fault: OnFault) -> Reader:
    """Who reads requests."""
    reference = ReferenceReader(validation)
    return NativeReader(validation, reference, on_fault=on_fault) if is_native else reference


def pick_writer(*, is_native: bool, on_fault: OnFault) -> Writer:
    """Who writes replies."""
    reference = ReferenceWriter(decode_decision)
    return NativeWriter(reference, on_fault=on_fault) if is_native else reference
