"""How the outcomes of each tenant differ from what was predicted for everybody: additive, decayed sums, boundedly many.

Entered by the statistics, which teach and re-base it, and by the engine, which reads an offset for each candidate. It
never learns anything of an arm as such, and nothing of one tenant ever reaches another.

Shrinking a tenant's mean towards that of the others is the rule of Efron and Morris, "Stein's estimation rule and its
competitors", JASA 1973, with one number per arm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from atp_grpc.engine.contract import EngineParameters
    from atp_grpc.engine.reference.factor import Vector


@dataclass(slots=True)
class Differences:
    """Weighted sums of one tenant on one arm: of 1, of quality minus the mean, of quality minus the linear model."""

    weight: float = 0.0
    from_mean: float = 0.0
    from_linear: float = 0.0

    def learn(self, weight: float, quality: float, mean: float, linear: float) -> None:
        """Adds one graded answer and what had been predicted of it."""
        self.weight += weight
        self.from_mean += weight * (quality - mean)
        self.from_linear += weight * (quality - linear)

    def rescale(self, factor: float) -> None:
        """Multiplies every sum, which moves them to another epoch."""
        self.weight *= factor
        self.from_mean *= factor
        self.from_linear *= factor

    def offset(self, graded: float, scale: float, pseudo_count: float, limit: float, *, context_on: bool) -> float:
        """The difference to expect, with sums read at `scale`, shrunk towards the others' and held within `limit`.

        `graded` is the weight of the arm's graded answers, this tenant's among them. Nought until the others, and the
        arm's prior among them, have said more than the pseudo-observations: a lone tenant is everybody.
        """
        # Differences first: they are exactly nought where nobody else taught, whatever the scale.
        others = scale * (graded - self.weight) + 1.0
        if others <= pseudo_count:
            return 0.0
        total = self.from_linear if context_on else self.from_mean
        offset = (1.0 - pseudo_count / others) * (scale * total / (scale * self.weight + pseudo_count))
        return min(limit, max(-limit, offset))


@dataclass(slots=True)
class Tenant:
    """What is known of one tenant; `touched` is how many outcomes the engine had learned when it was last taught."""

    touched: int = 0
    arms: dict[str, Differences] = field(default_factory=dict)


class TenantTable:
    """At most `limit` tenants, in the order in which they were last taught: the first is the next to be forgotten."""

    def __init__(self, limit: int, tenants: Iterable[tuple[str, Tenant]] = ()) -> None:
        """Keeps those of `tenants` that were taught last; of two taught at the same count, the later name."""
        ordered = sorted(tenants, key=lambda entry: (entry[1].touched, entry[0]))
        self._limit = limit
        self._tenants = dict(ordered[max(0, len(ordered) - limit) :])

    def items(self) -> Iterable[tuple[str, Tenant]]:
        """Every tenant kept, with its name."""
        return self._tenants.items()

    def touch(self, name: str, learned: int, arm: str) -> Differences | None:
        """The sums to teach of a tenant and arm, begun when they are new; None when no tenant is kept at all.

        `learned` counts the outcomes learned, this one included. A new tenant takes the place of the one that was
        taught from longest ago when there is no other.
        """
        if self._limit == 0:
            return None
        tenant = self._tenants.pop(name, None)
        if tenant is None:
            tenant = Tenant()
            if len(self._tenants) == self._limit:
                del self._tenants[next(iter(self._tenants))]
        tenant.touched = learned
        self._tenants[name] = tenant
        return tenant.arms.setdefault(arm, Differences())

    def offsets(
        self,
        name: str | None,
        graded: Mapping[str, float],
        scale: float,
        parameters: EngineParameters,
        *,
        context_on: bool,
    ) -> Vector:
        """A tenant's offset for each of some arms; nought for nobody, and where nothing is known.

        `graded` names the arms, each with the weight of its graded answers, whoever asked.
        """
        offsets = np.zeros(len(graded))
        tenant = None if name is None else self._tenants.get(name)
        if tenant is not None:
            count, limit = parameters.tenant_pseudo_count, parameters.tenant_offset_limit
            for position, (arm, weight) in enumerate(graded.items()):
                if (known := tenant.arms.get(arm)) is not None:
                    offsets[position] = known.offset(weight, scale, count, limit, context_on=context_on)
        return offsets

    def discount(self, arm: str, keep: float) -> None:
        """Multiplies the sums of every tenant on one arm."""
        for tenant in self._tenants.values():
            if (differences := tenant.arms.get(arm)) is not None:
                differences.rescale(keep)

    def rescale(self, factor: float) -> None:
        """Multiplies every sum, which moves them to another epoch."""
        for tenant in self._tenants.values():
            for differences in tenant.arms.values():
                differences.rescale(factor)
