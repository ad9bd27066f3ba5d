"""Whom to call first, and whom next: the models of a decision in their order, and the deployments of each.

The story asks for a permit before every attempt. Models come from the decision, deployments from the catalogue of the
moment through the filters of request and policy, and which of them from the fleet. It never waits, and never calls
anybody.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from atp_grpc.asking.cascade import cheaper_first
from atp_grpc.catalog.snapshot import Offering
from atp_grpc.domain.decision import Candidate, Drawn
from atp_grpc.domain.model import Model
from atp_grpc.domain.policy import Cascade
from atp_grpc.providers.contract import Blame, FaultKind, ProviderFault
from atp_grpc.providers.fleet import Fleet, Held, Permit
from atp_grpc.routing.fallbacks import fallbacks

RETRY_SECONDS: Final = 1.0
"""When to come again where nobody says when."""
MOST_RETRY_SECONDS: Final = 60.0
"""What we know of may pass sooner: an operator lets calls through, a key is changed."""

OfferingsOf = Callable[[str], tuple[Offering, ...]]


class Admitted(NamedTuple):
    """A permit, what is bought with it, and what was expected of the model when it was decided."""

    permit: Permit
    offering: Offering
    candidate: Candidate


class Course:
    """The way of one Ask through models and deployments."""

    __slots__ = (
        "_asked",
        "_asked_of_keys",
        "_fleet",
        "_given_up",
        "_least_context",
        "_models",
        "_offerings_of",
        "_order",
        "_tenant",
        "_too_small",
        "_trials",
        "_uncallable",
        "retry_after_seconds",
    )

    def __init__(
        self,
        decision: Drawn,
        *,
        cascade: Cascade | None,
        models: Mapping[str, Model],
        offerings_of: OfferingsOf,
        fleet: Fleet,
        most_attempts: int,
    ) -> None:
        """`models` are those of the catalogue; `most_attempts` bounds a cascade too."""
        chosen = decision.candidates[decision.chosen]
        most = 0 if cascade is None else min(cascade.most_escalations, most_attempts - 1)
        cheaper = cheaper_first(decision.candidates, decision.chosen, most) if most else []
        others = [one for one in fallbacks(decision.candidates, decision.chosen) if one not in cheaper]
        self._order: Sequence[Candidate] = (*cheaper, chosen, *others)
        self._trials = {one.target.model for one in cheaper}
        self._models = models
        self._offerings_of = offerings_of
        self._fleet = fleet
        self._tenant = decision.tenant
        self._given_up: set[str] = set()
        self._asked: dict[str, float] = {}
        """For how many seconds a deployment asked to be left alone, where it said so."""
        self._asked_of_keys: dict[str, float] = {}
        """The same of a key of the deployment: another key may open it sooner."""
        self._uncallable: set[str] = set()
        self._too_small: set[str] = set()
        """Deployments that never take so much at once."""
        self._least_context = 0
        self.retry_after_seconds = math.inf
        """When the first of those who had no place for a call may have one."""

    def admit(self) -> Admitted | None:
        """A permit for the first model that has a deployment which was not given up and takes a call now."""
        self.retry_after_seconds = math.inf
        for candidate in self._order:
            admitted = self._admit(candidate, self._open_to(candidate.target.model))
            if admitted is not None:
                return admitted
        return None

    def admit_again(self, before: Admitted) -> Admitted | None:
        """A permit for the deployment that was called last, whatever became of that."""
        model, deployment = before.candidate.target.model, before.offering.deployment.name
        again = [one for one in self._offerings_of(model) if one.deployment.name == deployment]
        return self._admit(before.candidate, again)

    def admit_to_resume(self, before: Admitted) -> Admitted | None:
        """A permit for a deployment of the same model that goes on with an answer which was cut off."""
        cannot = self._uncallable | self._too_small
        able = [
            one
            for one in self._with_context(before.candidate.target.model)
            if one.deployment.endpoint is not None and one.deployment.endpoint.can_resume
            if one.deployment.name not in cannot
        ]
        others = [one for one in able if one.deployment.name != before.offering.deployment.name]
        return self._admit(before.candidate, others) or self._admit(before.candidate, able)

    def failed(self, admitted: Admitted, fault: ProviderFault) -> None:
        """Gives up what a fault speaks against: a deployment, or models with too little context."""
        if fault.kind is FaultKind.CONTEXT_LENGTH:
            model = self._models.get(admitted.candidate.target.model)
            self._least_context = max(self._least_context, 0 if model is None else model.context_tokens + 1)
        if fault.kind is FaultKind.REQUEST_TOO_LARGE:
            self._too_small.add(admitted.offering.deployment.name)
        if fault.blame is not Blame.KEY:
            # A key that is refused rests; another one may open the same deployment.
            self._given_up.add(admitted.offering.deployment.name)
        if fault.retry_after_seconds is not None:
            asked = self._asked_of_keys if fault.blame is Blame.KEY else self._asked
            asked[admitted.offering.deployment.name] = fault.retry_after_seconds

    def give_up(self, admitted: Admitted) -> None:
        """The deployment cannot be called from here."""
        self._given_up.add(admitted.offering.deployment.name)
        self._uncallable.add(admitted.offering.deployment.name)

    def answered(self, admitted: Admitted) -> None:
        """The model has answered, and its answer does not stand."""
        model = admitted.candidate.target.model
        self._given_up.update(one.deployment.name for one in self._offerings_of(model))

    def is_trial(self, admitted: Admitted) -> bool:
        """Whether a dearer model comes after this one in a cascade."""
        return admitted.candidate.target.model in self._trials

    def soonest_seconds(self) -> float:
        """When to come again: in how many seconds the first who serves such a request may be called, given up or not.

        Nobody is told to wait for more than `MOST_RETRY_SECONDS`, unless a provider asked for it.
        """
        fleet, tenant, cannot = self._fleet, self._tenant, self._uncallable | self._too_small
        named = [one.deployment for candidate in self._order for one in self._with_context(candidate.target.model)]
        waits = []
        for deployment in [one for one in named if one.name not in cannot]:
            # Who may be called at once was called in vain.
            known = fleet.seconds_until(deployment, tenant) or RETRY_SECONDS
            most = max(MOST_RETRY_SECONDS, self._asked_of_keys.get(deployment.name, 0.0))
            waits.append(max(min(known, most), self._asked.get(deployment.name, 0.0)))
        return min(waits, default=RETRY_SECONDS)

    @property
    def has_room(self) -> bool:
        """Whether any model has the context that a prompt turned out to need, at a place that takes as much at once.

        Called before or not.
        """
        if not self._too_small:
            return any(self._has_context(one.target.model) for one in self._order)
        cannot = self._too_small | self._uncallable
        named = [one.deployment.name for each in self._order for one in self._with_context(each.target.model)]
        return not cannot.issuperset(named)

    def _with_context(self, model: str) -> Sequence[Offering]:
        return self._offerings_of(model) if self._has_context(model) else ()

    def _open_to(self, model: str) -> Sequence[Offering]:
        offerings, given_up = self._with_context(model), self._given_up
        return [one for one in offerings if one.deployment.name not in given_up] if given_up else offerings

    def _has_context(self, model: str) -> bool:
        if not self._least_context:
            return True
        known = self._models.get(model)
        return known is not None and known.context_tokens >= self._least_context

    def _admit(self, candidate: Candidate, offerings: Sequence[Offering]) -> Admitted | None:
        """A permit for a deployment of the lowest price at which one takes a call now."""
        for equals in _cheapest_first(offerings):
            permit = self._fleet.admit([one.deployment for one in equals], self._tenant)
            if isinstance(permit, Held):
                self.retry_after_seconds = min(self.retry_after_seconds, permit.retry_after_seconds)
                continue
            offering = next(one for one in equals if one.deployment.name == permit.deployment.name)
            return Admitted(permit, offering, candidate)
        return None


def _cheapest_first(offerings: Sequence[Offering]) -> Sequence[Sequence[Offering]]:
    """The deployments of a model, those of one price together: load decides among equals, never against the price."""
    if len(offerings) < 2:  # noqa: PLR2004 - one is its own order
        return (offerings,) if offerings else ()
    tiers: dict[int, list[Offering]] = {}
    for one in offerings:
        tiers.setdefault(one.prices.input + one.prices.output, []).append(one)
    return [tiers[price] for price in sorted(tiers)]
