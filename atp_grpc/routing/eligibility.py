"""Which models may serve a request, and why the others may not.

Every filter here is hard and needs no prediction; limits on predicted cost, quality and latency are the engine's,
because only it has the predictions. Fallbacks pass the same filters, since they are candidates too. It never ranks.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from atp_grpc.catalog.snapshot import Offering, Snapshot
from atp_grpc.domain.decision import Closure, Refusal, RefusalCause, Target
from atp_grpc.domain.errors import UnknownModelError
from atp_grpc.domain.model import Deployment, Model, ServingStatus
from atp_grpc.domain.request import NO_CONSTRAINTS, Constraints

_STATUS_CAUSES = {
    ServingStatus.DRAINING: RefusalCause.DRAINING,
    ServingStatus.SHADOW: RefusalCause.SHADOW,
    ServingStatus.DEPRECATED: RefusalCause.DEPRECATED,
}
_REMEMBERED_CONSTRAINTS = 1024
_REMEMBERED_OFFERINGS = 4096
_REMEMBERED_NAMES = 64
"""Constraints that name more than this are sifted anew each time, so that memory stays bounded."""


@dataclass(frozen=True, slots=True)
class Sifted:
    """Offerings in canonical order (one a model, its cheapest), and a refusal for every other model."""

    offerings: tuple[Offering, ...]
    refusals: tuple[Refusal, ...]
    least_context_tokens: int
    """Context of the smallest eligible model: a request within it need not be measured against each."""
    offers: tuple[int, ...]
    """The offerings as the engine knows them."""

    def without(self, closed: frozenset[str]) -> Sifted:
        """The same without models that may not be explored further; as it is when nobody else would be left."""
        rest = self._without([Refusal(one.target, RefusalCause.EXPLORATION_CAP) for one in self._of(closed)])
        return rest if rest.offerings else self

    def without_closed(self, closed: Mapping[str, Closure]) -> Sifted:
        """The same without models that cannot be called for a while, whoever is left."""
        return self._without([Refusal(one.target, *closed[one.deployment.model]) for one in self._of(closed)])

    def _of(self, models: Container[str]) -> list[Offering]:
        return [offering for offering in self.offerings if offering.deployment.model in models]

    def _without(self, refused: list[Refusal]) -> Sifted:
        if not refused:
            return self
        models = {refusal.target.model for refusal in refused}
        kept = [offering for offering in self.offerings if offering.deployment.model not in models]
        return _sifted(kept, (*self.refusals, *refused), self.least_context_tokens)

    def position_of(self, model: str) -> int | None:
        """Where a model stands among the offerings; None where it does not."""
        return next((place for place, one in enumerate(self.offerings) if one.deployment.model == model), None)


class Eligibility:
    """Sifts the models of one snapshot; remembers the answers, because requests repeat their constraints."""

    def __init__(
        self, snapshot: Snapshot, filters: Constraints = NO_CONSTRAINTS, *, needs_endpoint: bool = False
    ) -> None:
        """Takes the snapshot, and what holds for every request on it.

        Args:
            snapshot: whose models are sifted.
            filters: a routing policy's own: they hold beside the constraints of every request.
            needs_endpoint: whether only deployments that can be called from here count.
        """
        self._snapshot = snapshot
        self._filters = filters
        self._needs_endpoint = needs_endpoint
        self._deployments: dict[str, list[Deployment]] = {}
        for deployment in snapshot.deployments.values():
            self._deployments.setdefault(deployment.model, []).append(deployment)
        self._bought: dict[tuple[str, str, str], tuple[Offering, ...] | RefusalCause] = {}
        self._remembered: dict[tuple[object, ...], Sifted] = {}
        # By identity as well: requests read from equal bytes share one object, and hashing eight fields takes longer.
        self._recognised: dict[int, tuple[Constraints, Sifted]] = {}

    def sift(self, constraints: Constraints, *, needed_tokens: int) -> Sifted:
        """Applies every hard filter.

        Args:
            constraints: the request's own.
            needed_tokens: input and requested output tokens, which must fit a model's context.

        Raises:
            UnknownModelError: an allowed model is not in the catalogue.
        """
        known = self._recognised.get(id(constraints))
        sifted = known[1] if known is not None and known[0] is constraints else self._remember(constraints)
        if needed_tokens <= sifted.least_context_tokens:
            return sifted
        return self._within_context(sifted, needed_tokens)

    def offerings(self, constraints: Constraints, model: str) -> tuple[Offering, ...]:
        """Every offering of a model that passes the filters which `sift` applies; none where the model is refused.

        The context is not measured: whoever asks has a decision, whose candidates were.
        """
        known = self._snapshot.models.get(model)
        if known is None or self._refusal_of(known, constraints) is not None:
            return ()
        found = self._offerings(model, constraints)
        return () if isinstance(found, RefusalCause) else found

    def _remember(self, constraints: Constraints) -> Sifted:
        capabilities, allowed = constraints.required_capabilities, constraints.allowed_models
        denied = constraints.denied_models
        if len(capabilities) + len(allowed) + len(denied) > _REMEMBERED_NAMES:
            return self._sift(constraints)
        key = (capabilities, allowed, denied, constraints.region, constraints.data_scope)
        sifted = self._remembered.get(key)
        if sifted is None:
            sifted = self._sift(constraints)
            if len(self._remembered) >= _REMEMBERED_CONSTRAINTS:
                self._remembered.clear()
            self._remembered[key] = sifted
        if len(self._recognised) >= _REMEMBERED_CONSTRAINTS:
            self._recognised.clear()
        self._recognised[id(constraints)] = (constraints, sifted)
        return sifted

    def _sift(self, constraints: Constraints) -> Sifted:
        models = self._snapshot.models
        for name in sorted(constraints.allowed_models):
            if name not in models:
                raise UnknownModelError("constraints.allowed_models", name)
        offerings, refusals = [], []
        for model in models.values():
            verdict = self._judge(model, constraints)
            if isinstance(verdict, Offering):
                offerings.append(verdict)
            else:
                refusals.append(verdict)
        least = min((models[o.deployment.model].context_tokens for o in offerings), default=0)
        return _sifted(offerings, refusals, least)

    def _judge(self, model: Model, constraints: Constraints) -> Offering | Refusal:
        found = self._refusal_of(model, constraints) or self._offerings(model.name, constraints)
        return _refuse(model, found) if isinstance(found, RefusalCause) else _cheapest(found)

    def _refusal_of(self, model: Model, constraints: Constraints) -> RefusalCause | None:
        return _refusal_of_model(model, constraints) or _refusal_of_model(model, self._filters)

    def _offerings(self, model: str, constraints: Constraints) -> tuple[Offering, ...] | RefusalCause:
        """What can be bought of a model, not empty; or why nothing can."""
        key = (model, constraints.region, constraints.data_scope)
        found = self._bought.get(key)
        if found is None:
            found = self._find_offerings(model, constraints)
            if len(self._bought) >= _REMEMBERED_OFFERINGS:
                self._bought.clear()
            self._bought[key] = found
        return found

    def _find_offerings(self, model: str, constraints: Constraints) -> tuple[Offering, ...] | RefusalCause:
        fit = self._deployments.get(model, [])
        if not fit:
            return RefusalCause.NO_DEPLOYMENT
        if self._needs_endpoint:
            fit = [d for d in fit if d.endpoint is not None]
            if not fit:
                return RefusalCause.NO_ENDPOINT
        fit = [d for d in fit if {constraints.region, self._filters.region} - {""} <= d.regions]
        if not fit:
            return RefusalCause.REGION
        fit = [d for d in fit if {constraints.data_scope, self._filters.data_scope} - {""} <= d.data_scopes]
        if not fit:
            return RefusalCause.DATA_SCOPE
        statuses = {d.status for d in fit}
        if ServingStatus.ACTIVE not in statuses:
            # Draining wins, because it is the one cause that waiting can cure.
            draining = ServingStatus.DRAINING in statuses
            return RefusalCause.DRAINING if draining else _STATUS_CAUSES[min(statuses)]
        names = {d.name for d in fit if d.status is ServingStatus.ACTIVE}
        priced = tuple([o for o in self._snapshot.offerings.get(model, ()) if o.deployment.name in names])
        return priced or RefusalCause.NO_PRICE

    def _within_context(self, sifted: Sifted, needed_tokens: int) -> Sifted:
        models = self._snapshot.models
        kept, refusals = [], list(sifted.refusals)
        for offering in sifted.offerings:
            deployment = offering.deployment
            if models[deployment.model].context_tokens >= needed_tokens:
                kept.append(offering)
            else:
                refusals.append(Refusal(offering.target, RefusalCause.CONTEXT_LENGTH))
        return _sifted(kept, refusals, sifted.least_context_tokens)


def _sifted(offerings: Sequence[Offering], refusals: Sequence[Refusal], least_context_tokens: int) -> Sifted:
    offers = tuple([offering.offer for offering in offerings])
    return Sifted(tuple(offerings), tuple(refusals), least_context_tokens, offers)


def _refusal_of_model(model: Model, constraints: Constraints) -> RefusalCause | None:
    if model.name in constraints.denied_models:
        return RefusalCause.DENIED
    if constraints.allowed_models and model.name not in constraints.allowed_models:
        return RefusalCause.NOT_ALLOWED
    if not constraints.required_capabilities <= model.capabilities:
        return RefusalCause.CAPABILITY
    # Last, so that "draining" is said only of a model that waiting could bring back.
    return _STATUS_CAUSES.get(model.status)


def _refuse(model: Model, cause: RefusalCause) -> Refusal:
    return Refusal(Target(model.name, "", ""), cause)


def _cheapest(offerings: Iterable[Offering]) -> Offering:
    """The lowest sum of input and output price; a tie goes to the name, so that every replica picks the same."""
    return min(offerings, key=lambda o: (o.prices.input + o.prices.output, o.deployment.name))
