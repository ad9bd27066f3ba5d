"""Picks who reads requests and who writes decisions and replies down: Rust beside the native engine, Python elsewhere.

Entered once per process by the composition root. Both give the same answers, so nothing is said about the choice.
"""

from __future__ import annotations

from collections.abc import Callable

from atp_grpc.domain.decision import Drawn, drawn_of
from atp_grpc.domain.policy import RoutingPolicy
from atp_grpc.routing.feedback import FeedbackTokens
from atp_grpc.routing.scribe.contract import Routed, Scribe
from atp_grpc.routing.scribe.native import NativeScribe, native_reader
from atp_grpc.routing.scribe.reference import ReferenceScribe
from atp_grpc.secrets.contract import Sealer
from atp_grpc.services.ask_wire import contract as ask_wire
from atp_grpc.services.ask_wire import native as native_ask_wire
from atp_grpc.services.ask_wire import reference as reference_ask_wire
from atp_grpc.services.validation import Validation
from atp_grpc.services.wire.contract import Reader, Writer
from atp_grpc.services.wire.native import NativeReader, NativeWriter
from atp_grpc.services.wire.reference import ReferenceReader, ReferenceWriter
from atp_grpc.store.decision_codec import decode_decision, encode_decision, encode_refusals

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
        policy=policy,
        sealer=sealer,
        token_ttl_seconds=token_ttl_seconds,
        reference=reference,
        encode_refusals=encode_refusals,
        on_fault=on_fault,
    )


def pick_reader(*, is_native: bool, validation: Validation, on_fault: OnFault) -> Reader:
    """Who reads requests."""
    reference = ReferenceReader(validation)
    return NativeReader(validation, reference, on_fault=on_fault) if is_native else reference


def pick_writer(*, is_native: bool, on_fault: OnFault) -> Writer:
    """Who writes replies."""
    reference = ReferenceWriter(decode_decision)
    return NativeWriter(reference, on_fault=on_fault) if is_native else reference


def pick_ask_reader(*, is_native: bool, validation: Validation, on_fault: OnFault) -> ask_wire.Reader:
    """Who reads requests of Ask."""
    reference = reference_ask_wire.ReferenceReader(validation)
    return native_ask_wire.NativeReader(validation, reference, on_fault=on_fault) if is_native else reference


def pick_ask_writer(*, is_native: bool, on_fault: OnFault) -> ask_wire.Writer:
    """Who writes answers of Ask."""
    reference = reference_ask_wire.ReferenceWriter()
    return native_ask_wire.NativeWriter(reference, on_fault=on_fault) if is_native else reference


def pick_drawn(*, is_native: bool) -> Callable[[Routed], Drawn]:
    """Who tells Ask what was drawn."""
    return native_reader(decode_decision) if is_native else lambda routed: drawn_of(decode_decision(routed.record))
