"""What stands beside a request: prices, closed newcomers, a conversation; and what decisions, bills and grades move."""

from __future__ import annotations

import pytest

from atp_grpc.domain.decision import DualPrices, ReasonCode, RefusalCause
from atp_grpc.domain.policy import Exploration
from atp_grpc.domain.request import Constraints, NamedObjective, Weights
from atp_grpc.routing.newcomers import ALLOWANCE, DAY_NANOS
from atp_grpc.routing.sessions import HOUR_NANOS
from atp_grpc.routing.steering import NO_STANCE, Stance, targets_of
from atp_grpc.tenancy.pacing import Pacer, Targets, effective
from tests.unit.learning.examples import lesson
from tests.unit.routing.desk import CALL, POLICY, Desk, text, three_models, written
from tests.unit.routing.examples import NOW
from tests.unit.routing.steered import ONLY_CHEAP, ONLY_GOOD, causes, costs, desk_of, give, meet, policy_of

LATER = NOW + 2 * DAY_NANOS


def test_a_policy_that_promises_nothing_is_silent() -> None:
    desk = Desk(three_models())
    # What is known from a time with promises says nothing either.
    desk.pacers.at("acme", "default").cost = 0.5
    assert targets_of(POLICY) is None
    assert desk.steering.stance(text(), "acme", NOW) is NO_STANCE
    assert Stance(DualPrices(), None, frozenset(), None) == NO_STANCE


@pytest.mark.parametrize(
    ("objective", "targets"),
    [
        ({"cost_ceiling_nano_usd": 2_000}, Targets(cost_ceiling_nano_usd=2_000, cost_scale_nano_usd=1e6)),
        ({"quality_floor": 0.8}, Targets(quality_floor=0.8, cost_scale_nano_usd=1e6)),
        ({"quality_floor": 0.0}, Targets(quality_floor=0.0, cost_scale_nano_usd=1e6)),
        ({"quality_floor_of_best": 0.9}, Targets(quality_floor_of_best=0.9, cost_scale_nano_usd=1e6)),
    ],
)
def test_what_a_policy_promises_are_its_targets(objective: dict[str, float], targets: Targets) -> None:
    assert targets_of(policy_of(**objective)) == targets


def test_the_prices_of_a_stance_are_the_tenants_own_under_this_policy() -> None:
    desk = desk_of(cost_ceiling_nano_usd=10_000)
    desk.pacers.at("acme", "default").cost = 0.5
    desk.pacers.at("globex", "default").cost = 0.25
    desk.pacers.at("acme", "other").cost = 0.125
    # Half a ceiling of quality, where a hundred ceilings make a scale.
    assert desk.steering.stance(text(), "acme", NOW) == Stance(DualPrices(cost=50.0))
    assert desk.steering.stance(text(), "globex", NOW) == Stance(DualPrices(cost=25.0))


async def test_the_headroom_of_a_stance_is_what_is_left_of_the_tenants_budget() -> None:
    desk = Desk(three_models())
    await give(desk, 5_000_000)
    assert desk.steering.stance(text(), "acme", NOW) == Stance(headroom_nano_usd=5_000_000)
    assert desk.steering.stance(text(), "globex", NOW) is NO_STANCE
    routed = desk.router.route(text(), CALL)
    left = 5_000_000 - routed.expected_cost_nano_usd
    assert desk.steering.stance(text(), "acme", NOW).headroom_nano_usd == left


def test_newcomers_are_closed_to_the_tenant_that_had_enough_of_them() -> None:
    desk = Desk(three_models())
    meet(desk, "good")
    desk.newcomers.limit(Exploration(max_nano_usd_per_day=1))
    assert desk.steering.stance(text(), "acme", NOW) is NO_STANCE
    desk.router.route(text(constraints=ONLY_GOOD), CALL)
    assert desk.steering.stance(text(), "acme", NOW) == Stance(closed=frozenset({"good"}))
    assert desk.steering.stance(text(), "globex", NOW) is NO_STANCE
    assert desk.steering.stance(text(), "acme", LATER) is NO_STANCE


def test_the_model_of_a_conversation_is_the_one_that_served_it_last() -> None:
    desk = Desk(three_models())
    assert desk.steering.stance(text(session_id="s"), "acme", NOW).staying is None
    for constraints, model in ((ONLY_CHEAP, "cheap"), (ONLY_GOOD, "good")):
        desk.router.route(text(session_id="s", constraints=constraints), CALL)
        assert desk.steering.stance(text(session_id="s"), "acme", NOW) == Stance(staying=model)
    assert desk.steering.stance(text(session_id="t"), "acme", NOW).staying is None
    assert desk.steering.stance(text(session_id="s"), "globex", NOW).staying is None
    assert desk.steering.stance(text(session_id="s"), "acme", NOW + HOUR_NANOS + 1).staying is None


def test_prices_are_in_the_weights_of_a_decision_and_are_told() -> None:
    desk = desk_of(cost_weight=0.1, cost_ceiling_nano_usd=10_000, quality_floor=0.5)
    pacer = desk.pacers.at("acme", "default")
    pacer.cost, pacer.lean = 0.001, 1.5
    prices = desk.steering.stance(text(), "acme", NOW).prices
    assert min(prices) > 0
    decision = written(desk.router.route(text(), CALL))
    assert decision.weights == effective(Weights(0.1, 0.0), prices)
    assert decision.dual_prices == prices
    assert {ReasonCode.COST_CEILING_PRESSED, ReasonCode.QUALITY_FLOOR_PRESSED} <= set(decision.reason_codes)


def test_a_high_price_of_the_ceiling_makes_the_choice_cheap() -> None:
    desk = desk_of(cost_weight=0.0, cost_ceiling_nano_usd=10_000)
    assert desk.router.route(text(), CALL).model == "good"
    desk.pacers.at("acme", "default").cost = 100.0
    assert desk.router.route(text(), CALL).model == "cheap"


def test_a_decision_moves_the_pacer_by_its_cost_and_by_the_best_who_was_not_set_aside() -> None:
    desk = desk_of(cost_weight=5.0, cost_ceiling_nano_usd=10_000, quality_floor_of_best=0.95)
    # The best of all is too dear, so the next best is what a share of the best means.
    limit = Constraints(max_cost_nano_usd=costs()["good"] - 1)
    decision = written(desk.router.route(text(constraints=limit), CALL))
    chosen, of_good = decision.candidates[decision.chosen], decision.candidates[2]
    assert (of_good.target.model, of_good.propensity) == ("good", 0.0)
    best = decision.candidates[1].expected.quality
    assert chosen.expected.quality < best < of_good.expected.quality
    expected, targets = Pacer(), desk.steering.targets
    assert targets is not None
    expected.decided(
        targets,
        cost_nano_usd=chosen.expected.cost_nano_usd,
        quality=chosen.expected.quality,
        best_quality=best,
    )
    assert desk.pacers.at("acme", "default") == expected


def test_a_decision_counts_to_the_tenants_share_of_newcomers_and_its_bill_to_the_day() -> None:
    desk = Desk(three_models())
    meet(desk, "good")
    cost = costs()["good"]
    desk.newcomers.limit(Exploration(max_nano_usd_per_day=2 * cost))
    desk.router.route(text(constraints=ONLY_GOOD), CALL)
    assert not desk.newcomers.closed("acme", NOW)
    decided = lesson(model="good")._replace(hold_nano_usd=cost, decided_nanos=NOW)
    desk.steering.billed(decided, 2 * cost)
    assert desk.newcomers.closed("acme", NOW) == {"good"}
    desk.steering.billed(decided._replace(hold_nano_usd=2 * cost), 0)
    assert not desk.newcomers.closed("acme", NOW)


def test_newcomers_beyond_the_share_are_left_out() -> None:
    desk = desk_of(cost_weight=0.0)
    meet(desk, "good")
    served = [desk.router.route(text(), CALL).model for _ in range(ALLOWANCE + 5)]
    assert served == ["good"] * ALLOWANCE + ["fast"] * 5


def test_a_bill_and_a_grade_correct_the_pacer() -> None:
    desk = desk_of(cost_ceiling_nano_usd=10_000, quality_floor=0.9)
    targets = desk.steering.targets
    assert targets is not None
    expected = Pacer()
    expected.settled(targets, expected_nano_usd=180_000, actual_nano_usd=200_000)
    desk.steering.billed(lesson(), 200_000)
    assert desk.pacers.at("acme", "default") == expected
    expected.graded(targets, expected=0.75, actual=0.5)
    desk.steering.graded("acme", expected=0.75, actual=0.5)
    assert desk.pacers.at("acme", "default") == expected
    assert len(desk.pacers) == 1


def test_nothing_is_kept_of_a_tenant_to_whom_nothing_is_promised() -> None:
    desk = Desk(three_models())
    desk.router.route(text(), CALL)
    desk.steering.billed(lesson(), 200_000)
    desk.steering.graded("acme", expected=0.75, actual=0.5)
    assert (len(desk.pacers), len(desk.sessions)) == (0, 0)


def test_closed_newcomers_are_left_out_and_a_plan_says_why() -> None:
    desk = desk_of(cost_weight=0.0)
    meet(desk, "good")
    desk.newcomers.limit(Exploration(is_stopped=True))
    assert causes(desk.router.plan(text(), CALL)) == {"good": RefusalCause.EXPLORATION_CAP}
    decision = written(desk.router.route(text(), CALL))
    assert [one.target.model for one in decision.candidates] == ["cheap", "fast"]
    assert sum(one.propensity for one in decision.candidates) == pytest.approx(1.0)


def test_a_closed_newcomer_serves_when_nobody_else_is_left() -> None:
    desk = desk_of()
    meet(desk, "good")
    desk.newcomers.limit(Exploration(is_stopped=True))
    assert causes(desk.router.plan(text(constraints=ONLY_GOOD), CALL)) == dict.fromkeys(
        ("cheap", "fast"), RefusalCause.NOT_ALLOWED
    )
    assert desk.router.route(text(constraints=ONLY_GOOD), CALL).model == "good"


def test_a_conversation_stays_with_its_model_and_that_is_told() -> None:
    desk = desk_of(0.5)
    desk.sessions.served("acme", "s", "cheap", NOW)
    best = text(session_id="s", objective=NamedObjective.HIGHEST_QUALITY)
    decision = written(desk.router.route(best, CALL))
    assert decision.target.model == "cheap"
    assert ReasonCode.STAYED in decision.reason_codes
    plan = desk.router.plan(best, CALL)
    assert plan.candidates[0].target.model == "cheap"
    assert ReasonCode.STAYED in plan.reason_codes


def test_a_much_better_model_wins_over_the_one_of_the_conversation_and_becomes_it() -> None:
    desk = desk_of(0.2)
    desk.sessions.served("acme", "s", "cheap", NOW)
    best = text(session_id="s", objective=NamedObjective.HIGHEST_QUALITY)
    moved, stayed = (written(desk.router.route(best, CALL)) for _ in range(2))
    assert moved.target.model == stayed.target.model == "good"
    assert ReasonCode.STAYED not in moved.reason_codes
    assert ReasonCode.STAYED in stayed.reason_codes


def test_a_conversation_whose_model_may_not_serve_goes_on_with_another() -> None:
    desk = desk_of(0.5)
    desk.sessions.served("acme", "s", "cheap", NOW)
    denied = Constraints(denied_models=frozenset({"cheap"}))
    decision = written(desk.router.route(text(session_id="s", constraints=denied), CALL))
    assert decision.target.model != "cheap"
    assert ReasonCode.STAYED not in decision.reason_codes
