"""A desk whose choices can be read off what steers them, and what a decision there leaves behind."""

from __future__ import annotations

import dataclasses

from atp_grpc.domain.budget import Budget, BudgetPeriod
from atp_grpc.domain.decision import RefusalCause
from atp_grpc.domain.policy import PolicyObjective, RoutingPolicy
from atp_grpc.domain.request import Constraints
from atp_grpc.engine.contract import Learner
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.routing.router import Plan
from tests.unit.routing.desk import CALL, PARAMETERS, POLICY, TERMS, Desk, text, three_models
from tests.unit.routing.examples import NOW

ONLY_CHEAP = Constraints(allowed_models=frozenset({"cheap"}))
ONLY_GOOD = Constraints(allowed_models=frozenset({"good"}))


def policy_of(affinity_weight: float = 0.0, **objective: float) -> RoutingPolicy:
    terms = dataclasses.replace(TERMS, objective=PolicyObjective(**objective), affinity_weight=affinity_weight)  # type: ignore[arg-type]
    return dataclasses.replace(POLICY, terms=terms)


def desk_of(affinity_weight: float = 0.0, *, first_seed: int = 0, **objective: float) -> Desk:
    """A desk whose engine always picks the highest utility, so that what moved it can be read off the choice."""
    engine = ReferenceEngine(dataclasses.replace(PARAMETERS, learner=Learner.GREEDY, epsilon=0.0))
    return Desk(three_models(), engine=engine, policy=policy_of(affinity_weight, **objective), first_seed=first_seed)


async def give(desk: Desk, limit_nano_usd: int) -> None:
    """Gives the tenant a budget, all of it at hand."""
    await desk.budgets.restore(NOW)
    assert await desk.budgets.replace("acme", None, Budget("acme", limit_nano_usd, BudgetPeriod.TOTAL, NOW))
    await desk.budgets.prepare("acme", limit_nano_usd, NOW)
    assert desk.budgets.headroom("acme", NOW) == limit_nano_usd


def meet(desk: Desk, newcomer: str) -> None:
    """Makes a model a newcomer among models that are known."""
    known = {"cheap": 100, "fast": 100, "good": 100}
    del known[newcomer]
    desk.newcomers.load(known, known)
    desk.newcomers.load([*known, newcomer], known)
    assert desk.newcomers.newcomers == {newcomer}


def costs() -> dict[str, int]:
    plan = Desk(three_models()).router.plan(text(), CALL)
    return {candidate.target.model: candidate.expected.cost_nano_usd for candidate in plan.candidates}


def causes(plan: Plan) -> dict[str, RefusalCause]:
    return {refusal.target.model: refusal.cause for refusal in plan.refusals}


def traces(desk: Desk) -> tuple[object, ...]:
    """Everything that a decision leaves behind."""
    return (
        len(desk.recorded),
        len(desk.ledger),
        dict(desk.router.decided_by),
        desk.pacers.state(),
        len(desk.sessions),
        desk.budgets.headroom("acme", NOW),
    )
