"""What stands beside a request when it is decided: prices, what is left of a budget, closed newcomers, a conversation.

One for each version of a routing policy. The router asks it for a `Stance` before a decision and tells it afterwards
what was chosen; learning tells it what came of that. It never picks a model and never refuses a request: whatever it
says acts on weights, limits and candidates before the draw, so that the logged propensity stays exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from atp_grpc.domain.decision import NO_DUAL_PRICES, DualPrices, Lesson
from atp_grpc.domain.errors import BudgetExhaustedError
from atp_grpc.domain.policy import RoutingPolicy
from atp_grpc.domain.request import Routable
from atp_grpc.engine.contract import Choice
from atp_grpc.routing.newcomers import Newcomers
from atp_grpc.routing.sessions import Sessions
from atp_grpc.tenancy.pacing import Pacers, Targets

_NOBODY: Final[frozenset[str]] = frozenset()


class Purse(Protocol):
    """What is left of a tenant's budget."""

    def headroom(self, tenant: str, now_nanos: int) -> int | None:
        """What may be set aside now, in nano-US-dollars; None without a budget."""
        ...

    def hold(self, tenant: str, amount_nano_usd: int, decided_nanos: int) -> None:
        """Sets money aside for a decision.

        Raises:
            BudgetExhaustedError: it is more than `headroom` says now; nothing is set aside.
        """
        ...

    def refusal(self, tenant: str, needed_nano_usd: int, now_nanos: int) -> BudgetExhaustedError:
        """The refusal of a call that needs more than is left."""
        ...


class Stance(NamedTuple):
    """What holds for one request beside its own words and the policy's."""

    prices: DualPrices = NO_DUAL_PRICES
    headroom_nano_usd: int | None = None
    """What the call may cost at most, because no more is left of the tenant's budget. None: no bound."""
    closed: frozenset[str] = _NOBODY
    """Models that may not be explored further; left out unless nobody else is left."""
    staying: str | None = None
    """The model that the conversation is with."""


NO_STANCE: Final = Stance()


@dataclass(frozen=True, slots=True)
class Steering:
    """Keeps what must not be decided by a single request, for one policy."""

    policy: RoutingPolicy
    targets: Targets | None
    """What the policy promises on average; None when it promises nothing."""
    pacers: Pacers
    newcomers: Newcomers
    sessions: Sessions
    purse: Purse

    def stance(self, request: Routable, tenant: str, now_nanos: int) -> Stance:
        """What holds for a tenant's request at a moment (Unix nanoseconds)."""
        headroom = self.purse.headroom(tenant, now_nanos)
        session, targets = request.session_id, self.targets
        closed = self.newcomers.closed(tenant, now_nanos)
        if targets is None and headroom is None and not closed and not session:
            return NO_STANCE
        return Stance(
            NO_DUAL_PRICES if targets is None else self.pacers.at(tenant, self.policy.name).prices(targets),
            headroom,
            closed,
            self.sessions.favour(tenant, session, now_nanos) if session else None,
        )

    def decided(self, stance: Stance, request: Routable, tenant: str, chosen: Chosen, now_nanos: int) -> None:
        """Takes in a decision at what it is expected to cost and to be worth.

        Raises:
            BudgetExhaustedError: requests of the same batch have left too little of the budget; nothing is taken in.
        """
        cost = chosen.cost_nano_usd
        if stance.headroom_nano_usd is not None:
            self.purse.hold(tenant, cost, now_nanos)
        self.newcomers.chosen(tenant, chosen.model, cost, now_nanos)
        if session := request.session_id:
            self.sessions.served(tenant, session, chosen.model, now_nanos)
        if self.targets is not None:
            drawn, best = _qualities(chosen.choice)
            pacer = self.pacers.at(tenant, self.policy.name)
            pacer.decided(self.targets, cost_nano_usd=cost, quality=drawn, best_quality=best)

    def billed(self, lesson: Lesson, bill_nano_usd: int) -> None:
        """Takes in what a decision of this policy cost after all."""
        expected = lesson.hold_nano_usd
        self.newcomers.settled(
            lesson.tenant,
            lesson.model,
            expected_nano_usd=expected,
            actual_nano_usd=bill_nano_usd,
            decided_nanos=lesson.decided_nanos,
        )
        if self.targets is not None:
            pacer = self.pacers.at(lesson.tenant, self.policy.name)
            pacer.settled(self.targets, expected_nano_usd=expected, actual_nano_usd=bill_nano_usd)

    def graded(self, tenant: str, *, expected: float, actual: float) -> None:
        """Takes in what an answer to a decision of this policy was worth, and what it had been predicted to be."""
        if self.targets is not None:
            self.pacers.at(tenant, self.policy.name).graded(self.targets, expected=expected, actual=actual)


class Chosen(NamedTuple):
    """Who was chosen, at what expected cost, and the choice."""

    model: str
    cost_nano_usd: int
    choice: Choice


def targets_of(policy: RoutingPolicy) -> Targets | None:
    """What a policy promises each tenant on average; None when it promises nothing."""
    objective = policy.terms.objective
    promises = (objective.cost_ceiling_nano_usd, objective.quality_floor, objective.quality_floor_of_best)
    if all(promise is None for promise in promises):
        return None
    return Targets(*promises, cost_scale_nano_usd=policy.cost_scale_nano_usd)


def _qualities(choice: Choice) -> tuple[float, float]:
    """The prediction for the chosen candidate, and the highest among those whom no limit set aside."""
    quality, excluded = choice.quality, choice.exclusions
    # Not by propensity: without exploration it is zero for everybody but the chosen, whom the floor may find wanting.
    return quality[choice.chosen or 0], max(one for position, one in enumerate(quality) if position not in excluded)
