"""The scribe in Rust: one crossing writes lesson and record; sealing stays on this side, with the keys.

The composition root picks it beside the native engine. A choice of another engine (after a quarantine) goes to the
reference, and so does whatever fails here; it never decides what is written.
"""

from __future__ import annotations

from collections.abc import Callable

from atp_grpc.catalog.snapshot import Offering, Snapshot
from atp_grpc.domain.clock import NANOS_PER_SECOND
from atp_grpc.domain.policy import RoutingPolicy
from atp_grpc.engine.contract import Choice
from atp_grpc.routing.scribe.contract import Facts, Routed, Scribe
from atp_grpc.secrets.contract import Sealer

try:
    import atp_native
except ImportError:
    atp_native = None  # type: ignore[assignment]

_NO_PRICE = -1


class NativeScribe:
    """`Scribe` in Rust, for the choices of the native engine."""

    def __init__(
        self,
        *,
        policy: RoutingPolicy,
        sealer: Sealer,
        token_ttl_seconds: float,
        reference: Scribe,
        on_fault: Callable[[BaseException], None],
    ) -> None:
        """`reference` writes what this one cannot; `on_fault` hears why, when that was a fault."""
        ttl_nanos = round(token_ttl_seconds * NANOS_PER_SECOND)
        self._native = atp_native.Scribe(policy.name, policy.version, policy.schema_id, ttl_nanos, sealer.seal)
        self._reference = reference
        self._on_fault = on_fault
        self._snapshot: Snapshot | None = None
        self._offerings = atp_native.Offerings([], 0)

    def write(self, choice: Choice, facts: Facts) -> Routed:
        """Writes a choice down; see `Scribe.write`."""
        if type(choice) is not atp_native.Choice:
            return self._reference.write(choice, facts)
        try:
            if facts.snapshot is not self._snapshot:
                self._load(facts.snapshot)
            return self._native.write(choice, self._offerings, facts)
        except atp_native.NativeError as fault:
            self._on_fault(fault)
            return self._reference.write(choice, facts)

    def _load(self, snapshot: Snapshot) -> None:
        offerings = sorted(one for several in snapshot.offerings.values() for one in several)
        self._offerings = atp_native.Offerings([_written(one) for one in offerings], snapshot.revision)
        self._snapshot = snapshot


def _written(offering: Offering) -> tuple[str, str, str, tuple[int, int, int, int]]:
    prices, target = offering.prices, offering.target
    cached = _NO_PRICE if prices.cached_input is None else prices.cached_input
    reasoning = _NO_PRICE if prices.reasoning is None else prices.reasoning
    return target.model, target.deployment, target.provider, (prices.input, prices.output, cached, reasoning)
