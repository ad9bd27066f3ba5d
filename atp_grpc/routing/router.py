"""The story of Route, told once: snapshot, filters, stance, one engine crossing, the decision written down, ledger.

Services enter here with a request that the door has checked. Nothing in a decision waits, so two requests can never
interleave inside one; nothing here reads a clock or a random source that it was not given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from atp_grpc.catalog.snapshot import Offering, Snapshot
from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.decision import Candidate, Closure, ReasonCode, Refusal, Revisions
from atp_grpc.domain.errors import AtpError, RevisionNotReachedError, UnknownPolicyError
from atp_grpc.domain.policy import RoutingPolicy, WhenUnmet
from atp_grpc.domain.request import Constraints, Routable
from atp_grpc.engine.contract import Choice, EngineError, Query
from atp_grpc.routing.answers import (
    RETRY_SECONDS,
    candidates_of,
    exclusion_refusals,
    nobody,
    reason_codes,
    unmet_refusals,
)
from atp_grpc.routing.eligibility import Sifted
from atp_grpc.routing.ledger import Ledger
from atp_grpc.routing.pool import Pool, View
from atp_grpc.routing.query import Questions
from atp_grpc.routing.scribe.contract import Facts, Routed, Scribe
from atp_grpc.routing.steering import Chosen, Stance, Steering
from atp_grpc.store.contract import DecisionRecord

_NOBODY: Mapping[str, Closure] = {}


@dataclass(frozen=True, slots=True)
class Plan:
    """What Route would weigh: candidates by utility, best first, and every refusal."""

    candidates: tuple[Candidate, ...]
    refusals: tuple[Refusal, ...]
    expected_of_refused: dict[str, Candidate]
    """Candidates that were scored and then set aside, by model."""
    revisions: Revisions
    reason_codes: tuple[ReasonCode, ...]
    engine: str
    """Who weighed."""


class _Asked(NamedTuple):
    """A request with its candidates, as it is put to the engine. A tuple, because one is made per request."""

    request: Routable
    sifted: Sifted
    stance: Stance
    favoured: int | None
    """Position of the model to stay with, among the candidates."""
    query: Query

    @property
    def is_short_of_money(self) -> bool:
        """Whether no limit on the cost of the call is tighter than what is left of the tenant's budget."""
        headroom = self.stance.headroom_nano_usd
        return headroom is not None and self.query.max_cost_nano_usd == headroom


class Router:
    """Decides. One per pool; its policy is fixed for its life."""

    def __init__(
        self,
        *,
        pool: Pool,
        policy: RoutingPolicy,
        steering: Steering,
        ledger: Ledger,
        scribe: Scribe,
        clock: Clock,
        next_seed: Callable[[], int],
        next_id: Callable[[int, bool], str],
        learner_revision: Callable[[], int],
        record: Callable[[DecisionRecord], None],
        decided_by: dict[str, int] | None = None,
        closed_models: Callable[[Snapshot], Mapping[str, Closure]] = lambda _: _NOBODY,
    ) -> None:
        """Takes what varies from outside.

        `next_seed` draws 64 bits; `next_id` names a decision by its moment and by whether its policy was dealt to it
        (`domain.decision_id`); `record` takes a decision to be kept (it must not wait); `learner_revision` counts
        learned outcomes. Routers that share `decided_by` count together. `closed_models` are those of a snapshot that
        cannot be called for a while; it is asked for every request.
        """
        self._pool = pool
        self._policy = policy
        self._questions = Questions(policy)
        self._steering = steering
        self._ledger = ledger
        self._scribe = scribe
        self._clock = clock
        self._next_seed = next_seed
        self._next_id = next_id
        self._learner_revision = learner_revision
        self._record = record
        self._refuses_unmet = policy.terms.objective.when_unmet is WhenUnmet.REFUSE
        # No Counter: adding to one takes twice as long, and this is done at every decision.
        self._decided_by = {} if decided_by is None else decided_by
        self._closed_models = closed_models

    @property
    def policy(self) -> RoutingPolicy:
        """The version of the policy that decides here."""
        return self._policy

    @property
    def decided_by(self) -> Mapping[str, int]:
        """Decisions made so far, by the engine that chose; here and by every router that counts with this one."""
        return self._decided_by

    def route(self, request: Routable, call: Call, *, needs_endpoint: bool = False) -> Routed:
        """Decides for one request; with `needs_endpoint`, among deployments that can be called from here.

        Raises:
            UnknownPolicyError, UnknownModelError, FeatureSchemaMismatchError: the request names what does not exist.
            RevisionNotReachedError: the catalogue is older than the request demands.
            NoEligibleModelError, ModelsUnavailableError: nobody may serve it, with the cause for each model.
            BudgetExhaustedError: the tenant's budget has too little left for anybody.
        """
        now = self._clock.now_nanos()
        view, tenant = self._pool.at(now), call.tenant
        if needs_endpoint:
            view = view.callable
        asked = self._ask(request, view, now, tenant)
        choice = self._pool.engine.choose(asked.query)
        routed = self._open(asked, choice, view, tenant)
        if call.is_traced:
            call.note(
                decision_id=routed.decision_id,
                model=routed.model,
                policy=routed.policy,
                engine=choice.engine,
                candidates=len(asked.sifted.offerings),
            )
        return routed

    def route_many(self, requests: Sequence[Routable | AtpError], call: Call) -> list[Routed | AtpError]:
        """Decides for many requests on one snapshot with one engine crossing; each is answered in its own place."""
        now = self._clock.now_nanos()
        view, tenant = self._pool.at(now), call.tenant
        places = [self._ask_or_error(request, view, now, tenant) for request in requests]
        choices = iter(self._pool.engine.choose_batch([place.query for place in places if isinstance(place, _Asked)]))
        answers: list[Routed | AtpError] = []
        for place in places:
            if isinstance(place, AtpError):
                answers.append(place)
                continue
            choice = next(choices)
            if isinstance(choice, EngineError):
                raise choice
            try:
                answers.append(self._open(place, choice, view, tenant))
            except AtpError as error:
                answers.append(error.kept())
        return answers

    def offerings(self, constraints: Constraints, model: str, now_nanos: int) -> tuple[Offering, ...]:
        """Every active, priced deployment of a model that can be called from here and passes request and policy."""
        return self._pool.at(now_nanos).callable.eligibility.offerings(constraints, model)

    def plan(self, request: Routable, call: Call, *, needs_endpoint: bool = False) -> Plan:
        """Weighs a request as `route` would for that caller, and opens nothing.

        Raises what `route` raises for a malformed request; one that nobody may serve is a plan without candidates.
        """
        now = self._clock.now_nanos()
        view = self._pool.at(now)
        if needs_endpoint:
            view = view.callable
        asked = self._weigh(request, view, now, call.tenant)
        sifted = asked.sifted
        revisions = Revisions(self._policy.name, self._policy.version, view.snapshot.revision, self._learner_revision())
        if not sifted.offerings:
            return Plan((), sifted.refusals, {}, revisions, (), self._pool.engine.name)
        choice = self._pool.engine.choose(asked.query)
        weighed = candidates_of(sifted.offerings, choice)
        excluded = self._refused(asked, choice) or self._excluded(asked, choice)
        aside = {refusal.target.model for refusal in excluded}
        candidates = sorted(
            (c for c in weighed if c.target.model not in aside),
            key=lambda c: (-c.utility, c.expected.cost_nano_usd, c.target.model),
        )
        return Plan(
            candidates=tuple(candidates),
            refusals=(*sifted.refusals, *excluded),
            expected_of_refused={c.target.model: c for c in weighed if c.target.model in aside},
            revisions=revisions,
            reason_codes=() if choice.chosen is None else reason_codes(choice, asked.stance.prices, asked.favoured),
            engine=choice.engine,
        )

    def _ask_or_error(self, request: Routable | AtpError, view: View, now: int, tenant: str) -> _Asked | AtpError:
        if isinstance(request, AtpError):
            return request
        try:
            return self._ask(request, view, now, tenant)
        except AtpError as error:
            return error.kept()

    def _ask(self, request: Routable, view: View, now: int, tenant: str) -> _Asked:
        asked = self._weigh(request, view, now, tenant)
        if not asked.sifted.offerings:
            raise nobody(asked.sifted.refusals)
        return asked

    def _weigh(self, request: Routable, view: View, now: int, tenant: str) -> _Asked:
        """The request with its candidates, who may be none."""
        input_tokens, sifted = self._sift(request, view)
        stance = self._steering.stance(request, tenant, now)
        if stance.closed:
            sifted = sifted.without(stance.closed)
        favoured = None if stance.staying is None else sifted.position_of(stance.staying)
        query = self._questions.query(
            request,
            sifted,
            stance,
            favoured,
            input_tokens=input_tokens,
            generation=view.snapshot.generation,
            seed=self._next_seed(),
            now_nanos=now,
            tenant=tenant,
        )
        return _Asked(request, sifted, stance, favoured, query)

    def _sift(self, request: Routable, view: View) -> tuple[int, Sifted]:
        """The request's input tokens, and who may serve it."""
        policy, revision = request.policy, view.snapshot.revision
        if policy and policy != self._policy.name:
            raise UnknownPolicyError(policy)
        if request.min_revision > revision:
            raise RevisionNotReachedError(
                min_revision=request.min_revision, revision=revision, retry_after_seconds=RETRY_SECONDS
            )
        input_tokens = self._questions.input_tokens(request)
        needed_tokens = input_tokens + (request.max_output_tokens or 0)
        sifted = view.eligibility.sift(request.constraints, needed_tokens=needed_tokens)
        closed = self._closed_models(view.snapshot)
        return input_tokens, sifted.without_closed(closed) if closed else sifted

    def _open(self, asked: _Asked, choice: Choice, view: View, tenant: str) -> Routed:
        request, sifted, stance, favoured, query = asked
        if (choice.chosen is None or self._refuses_unmet) and (refused := self._refused(asked, choice)):
            if asked.is_short_of_money and choice.chosen is None:
                raise self._steering.purse.refusal(tenant, math.ceil(min(choice.cost_nano_usd)), query.now_nanos)
            raise nobody((*sifted.refusals, *refused))
        decision_id = self._next_id(query.now_nanos, not request.policy and stance.staying is None)
        revision = self._learner_revision()
        routed = self._scribe.write(
            choice,
            Facts(
                request,
                query,
                sifted.offerings,
                view.snapshot,
                tenant,
                decision_id,
                revision,
                stance.prices,
                favoured,
                sifted.refusals,
                asked.is_short_of_money,
            ),
        )
        chosen = Chosen(routed.model, routed.expected_cost_nano_usd, choice)
        self._steering.decided(stance, request, tenant, chosen, query.now_nanos)
        engine, decided_by = choice.engine, self._decided_by
        decided_by[engine] = decided_by.get(engine, 0) + 1
        record = routed.record
        self._ledger.open(tenant, decision_id, record)
        self._record(DecisionRecord(tenant, decision_id, query.now_nanos, record))
        return routed

    def _refused(self, asked: _Asked, choice: Choice) -> list[Refusal]:
        """Why nobody serves after all, for each candidate; empty when somebody does."""
        if choice.chosen is None:
            return self._excluded(asked, choice)
        return unmet_refusals(asked.sifted.offerings, choice) if self._refuses_unmet else []

    @staticmethod
    def _excluded(asked: _Asked, choice: Choice) -> list[Refusal]:
        """The candidates that the engine set aside."""
        return exclusion_refusals(asked.sifted.offerings, choice, is_short_of_money=asked.is_short_of_money)
