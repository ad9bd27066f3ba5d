"""A routing policy rehearsed on a log: what its own engine, learning as the log goes on, would have drawn.

The door enters here when a policy is to be judged. A rehearsal begins with nothing but the priors that were imported
for the policy, never with what its engine has learned since, because that has seen the answers. It asks no budget, and
it never touches what serves requests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from atp_grpc.catalog.snapshot import Offering
from atp_grpc.domain.decision import NO_DUAL_PRICES, Candidate, Decision, Lesson, RefusalCause, Target
from atp_grpc.domain.errors import BudgetExhaustedError
from atp_grpc.domain.history import Logged
from atp_grpc.domain.outcome import Observation, Report
from atp_grpc.domain.policy import WhenUnmet
from atp_grpc.domain.request import RouteRequest, Weights
from atp_grpc.engine.contract import Engine, InvalidOutcomeError, Query
from atp_grpc.learning.rewards import outcomes_of
from atp_grpc.learning.settling import settle
from atp_grpc.learning.watching import Watch
from atp_grpc.routing.explaining import asked_weights
from atp_grpc.routing.sessions import value_of_staying
from atp_grpc.routing.steering import Chosen, Stance, Steering
from atp_grpc.tenancy.pacing import effective

REPLICA: Final = "rehearsal"
"""Who reported what a rehearsal learns."""
_REQUEST: Final = RouteRequest()
"""Stands for every request: steering asks for its conversation only, and whom that is with the log says."""
_NOTHING: Final = Report()
_MOST_FIELDS: Final = 4_096


class NoPurse:
    """Budgets are a tenant's and not a policy's: nobody is short of money here."""

    def headroom(self, _tenant: str, _now_nanos: int) -> None:
        """No bound."""

    def hold(self, _tenant: str, _amount_nano_usd: int, _decided_nanos: int) -> None:
        """Sets nothing aside."""

    def refusal(self, _tenant: str, _needed_nano_usd: int, _now_nanos: int) -> BudgetExhaustedError:
        """Never asked for, as nothing is bounded."""
        raise AssertionError


class _Field(NamedTuple):
    """Which logged candidates the policy may draw, as its engine knows them, in the engine's order."""

    offers: tuple[int, ...]
    places: tuple[int, ...]
    offerings: tuple[Offering, ...]


class PolicyRehearsal:
    """One policy on its way through one log. A `Rehearsal`."""

    def __init__(
        self,
        *,
        engine: Engine,
        watch: Watch,
        steering: Steering,
        offering_of: Mapping[Target, Offering],
        weights_of: Callable[[str, int], Weights | None],
    ) -> None:
        """Takes an engine of the policy's own.

        Args:
            engine: loaded, and with the policy's priors.
            watch: of that engine.
            steering: of the policy, with prices and accounts of its own.
            offering_of: what can be bought, by where it is served, as far as the policy's filters let it.
            weights_of: the weights of a version of a policy, None where that is forgotten.
        """
        self._engine = engine
        self._watch = watch
        self._steering = steering
        self._policy = steering.policy
        self._offering_of = offering_of
        self._weights_of = weights_of
        objective, most = self._policy.terms.objective, self._policy.terms.filters.max_cost_nano_usd
        self._own = Weights(objective.cost_weight, objective.latency_weight)
        self._max_cost = None if most is None else float(most)
        self._latency_slo = objective.latency_slo_seconds
        self._refuses_unmet = objective.when_unmet is WhenUnmet.REFUSE
        self._fields: dict[tuple[object, ...], _Field] = {}
        self._theirs: dict[tuple[str, int], Weights | None] = {}
        self._drawn: tuple[Chosen, str] | None = None
        self._sequence = 0

    def accepts(self, decision: Decision) -> bool:
        """Whether the features of a decision are of the policy's schema."""
        features, policy = decision.lesson.features, self._policy
        return features.schema_id == policy.schema_id and len(features.values) == 4 * policy.dimension

    def shares(self, decision: Decision) -> Sequence[float]:
        """How likely the policy would have drawn each candidate, with all that it has learned by then."""
        lesson = decision.lesson
        tenant, now = lesson.tenant, lesson.decided_nanos
        shares = [0.0] * len(decision.candidates)
        stance = self._steering.stance(_REQUEST, tenant, now)
        field = self._field(decision.candidates, decision.set_aside, stance.closed)
        self._drawn = None
        if not field.offers:
            return shares
        choice = self._engine.choose(self._query(decision, field, stance))
        if choice.chosen is None or (self._refuses_unmet and (choice.floor_unmet or choice.slo_unmet)):
            return shares
        for place, propensity in zip(field.places, choice.propensities, strict=True):
            shares[place] = propensity
        model = field.offerings[choice.chosen].target.model
        chosen = Chosen(model, round(choice.cost_nano_usd[choice.chosen]), choice)
        self._steering.decided(stance, _REQUEST, tenant, chosen, now)
        self._drawn = chosen, lesson.decision_id
        return shares

    def learn(self, logged: Logged) -> None:
        """Learns what became of the decision, as from an observation that came before the next decision."""
        if logged.outcome == _NOTHING:
            return
        self._sequence += 1
        lesson = self._as_its_own(logged.decision.lesson)
        observation = Observation(
            REPLICA, self._sequence, lesson, logged.outcome, logged.outcome, observed_nanos=lesson.decided_nanos
        )
        for outcome in outcomes_of(observation, self._policy.name):
            try:
                is_new = self._engine.learn(outcome)
            except InvalidOutcomeError:
                continue
            if is_new:
                self._watch.learn(outcome)
        settle(observation, [(self._steering, self._watch)])

    def _as_its_own(self, lesson: Lesson) -> Lesson:
        """The lesson with what the policy predicted, where it drew the same model; else as another policy's."""
        if self._drawn is not None:
            chosen, decision_id = self._drawn
            if decision_id == lesson.decision_id and chosen.model == lesson.model:
                return lesson._replace(
                    predicted_mean=chosen.choice.predicted_mean,
                    predicted_linear=chosen.choice.predicted_linear,
                    hold_nano_usd=chosen.cost_nano_usd,
                    revisions=lesson.revisions._replace(policy=self._policy.name),
                )
        return lesson._replace(revisions=lesson.revisions._replace(policy=""))

    def _query(self, decision: Decision, field: _Field, stance: Stance) -> Query:
        lesson = decision.lesson
        weights = self._weights(decision)
        if stance.prices is not NO_DUAL_PRICES:
            weights = effective(weights, stance.prices)
        query = Query(
            self._engine.generation,
            field.offers,
            # Another draw than the logged one: the same would tie what is judged to what was drawn.
            decision.seed ^ 1,
            lesson.decided_nanos,
            lesson.input_tokens,
            weights.cost,
            weights.latency,
            None,
            lesson.features.values,
            None,
            self._max_cost,
            None,
            self._latency_slo,
            lesson.tenant,
        )
        if decision.favoured is None or decision.favoured not in field.places:
            return query
        at = field.places.index(decision.favoured)
        return query._replace(favoured=field.offers[at], favour=self._favour(field.offerings[at], weights, lesson))

    def _favour(self, offering: Offering, weights: Weights, lesson: Lesson) -> float:
        return value_of_staying(
            self._policy.terms.affinity_weight,
            cost_weight=weights.cost,
            cost_scale_nano_usd=self._policy.cost_scale_nano_usd,
            prices=offering.prices,
            input_tokens=lesson.input_tokens,
        )

    def _weights(self, decision: Decision) -> Weights:
        """The request's own weights; those that were the logging policy's are this policy's instead."""
        revisions = decision.lesson.revisions
        version = revisions.policy, revisions.policy_version
        if version not in self._theirs:
            self._theirs[version] = self._weights_of(*version)
        theirs = self._theirs[version]
        if theirs is None:
            return self._own
        asked = asked_weights(decision)
        if asked == Weights(0.0, 0.0) != theirs:
            return asked
        return Weights(
            self._own.cost if _is_same(asked.cost, theirs.cost) else asked.cost,
            self._own.latency if _is_same(asked.latency, theirs.latency) else asked.latency,
        )

    def _field(
        self,
        candidates: tuple[Candidate, ...],
        set_aside: tuple[RefusalCause | None, ...],
        closed: frozenset[str],
    ) -> _Field:
        key = (tuple(candidate.target for candidate in candidates), set_aside, closed)
        field = self._fields.get(key)
        if field is None:
            if len(self._fields) >= _MOST_FIELDS:
                self._fields.clear()
            field = self._fields[key] = self._new_field(candidates, set_aside, closed)
        return field

    def _new_field(
        self,
        candidates: tuple[Candidate, ...],
        set_aside: tuple[RefusalCause | None, ...],
        closed: frozenset[str],
    ) -> _Field:
        aside = set_aside or (None,) * len(candidates)
        found = [
            (offering.offer, place, offering)
            for place, (candidate, cause) in enumerate(zip(candidates, aside, strict=True))
            if cause is None and (offering := self._offering_of.get(candidate.target)) is not None
        ]
        # Newcomers that are closed are left out unless nobody else is left, as when a request is routed.
        found = sorted([one for one in found if one[2].target.model not in closed] or found)
        offers, places, offerings = zip(*found, strict=True) if found else ((), (), ())
        return _Field(offers, places, offerings)


def _is_same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
