"""The promise of a scribe: from the engine's choice and what the story knows, to a sealed token and a record of bytes.

The router enters here with every decision; `reference` and `native` keep the promise, and one suite holds both to it.
A scribe never decides anything, and never waits.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from atp_grpc.catalog.snapshot import Offering, Snapshot
from atp_grpc.domain.decision import NO_DUAL_PRICES, DualPrices, Refusal
from atp_grpc.domain.request import Routable
from atp_grpc.engine.contract import Choice, Query


class Facts(NamedTuple):
    """What the story knows of a decision beside the engine's choice.

    `offerings` are those of the query's candidates, in their order. `favoured` is the position among them of the model
    that the conversation was to stay with, if any. `refusals` are the models that were no candidates; with
    `is_short_of_money` the limit on cost was what is left of the tenant's budget. A tuple, because one is made per
    request and crosses into Rust as it is.
    """

    request: Routable
    query: Query
    offerings: tuple[Offering, ...]
    snapshot: Snapshot
    tenant: str
    decision_id: str
    learner_revision: int
    dual_prices: DualPrices = NO_DUAL_PRICES
    favoured: int | None = None
    refusals: tuple[Refusal, ...] = ()
    is_short_of_money: bool = False


class Routed(Protocol):
    """A decision as it was written down. The rest of it stands in the record, for whoever decodes it."""

    @property
    def decision_id(self) -> str:
        """The decision's name."""

    @property
    def policy(self) -> str:
        """The routing policy that decided."""

    @property
    def model(self) -> str:
        """The model that was chosen."""

    @property
    def expected_cost_nano_usd(self) -> int:
        """What the call is expected to cost there."""

    @property
    def token(self) -> bytes:
        """The sealed lesson (`routing.feedback`)."""

    @property
    def record(self) -> bytes:
        """The whole decision, laid out as `store.decision_layout` says."""


class Scribe(Protocol):
    """Writes decisions down, under one routing policy."""

    def write(self, choice: Choice, facts: Facts) -> Routed:
        """Writes a choice down; somebody was chosen."""
        ...
