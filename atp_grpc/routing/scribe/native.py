"""The scribe in Rust: one crossing writes lesson and record; sealing stays on this side, with the keys.

The composition root picks it beside the native engine. A choice of another engine (after a quarantine) goes to the
reference, and so does whatever fails here; it never decides what is written.
"""

from __future__ import annotations

from collections.abc import Callable

from atp_grpc.catalog.snapshot import Offering, Snapshot
from atp_grpc.domain.clock import NANOS_PER_SECOND
from atp_grpc.domain.decision import Candidate, Decision, Drawn, Expectation, Lesson, Refusal, Revisions, drawn_of
from atp_grpc.domain.policy import RoutingPolicy
from atp_grpc.domain.request import FeatureVector
from atp_grpc.engine.contract import Choice
from atp_grpc.routing.scribe.contract import Facts, Routed, Scribe
from atp_grpc.secrets.contract import Sealer

try:
    import atp_native
except ImportError:
    atp_native = None  # type: ignore[assignment]

_NO_PRICE = -1
_WORDS = (Drawn, Lesson, FeatureVector, Revisions, Candidate, Expectation)
_RECOGNISED = 1024


class NativeScribe:
    """`Scribe` in Rust, for the choices of the native engine."""

    def __init__(
        self,
        *,
        policy: RoutingPolicy,
        sealer: Sealer,
        token_ttl_seconds: float,
        reference: Scribe,
        encode_refusals: Callable[[tuple[Refusal, ...]], bytes],
        on_fault: Callable[[BaseException], None],
    ) -> None:
        """`reference` writes what this one cannot; `on_fault` hears why, when that was a fault.

        `encode_refusals` puts refusals into the bytes of a record.
        """
        ttl_nanos = round(token_ttl_seconds * NANOS_PER_SECOND)
        scales = policy.cost_scale_nano_usd, policy.latency_scale_seconds
        self._native = atp_native.Scribe(
            policy.name, policy.version, policy.schema_id, scales, ttl_nanos, sealer.seal, _WORDS
        )
        self._reference = reference
        self._encode_refusals = encode_refusals
        self._on_fault = on_fault
        self._snapshot: Snapshot | None = None
        self._offerings = atp_native.Offerings([], [], 0)
        # By identity: requests of equal constraints share one tuple, and writing its names down takes longer than all
        # the rest.
        self._refusals: dict[int, tuple[tuple[Refusal, ...], bytes]] = {}

    def write(self, choice: Choice, facts: Facts) -> Routed:
        """Writes a choice down; see `Scribe.write`."""
        if type(choice) is not atp_native.Choice:
            return self._reference.write(choice, facts)
        try:
            if facts.snapshot is not self._snapshot:
                self._load(facts.snapshot)
            refusals = facts.refusals
            return self._native.write(
                choice, self._offerings, facts, self._written_refusals(refusals) if refusals else b""
            )
        except atp_native.NativeError as fault:
            self._on_fault(fault)
            return self._reference.write(choice, facts)

    def _written_refusals(self, refusals: tuple[Refusal, ...]) -> bytes:
        known = self._refusals.get(id(refusals))
        if known is not None and known[0] is refusals:
            return known[1]
        written = self._encode_refusals(refusals)
        if len(self._refusals) >= _RECOGNISED:
            self._refusals.clear()
        self._refusals[id(refusals)] = refusals, written
        return written

    def _load(self, snapshot: Snapshot) -> None:
        offerings = sorted(one for several in snapshot.offerings.values() for one in several)
        bought = [(one.target, one.prices) for one in offerings]
        self._offerings = atp_native.Offerings([_written(one) for one in offerings], bought, snapshot.revision)
        self._snapshot = snapshot


def native_reader(decode: Callable[[bytes], Decision]) -> Callable[[Routed], Drawn]:
    """Tells what was drawn: from what Rust still knows of its decisions, and of others by way of their record."""

    def drawn(routed: Routed) -> Drawn:
        return routed.drawn() if type(routed) is atp_native.Routed else drawn_of(decode(routed.record))

    return drawn


def _written(offering: Offering) -> tuple[str, str, str, tuple[int, int, int, int, int]]:
    prices, target = offering.prices, offering.target
    cached = _NO_PRICE if prices.cached_input is None else prices.cached_input
    reasoning = _NO_PRICE if prices.reasoning is None else prices.reasoning
    written = _NO_PRICE if prices.cache_write_input is None else prices.cache_write_input
    return target.model, target.deployment, target.provider, (prices.input, prices.output, cached, reasoning, written)
