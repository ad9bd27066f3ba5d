"""The story of Route, told once: snapshot, filters, one engine crossing, fallbacks, ledger, token.

Services enter here with a request that the door has checked. Nothing in a decision waits, so two requests can never
interleave inside one; nothing here reads a clock or a random source that it was not given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import NANOS_PER_SECOND, Clock
from atp_grpc.domain.decision import (
    Candidate,
    Decision,
    Lesson,
    ReasonCode,
    Refusal,
    Revisions,
)
from atp_grpc.domain.errors import (
    AtpError,
    RevisionNotReachedError,
    UnknownPolicyError,
)
from atp_grpc.domain.policy import RoutingPolicy
from atp_grpc.domain.request import FeatureVector, RouteRequest
from atp_grpc.engine.contract import Choice, EngineError, Query
from atp_grpc.routing.answers import RETRY_SECONDS, candidates_of, exclusion_refusals, nobody, reason_codes
from atp_grpc.routing.eligibility import Sifted
from atp_grpc.routing.feedback import FeedbackTokens
from atp_grpc.routing.ledger import Ledger
from atp_grpc.routing.pool import Pool, View
from atp_grpc.routing.query import Measured, make_query, measure


@dataclass(frozen=True, slots=True)
class Routed:
    """A decision with its sealed token."""

    decision: Decision
    token: bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """What Route would weigh: candidates by utility, best first, and every refusal."""

    candidates: tuple[Candidate, ...]
    refusals: tuple[Refusal, ...]
    expected_of_refused: dict[str, Candidate]
    """Candidates that were scored and then set aside, by model."""
    revisions: Revisions
    reason_codes: tuple[ReasonCode, ...]


@dataclass(frozen=True, slots=True)
class _Prepared:
    request: RouteRequest
    measured: Measured
    sifted: Sifted
    query: Query
    view: View


class Router:
    """Decides. One per pool; its policy is fixed for its life."""

    def __init__(
        self,
        *,
        pool: Pool,
        policy: RoutingPolicy,
        ledger: Ledger,
        tokens: FeedbackTokens,
        clock: Clock,
        next_seed: Callable[[], int],
        next_id: Callable[[int], str],
        learner_revision: Callable[[], int],
        record: Callable[[Decision], None],
        token_ttl_seconds: float,
    ) -> None:
        """Takes what varies from outside.

        `next_seed` draws 64 bits; `next_id` names a decision made at a moment; `record` takes a decision to be kept
        (it must not wait); `learner_revision` counts learned outcomes.
        """
        self._pool = pool
        self._policy = policy
        self._ledger = ledger
        self._tokens = tokens
        self._clock = clock
        self._next_seed = next_seed
        self._next_id = next_id
        self._learner_revision = learner_revision
        self._record = record
        self._token_ttl_nanos = round(token_ttl_seconds * NANOS_PER_SECOND)

    def route(self, request: RouteRequest, call: Call) -> Routed:
        """Decides for one request.

        Raises:
            UnknownPolicyError, UnknownModelError, FeatureSchemaMismatchError: the request names what does not exist.
            RevisionNotReachedError: the catalogue is older than the request demands.
            NoEligibleModelError, ModelsUnavailableError: nobody may serve it, with the cause for each model.
        """
        now = self._clock.now_nanos()
        prepared = self._prepare(request, self._pool.at(now), now)
        return self._open(prepared, self._pool.engine.choose(prepared.query), call, now)

    def route_many(self, requests: Sequence[RouteRequest | AtpError], call: Call) -> list[Routed | AtpError]:
        """Decides for many requests on one snapshot with one engine crossing; each is answered in its own place."""
        now = self._clock.now_nanos()
        view = self._pool.at(now)
        places: list[_Prepared | AtpError] = [self._prepared_or_error(request, view, now) for request in requests]
        queries = [place.query for place in places if isinstance(place, _Prepared)]
        choices = iter(self._pool.engine.choose_batch(queries))
        answers: list[Routed | AtpError] = []
        for place in places:
            if isinstance(place, AtpError):
                answers.append(place)
                continue
            choice = next(choices)
            if isinstance(choice, EngineError):
                raise choice
            try:
                answers.append(self._open(place, choice, call, now))
            except AtpError as error:
                answers.append(error)
        return answers

    def plan(self, request: RouteRequest) -> Plan:
        """Weighs a request as `route` would, and opens nothing.

        Raises what `route` raises for a malformed request; one that nobody may serve is a plan without candidates.
        """
        now = self._clock.now_nanos()
        view = self._pool.at(now)
        measured, sifted = self._measure(request, view)
        if not sifted.offerings:
            return Plan((), sifted.refusals, {}, self._revisions(view), ())
        query = self._query(request, measured, sifted, view, now)
        choice = self._pool.engine.choose(query)
        weighed = candidates_of(sifted, choice)
        excluded = exclusion_refusals(sifted, choice)
        aside = {refusal.target.model for refusal in excluded}
        candidates = sorted(
            (c for c in weighed if c.target.model not in aside),
            key=lambda c: (-c.utility, c.expected.cost_nano_usd, c.target.model),
        )
        return Plan(
            candidates=tuple(candidates),
            refusals=(*sifted.refusals, *excluded),
            expected_of_refused={c.target.model: c for c in weighed if c.target.model in aside},
            revisions=self._revisions(view),
            reason_codes=reason_codes(choice) if choice.chosen is not None else (),
        )

    def _prepared_or_error(self, request: RouteRequest | AtpError, view: View, now: int) -> _Prepared | AtpError:
        if isinstance(request, AtpError):
            return request
        try:
            return self._prepare(request, view, now)
        except AtpError as error:
            return error

    def _prepare(self, request: RouteRequest, view: View, now: int) -> _Prepared:
        measured, sifted = self._measure(request, view)
        if not sifted.offerings:
            raise nobody(sifted.refusals)
        return _Prepared(request, measured, sifted, self._query(request, measured, sifted, view, now), view)

    def _measure(self, request: RouteRequest, view: View) -> tuple[Measured, Sifted]:
        if request.policy and request.policy != self._policy.name:
            raise UnknownPolicyError(request.policy)
        if request.min_revision > view.snapshot.revision:
            raise RevisionNotReachedError(
                min_revision=request.min_revision, revision=view.snapshot.revision, retry_after_seconds=RETRY_SECONDS
            )
        measured = measure(request, self._policy)
        return measured, view.eligibility.sift(request.constraints, needed_tokens=measured.needed_tokens)

    def _query(self, request: RouteRequest, measured: Measured, sifted: Sifted, view: View, now: int) -> Query:
        return make_query(
            request,
            measured,
            generation=view.snapshot.generation,
            candidates=tuple([offering.offer for offering in sifted.offerings]),
            seed=self._next_seed(),
            now_nanos=now,
        )

    def _open(self, prepared: _Prepared, choice: Choice, call: Call, now: int) -> Routed:
        sifted, chosen = prepared.sifted, choice.chosen
        if chosen is None:
            raise nobody((*sifted.refusals, *exclusion_refusals(sifted, choice)))
        candidates = candidates_of(sifted, choice)
        offering = sifted.offerings[chosen]
        lesson = Lesson(
            tenant=call.tenant,
            decision_id=self._next_id(now),
            decided_nanos=now,
            expires_nanos=now + self._token_ttl_nanos,
            model=offering.deployment.model,
            deployment=offering.deployment.name,
            features=FeatureVector(self._policy.schema_id, choice.features),
            propensity=candidates[chosen].propensity,
            predicted_mean=choice.predicted_mean,
            predicted_linear=choice.predicted_linear,
            input_tokens=prepared.query.input_tokens,
            prices=offering.prices,
            revisions=self._revisions(prepared.view),
        )
        request = prepared.request
        decision = Decision(
            lesson=lesson,
            candidates=candidates,
            chosen=chosen,
            seed=prepared.query.seed,
            weights=prepared.measured.weights,
            reason_codes=reason_codes(choice),
            engine=self._pool.engine.name,
            task_type=request.task_type,
            session_id=request.session_id,
            labels=request.labels,
        )
        token = self._tokens.seal(lesson)
        self._ledger.open(decision)
        self._record(decision)
        return Routed(decision, token)

    def _revisions(self, view: View) -> Revisions:
        return Revisions(self._policy.name, self._policy.version, view.snapshot.revision, self._learner_revision())
