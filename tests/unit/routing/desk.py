"""A router with a reference engine and everything it is given: no sockets, no files, chance and names by count."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.decision import Closure, Decision, RefusalCause
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.policy import Exploration, PolicyTerms, RoutingPolicy
from atp_grpc.domain.request import RouteRequest
from atp_grpc.domain.tenant import Principal
from atp_grpc.engine.contract import Engine, EngineParameters
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.learning.rewards import total_cost_nano_usd
from atp_grpc.routing.feedback import FeedbackTokens
from atp_grpc.routing.ledger import Ledger
from atp_grpc.routing.newcomers import Newcomers
from atp_grpc.routing.pool import Pool
from atp_grpc.routing.router import Router
from atp_grpc.routing.scribe.contract import Routed, Scribe
from atp_grpc.routing.scribe.reference import ReferenceScribe
from atp_grpc.routing.sessions import Sessions
from atp_grpc.routing.steering import Steering, targets_of
from atp_grpc.store.contract import DecisionRecord
from atp_grpc.store.decision_codec import decode_decision, encode_decision
from atp_grpc.store.memory import MemoryStore
from atp_grpc.tenancy.budgets.budgets import Budgets
from atp_grpc.tenancy.pacing import Pacers
from tests.unit.routing.examples import NOW, deployment, model, snapshot

TERMS = PolicyTerms(schema_id="flags.v1", dimension=15)
"""The small schema, because much is decided here."""
CALL = Call("m", Principal("acme", "key", frozenset()), 1e9, "trace")
POLICY = RoutingPolicy(
    name="default",
    version=4,
    cost_scale_nano_usd=1e6,
    latency_scale_seconds=2.0,
    terms=TERMS,
)
PARAMETERS = EngineParameters(
    pool="default", schema_id="flags.v1", dimension=15, cost_scale_nano_usd=1e6, latency_scale_seconds=2.0
)
WEEK_SECONDS = 7 * 86_400.0


class Plain:
    """Seals nothing: what goes in comes out."""

    def seal(self, plaintext: bytes, associated: bytes) -> bytes:
        return plaintext

    def open(self, sealed: bytes, associated: bytes) -> bytes:
        return sealed


class Standing:
    """A catalogue that does not move by itself."""

    def __init__(self, view: Snapshot) -> None:
        self.view = view

    def at(self, now_nanos: int) -> Snapshot:
        return self.view


@dataclass
class Desk:
    """A router with everything it was given."""

    view: Snapshot
    engine: Engine = field(default_factory=lambda: ReferenceEngine(PARAMETERS))
    policy: RoutingPolicy = POLICY
    first_seed: int = 0
    recorded: list[DecisionRecord] = field(default_factory=list)
    scribe: Scribe | None = None
    faults: list[Exception] = field(default_factory=list)
    closed: frozenset[str] = frozenset()
    """Models that fail whenever they are called."""
    closed_seconds: float = 5.0

    def __post_init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.ledger = Ledger(100, decode_decision)
        self.catalogue = Standing(self.view)
        self.revision = 0
        store = MemoryStore("r1")
        self.budgets = Budgets(
            ledger=store, store=store, replica="r1", bill_of=total_cost_nano_usd, on_fault=self.faults.append
        )
        self.pacers, self.sessions = Pacers(100), Sessions(100)
        self.newcomers = Newcomers(Exploration(), 100)
        self.steering = Steering(
            self.policy, targets_of(self.policy), self.pacers, self.newcomers, self.sessions, self.budgets
        )
        seeds, names = itertools.count(self.first_seed), itertools.count(1)
        self.router = Router(
            pool=Pool(self.catalogue, self.engine, self.policy.terms.filters),  # type: ignore[arg-type]
            policy=self.policy,
            steering=self.steering,
            ledger=self.ledger,
            scribe=self.scribe
            or ReferenceScribe(
                policy=self.policy,
                tokens=FeedbackTokens(Plain()),
                encode=encode_decision,
                token_ttl_seconds=WEEK_SECONDS,
            ),
            clock=self.clock,
            next_seed=lambda: next(seeds),
            next_id=lambda now, is_dealt: f"d{next(names)}",
            learner_revision=lambda: self.revision,
            record=self.recorded.append,
            closed_models=lambda _: {
                one: Closure(RefusalCause.BREAKER_OPEN, self.closed_seconds) for one in self.closed
            },
        )


def written(routed: Routed) -> Decision:
    """The decision that was written down."""
    return decode_decision(routed.record)


def three_models(*, revision: int = 3, generation: int = 1) -> Snapshot:
    models = [
        model("cheap", prior_quality=0.5, prior_latency_seconds=0.5),
        model("good", prior_quality=0.9, prior_latency_seconds=2.0),
        model("fast", prior_quality=0.6, prior_latency_seconds=0.1),
    ]
    prices = {"cheap": 10**8, "good": 10**10, "fast": 10**9}
    deployments = [deployment(each.name, prices=TokenPrices(prices[each.name], prices[each.name])) for each in models]
    return snapshot(models, deployments, revision=revision, generation=generation)


def text(**changes: object) -> RouteRequest:
    return RouteRequest(text="What is 2 + 2?", **changes)  # type: ignore[arg-type]
