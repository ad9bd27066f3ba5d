"""The story of Route, told once: snapshot, filters, one engine crossing, the decision written down, ledger, record.

Services enter here with a request that the door has checked. Nothing in a decision waits, so two requests can never
interleave inside one; nothing here reads a clock or a random source that it was not given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.decision import Candidate, ReasonCode, Refusal, Revisions
from atp_grpc.domain.errors import (
    AtpError,
    RevisionNotReachedError,
    UnknownPolicyError,
)
from atp_grpc.domain.policy import RoutingPolicy
from atp_grpc.domain.request import Routable
from atp_grpc.engine.contract import Choice, EngineError, Query
from atp_grpc.routing.answers import RETRY_SECONDS, candidates_of, exclusion_refusals, nobody, reason_codes
from atp_grpc.routing.eligibility import Sifted
from atp_grpc.routing.ledger import Ledger
from atp_grpc.routing.pool import Pool, View
from atp_grpc.routing.query import Questions
from atp_grpc.routing.scribe.contract import Facts, Routed, Scribe
from atp_grpc.store.contract import DecisionRecord


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
    query: Query


class Router:
    """Decides. One per pool; its policy is fixed for its life."""

    def __init__(
        self,
        *,
        pool: Pool,
        policy: RoutingPolicy,
        ledger: Ledger,
        scribe: Scribe,
        clock: Clock,
        next_seed: Callable[[], int],
        next_id: Callable[[int], str],
        learner_revision: Callable[[], int],
        record: Callable[[DecisionRecord], None],
    ) -> None:
        """Takes what varies from outside.

        `next_seed` draws 64 bits; `next_id` names a decision made at a moment; `record` takes a decision to be kept
        (it must not wait); `learner_revision` counts learned outcomes.
        """
        self._pool = pool
        self._policy = policy
        self._questions = Questions(policy)
        self._ledger = ledger
        self._scribe = scribe
        self._clock = clock
        self._next_seed = next_seed
        self._next_id = next_id
        self._learner_revision = learner_revision
        self._record = record
        # No Counter: adding to one takes twice as long, and this is done at every decision.
        self._decided_by: dict[str, int] = {}

    @property
    def decided_by(self) -> Mapping[str, int]:
        """Decisions made so far, by the engine that chose."""
        return self._decided_by

    def route(self, request: Routable, call: Call) -> Routed:
        """Decides for one request.

        Raises:
            UnknownPolicyError, UnknownModelError, FeatureSchemaMismatchError: the request names what does not exist.
            RevisionNotReachedError: the catalogue is older than the request demands.
            NoEligibleModelError, ModelsUnavailableError: nobody may serve it, with the cause for each model.
        """
        now = self._clock.now_nanos()
        view, tenant = self._pool.at(now), call.tenant
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

    def plan(self, request: Routable, call: Call) -> Plan:
        """Weighs a request as `route` would for that caller, and opens nothing.

        Raises what `route` raises for a malformed request; one that nobody may serve is a plan without candidates.
        """
        now = self._clock.now_nanos()
        view = self._pool.at(now)
        input_tokens, sifted = self._sift(request, view)
        revisions = Revisions(self._policy.name, self._policy.version, view.snapshot.revision, self._learner_revision())
        if not sifted.offerings:
            return Plan((), sifted.refusals, {}, revisions, (), self._pool.engine.name)
        choice = self._pool.engine.choose(self._query(request, input_tokens, sifted, view, now, call.tenant))
        weighed = candidates_of(sifted.offerings, choice)
        excluded = exclusion_refusals(sifted.offerings, choice)
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
            reason_codes=reason_codes(choice) if choice.chosen is not None else (),
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
        input_tokens, sifted = self._sift(request, view)
        if not sifted.offerings:
            raise nobody(sifted.refusals)
        return _Asked(request, sifted, self._query(request, input_tokens, sifted, view, now, tenant))

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
        return input_tokens, view.eligibility.sift(request.constraints, needed_tokens=needed_tokens)

    def _query(self, request: Routable, input_tokens: int, sifted: Sifted, view: View, now: int, tenant: str) -> Query:
        return self._questions.query(
            request,
            sifted.offers,
            input_tokens=input_tokens,
            generation=view.snapshot.generation,
            seed=self._next_seed(),
            now_nanos=now,
            tenant=tenant,
        )

    def _open(self, asked: _Asked, choice: Choice, view: View, tenant: str) -> Routed:
        request, sifted, query = asked
        if choice.chosen is None:
            raise nobody((*sifted.refusals, *exclusion_refusals(sifted.offerings, choice)))
        decision_id = self._next_id(query.now_nanos)
        revision = self._learner_revision()
        routed = self._scribe.write(
            choice, Facts(request, query, sifted.offerings, view.snapshot, tenant, decision_id, revision)
        )
        engine, decided_by = choice.engine, self._decided_by
        decided_by[engine] = decided_by.get(engine, 0) + 1
        record = routed.record
        self._ledger.open(tenant, decision_id, record)
        self._record(DecisionRecord(tenant, decision_id, query.now_nanos, record))
        return routed
