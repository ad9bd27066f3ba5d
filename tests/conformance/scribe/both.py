"""Both scribes at one desk: what one writes, the other writes too."""

from __future__ import annotations

from dataclasses import dataclass, field

from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.domain.decision import NO_DUAL_PRICES, DualPrices
from atp_grpc.engine.contract import Choice
from atp_grpc.engine.native import NativeEngine
from atp_grpc.routing.feedback import FeedbackTokens
from atp_grpc.routing.scribe.contract import Facts, Routed
from atp_grpc.routing.scribe.native import NativeScribe
from atp_grpc.routing.scribe.reference import ReferenceScribe
from atp_grpc.services.wire.native import NativeWriter
from atp_grpc.services.wire.reference import ReferenceWriter
from atp_grpc.store.decision_codec import decode_decision, encode_decision, encode_refusals
from tests.native_engine import no_fault
from tests.unit.routing.desk import PARAMETERS, POLICY, WEEK_SECONDS, Desk, Plain


@dataclass
class Both:
    """A scribe that lets both write and keeps what they wrote; tells them of these prices, of this favourite and
    of a budget."""

    dual_prices: DualPrices = NO_DUAL_PRICES
    favoured: int | None = None
    favour: float = 0.0
    is_short_of_money: bool = False
    faults: list[BaseException] = field(default_factory=list)
    written: list[tuple[Routed, Routed]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reference = ReferenceScribe(
            policy=POLICY, tokens=FeedbackTokens(Plain()), encode=encode_decision, token_ttl_seconds=WEEK_SECONDS
        )
        self.native = NativeScribe(
            policy=POLICY,
            sealer=Plain(),
            token_ttl_seconds=WEEK_SECONDS,
            reference=self.reference,
            encode_refusals=encode_refusals,
            on_fault=self.faults.append,
        )

    def write(self, choice: Choice, facts: Facts) -> Routed:
        facts = facts._replace(
            query=facts.query._replace(favour=self.favour),
            dual_prices=self.dual_prices,
            favoured=self.favoured,
            is_short_of_money=self.is_short_of_money,
        )
        ours, theirs = self.native.write(choice, facts), self.reference.write(choice, facts)
        self.written.append((ours, theirs))
        return ours


def desk(view: Snapshot, scribe: Both, seed: int = 0) -> Desk:
    return Desk(view, engine=NativeEngine(PARAMETERS), first_seed=seed, scribe=scribe)


def writers() -> tuple[ReferenceWriter, NativeWriter]:
    reference = ReferenceWriter(decode_decision)
    return reference, NativeWriter(reference, on_fault=no_fault)
