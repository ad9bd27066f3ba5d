"""The story of Ask over real rooms, from router and fleet to journal and store; only the providers are played."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from random import Random

from atp_grpc.asking.asker import Asker
from atp_grpc.asking.attempting import Attempting
from atp_grpc.asking.cache import AnswerCache, Eviction
from atp_grpc.asking.calling import Calling
from atp_grpc.asking.contract import AskTerms, Listeners
from atp_grpc.asking.counting import Tokenizer
from atp_grpc.asking.metering import Meter
from atp_grpc.asking.paying import Paying
from atp_grpc.asking.recovery import Recovery
from atp_grpc.asking.settling import Settling
from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.domain.ask import AskEvent, AskRequest, Audience, Final, Spent, Switch
from atp_grpc.domain.budget import Budget, BudgetPeriod
from atp_grpc.domain.call import Call
from atp_grpc.domain.decision import Target, drawn_of
from atp_grpc.domain.endpoint import Dialect, Endpoint, Timeouts
from atp_grpc.domain.errors import AtpError
from atp_grpc.domain.flags import Flag
from atp_grpc.domain.model import Encoding
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.outcome import AttemptError, Observation
from atp_grpc.domain.policy import Cascade, Exploration, RoutingPolicy
from atp_grpc.domain.tenant import Principal
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.learning.journal import Journal
from atp_grpc.learning.rewards import total_cost_nano_usd
from atp_grpc.providers.fleet import Fleet
from atp_grpc.providers.retrying import RetryBudgets, RetryRules
from atp_grpc.routing.feedback import FeedbackTokens
from atp_grpc.routing.ledger import Ledger
from atp_grpc.routing.newcomers import Newcomers
from atp_grpc.routing.pool import Pool
from atp_grpc.routing.router import Router
from atp_grpc.routing.scribe.reference import ReferenceScribe
from atp_grpc.routing.sessions import Sessions
from atp_grpc.routing.steering import Steering, targets_of
from atp_grpc.store.decision_codec import decode_decision, encode_decision
from atp_grpc.store.memory import MemoryStore
from atp_grpc.tenancy.budgets.budgets import Budgets
from atp_grpc.tenancy.pacing import Pacers
from tests.unit.asking.keys import Keys
from tests.unit.asking.scripted import ScriptedProvider
from tests.unit.asking.told import Told, asking
from tests.unit.asking.virtual_time import LoopClock
from tests.unit.routing.desk import PARAMETERS, POLICY, TERMS, WEEK_SECONDS, Plain, Standing
from tests.unit.routing.examples import NOW, deployment, model, snapshot

PRICES = {"good": 3_000_000_000, "fair": 2_000_000_000, "poor": 1_000_000_000}
"""For a million tokens of any class but cached ones, which cost a tenth: a token of `poor` costs 1,000 nano-dollars."""
ENDPOINT = Endpoint(
    Dialect.OPENAI, "https://one.example/v1", "m", timeouts=Timeouts(first_token=10.0, between_chunks=5.0, total=60.0)
)
DEPLOYMENTS = ("good@one", "good@two", "fair@one", "poor@one")


def catalogue(*, revision: int = 3, **endpoints: Endpoint) -> Snapshot:
    """Three models, the best of them with two deployments; `endpoints` by model."""
    models = [
        model("good", prior_quality=0.9, context_tokens=4000, max_output_tokens=400),
        model("fair", prior_quality=0.6, context_tokens=4000, max_output_tokens=400),
        model("poor", prior_quality=0.3, context_tokens=8000, max_output_tokens=400),
    ]
    deployments = [
        deployment(
            name.partition("@")[0],
            name,
            prices=TokenPrices(price, price, price // 10, price, price * 5 // 4),
            # Each at a host of its own: what is known of a key is known for its host.
            endpoint=dataclasses.replace(
                endpoints.get(name.partition("@")[0], ENDPOINT), base_url=f"https://{name.replace('@', '.')}/v1"
            ),
        )
        for name in DEPLOYMENTS
        if (price := PRICES[name.partition("@")[0]])
    ]
    return snapshot(models, deployments, revision=revision, generation=revision)


@dataclass
class Heard:
    """What the listeners were told."""

    attempts: list[tuple[Target, AttemptError | None, float, int]] = field(default_factory=list)
    answers: list[Final] = field(default_factory=list)
    switches: list[Switch] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    unsettled: list[tuple[str, int]] = field(default_factory=list)


class Stage:
    """Everything that one process has of Ask, but the providers. Made inside a running loop, ended by `close`."""

    def __init__(
        self,
        *,
        view: Snapshot | None = None,
        cascade: Cascade | None = None,
        attempts: int = 3,
        sigmas: float = 2.0,
        store: MemoryStore | None = None,
        most_held_bytes: int = 1 << 20,
        eviction: Eviction = Eviction.LRU,
    ) -> None:
        self.clock = LoopClock(NOW)
        self.catalogue = Standing(view or catalogue())
        self.store = store or MemoryStore("r1")
        self.provider = ScriptedProvider()
        self.keys = Keys()
        self.tokenizers: dict[Encoding, Tokenizer] = {}
        self.heard = Heard()
        self.off: set[Flag] = set()
        self.asked: set[str] = set()
        self.observations: list[Observation] = []
        self.chance = Random(7)
        self.budgets = Budgets(
            ledger=self.store, store=self.store, replica="r1", bill_of=total_cost_nano_usd, on_fault=lambda _: None
        )
        self.policy = dataclasses.replace(POLICY, terms=dataclasses.replace(TERMS, cascade=cascade))
        self.router = self._router(self.policy)
        self.fleet = Fleet(clock=self.clock, chance=self.chance)
        self.retries = RetryBudgets()
        self.journal = Journal(
            store=self.store,
            learn=self._learn,
            limit=64,
            on_commit=lambda *_: None,
            on_learned=lambda _: None,
            monotonic=self.clock.monotonic,
            on_fault=lambda _: None,
        )
        self.writer = asyncio.get_running_loop().create_task(self.journal.run())
        self.terms = AskTerms(retry=RetryRules(attempts=attempts), most_held_bytes=most_held_bytes)
        self.sigmas = sigmas
        self.cache = AnswerCache(most_bytes=1 << 20, seconds=100.0, eviction=eviction, monotonic=self.clock.monotonic)
        self.asker = self._asker()

    def _router(self, policy: RoutingPolicy) -> Router:
        seeds, names = itertools.count(), itertools.count(1)
        engine = ReferenceEngine(dataclasses.replace(PARAMETERS, epsilon=1e-9))
        return Router(
            pool=Pool(self.catalogue, engine, policy.terms.filters),  # type: ignore[arg-type]
            policy=policy,
            steering=Steering(
                policy, targets_of(policy), Pacers(100), Newcomers(Exploration(), 100), Sessions(100), self.budgets
            ),
            ledger=Ledger(100, decode_decision),
            scribe=ReferenceScribe(
                policy=policy,
                tokens=FeedbackTokens(Plain()),
                encode=encode_decision,
                token_ttl_seconds=WEEK_SECONDS,
            ),
            clock=self.clock,
            next_seed=lambda: next(seeds),
            next_id=lambda now, is_dealt: f"d{next(names)}",
            learner_revision=lambda: 0,
            record=lambda _: None,
            closed_models=lambda view: self.fleet.closed_models(view.deployments.values()),
        )

    def _asker(self) -> Asker:
        listeners = Listeners(
            attempt_ended=lambda *told: self.heard.attempts.append(told),
            answered=self.heard.answers.append,
            switched=self.heard.switches.append,
            faulted=self.heard.faults.append,
            unsettled=lambda *told: self.heard.unsettled.append(told),
        )
        paying = Paying(budgets=self.budgets, sigmas=self.sigmas)
        monotonic = self.clock.monotonic
        return Asker(
            pick=lambda request, tenant: self.router,
            snapshot=self.catalogue.at,
            drawn=lambda routed: drawn_of(decode_decision(routed.record)),
            encode=lambda routed: routed.decision_id.encode(),
            prepare=self._prepare,
            is_on=lambda flag: flag not in self.off,
            attempting=Attempting(
                recovery=Recovery(retries=self.retries, chance=self.chance, terms=self.terms, monotonic=monotonic),
                calling=Calling(
                    providers={Dialect.OPENAI: self.provider},
                    keys=self.keys,
                    meter=Meter(),
                    tokenizers=self.tokenizers,
                    monotonic=monotonic,
                    on_fault=listeners.faulted,
                ),
                paying=paying,
                snapshot=self.catalogue.at,
                clock=self.clock,
                listeners=listeners,
            ),
            paying=paying,
            settling=Settling(
                journal=self.journal,
                budgets=self.budgets,
                clock=self.clock,
                asked=self.asked,
                on_unsettled=listeners.unsettled,
            ),
            fleet=self.fleet,
            retries=self.retries,
            cache=self.cache,
            clock=self.clock,
            terms=self.terms,
            listeners=listeners,
        )

    async def _prepare(self, tenant: str, requests: Sequence[object]) -> None:
        now = self.clock.now_nanos()
        if self.budgets.headroom(tenant, now) is not None:
            await self.budgets.prepare(tenant, 1_000_000, now)

    def _learn(self, observation: Observation) -> int:
        self.budgets.settle(observation)
        self.observations.append(observation)
        return 1

    async def give(self, limit_nano_usd: int, tenant: str = "acme") -> None:
        """Gives a tenant a budget."""
        await self.budgets.restore(NOW)
        assert await self.budgets.replace(tenant, None, Budget(tenant, limit_nano_usd, BudgetPeriod.TOTAL, NOW))

    def spent(self, tenant: str = "acme") -> int:
        """What counts as spent or set aside of a tenant's budget, without what is leased and free."""
        account = self.budgets._lines[tenant].at(self.clock.now_nanos())
        assert account is not None
        return account.exposed - account.lease

    def held(self, tenant: str = "acme") -> int:
        """What is set aside and not settled."""
        account = self.budgets._lines[tenant].at(self.clock.now_nanos())
        assert account is not None
        return sum(account._open.values())

    @property
    def in_flight(self) -> int:
        return sum(load.in_flight for load in self.fleet.loads())

    def call(self, tenant: str = "acme", seconds: float = 300.0) -> Call:
        return Call("m", Principal(tenant, "key", frozenset()), self.clock.monotonic() + seconds, "trace")

    def answer(
        self,
        request: AskRequest | None = None,
        *,
        tenant: str = "acme",
        seconds: float = 300.0,
        audience: Audience | None = None,
    ) -> AsyncGenerator[AskEvent, None]:
        call = self.call(tenant, seconds)
        return self.asker.answer(request or asking(), call, 0.25, audience or Audience(call.deadline))

    async def tell(
        self,
        request: AskRequest | None = None,
        *,
        tenant: str = "acme",
        seconds: float = 300.0,
        audience: Audience | None = None,
        at_spent: Callable[[], Awaitable[object]] | None = None,
    ) -> Told:
        """Everything that a caller is told, to the end; `at_spent` happens when he is told what was spent."""
        events: list[AskEvent] = []
        error: AtpError | None = None
        try:
            async with aclosing(self.answer(request, tenant=tenant, seconds=seconds, audience=audience)) as answer:
                async for event in answer:
                    events.append(event)
                    if at_spent is not None and isinstance(event, Spent):
                        await at_spent()
        except AtpError as raised:
            error = raised.kept()
        await self.settle_down()
        return Told(events, error)

    async def settle_down(self) -> None:
        """Lets the journal write what was handed to it."""
        late = self.asker._settling._late
        while late:
            await asyncio.wait(late)
        # In time of its own, so this lets everybody else come to an end who does not wait for longer.
        await asyncio.sleep(0.01)

    async def close(self) -> None:
        await self.asker.close()
        self.journal.close()
        await self.writer
