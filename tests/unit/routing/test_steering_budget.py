"""A tenant's budget inside a decision: it bounds the cost, it is named, and a refusal leaves nothing behind."""

from __future__ import annotations

import pytest

from atp_grpc.domain.decision import RefusalCause
from atp_grpc.domain.errors import AtpError, BudgetExhaustedError, NoEligibleModelError
from atp_grpc.domain.request import Constraints
from atp_grpc.routing.scribe.reference import ReferenceRouted
from tests.unit.routing.desk import CALL, Desk, text, three_models
from tests.unit.routing.examples import NOW
from tests.unit.routing.steered import ONLY_CHEAP, causes, costs, desk_of, give, meet, traces


async def test_who_costs_more_than_is_left_is_not_chosen_and_a_plan_names_the_budget() -> None:
    desk, dear = desk_of(cost_weight=0.0), costs()["good"]
    await give(desk, dear - 1)
    assert causes(desk.router.plan(text(), CALL)) == {"good": RefusalCause.BUDGET}
    routed = desk.router.route(text(), CALL)
    assert routed.model == "fast"
    assert desk.budgets.headroom("acme", NOW) == dear - 1 - routed.expected_cost_nano_usd


async def test_what_is_exactly_left_may_be_spent() -> None:
    desk, dear = desk_of(cost_weight=0.0), costs()["good"]
    await give(desk, dear)
    assert desk.router.route(text(), CALL).model == "good"
    assert desk.budgets.headroom("acme", NOW) == 0


async def test_a_budget_with_too_little_for_anybody_refuses_and_nothing_is_left_behind() -> None:
    desk, cheapest = desk_of(cost_ceiling_nano_usd=10_000), min(costs().values())
    await give(desk, cheapest - 1)
    plan = desk.router.plan(text(session_id="s"), CALL)
    assert plan.candidates == ()
    assert causes(plan) == dict.fromkeys(costs(), RefusalCause.BUDGET)
    before = traces(desk)
    with pytest.raises(BudgetExhaustedError) as refusal:
        desk.router.route(text(session_id="s"), CALL)
    assert refusal.value.metadata["needed_nano_usd"] == str(cheapest)
    assert refusal.value.metadata["left_nano_usd"] == str(cheapest - 1)
    assert traces(desk) == before


async def test_a_tighter_limit_of_the_request_is_named_in_place_of_the_budget() -> None:
    desk, cheapest = desk_of(), min(costs().values())
    await give(desk, 10**9)
    poor = text(constraints=Constraints(max_cost_nano_usd=cheapest - 1))
    assert set(causes(desk.router.plan(poor, CALL)).values()) == {RefusalCause.MAX_COST}
    with pytest.raises(NoEligibleModelError):
        desk.router.route(poor, CALL)


async def test_what_no_longer_fits_refuses_its_own_item_of_a_batch_and_leaves_nothing_behind() -> None:
    desk, alone = (desk_of(cost_ceiling_nano_usd=10_000) for _ in range(2))
    cost = costs()["cheap"]
    for each in (desk, alone):
        await give(each, 2 * cost - 1)
    first, second, third = (text(session_id=name, constraints=ONLY_CHEAP) for name in "abc")
    served, refused, unlucky = desk.router.route_many([first, second, third], CALL)
    alone.router.route(first, CALL)
    assert isinstance(served, ReferenceRouted)
    for refusal in (refused, unlucky):
        assert isinstance(refusal, BudgetExhaustedError)
        assert refusal.metadata["left_nano_usd"] == str(cost - 1)
    assert [record.decision_id for record in desk.recorded] == [served.decision_id]
    assert traces(desk) == traces(alone)
    assert desk.sessions.favour("acme", "a", NOW) == "cheap"


async def test_a_batch_never_spends_more_than_is_left() -> None:
    for calls in range(1, 6):
        desk = Desk(three_models(), first_seed=calls)
        await give(desk, 2 * costs()["good"])
        answers = desk.router.route_many([text()] * 2**calls, CALL)
        spent = sum(one.expected_cost_nano_usd for one in answers if not isinstance(one, AtpError))
        assert desk.budgets.headroom("acme", NOW) == 2 * costs()["good"] - spent >= 0


async def test_a_plan_takes_nothing_in() -> None:
    desk = desk_of(cost_ceiling_nano_usd=10_000, quality_floor=0.5)
    meet(desk, "good")
    await give(desk, 10**9)
    desk.steering.stance(text(), "acme", NOW)
    before = traces(desk)
    desk.router.plan(text(session_id="s"), CALL)
    assert traces(desk) == before
