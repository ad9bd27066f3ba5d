"""Explanations of real decisions: parts add up, and each change that is named makes a candidate the best."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.domain.decision import (
    Candidate,
    ReasonCode,
    Refusal,
    RefusalCause,
    Target,
)
from atp_grpc.domain.request import Constraints, RouteRequest, Weights
from atp_grpc.routing.explaining import Explanation, Weighed, explain
from atp_grpc.routing.telling import summary
from atp_grpc.store.decision_codec import decode_decision
from tests.unit.routing.desk import CALL, Desk, three_models
from tests.unit.routing.recorded import made, utility

PRESSURE = st.just(0.0) | st.floats(0, 1000)


def of(told: Explanation, model: str) -> Weighed:
    return next(one for one in told.weighed if one.candidate.target.model == model)


def test_each_part_stands_for_what_it_is_called() -> None:
    told = explain(made((0.8, 400_000, 1.0, 0.25), (0.5, 100_000, 3.0, 0.0), prices=(0.25, 3.0), favoured=1))

    assert told.weights == Weights(0.5, 0.25)
    parts = of(told, "m0").parts
    assert parts is not None
    assert parts == pytest.approx((0.8, -0.2, -0.2, -0.1, (0.2 + 0.125) * 0.75, -0.125, 0.0))
    other = of(told, "m1").parts
    assert other is not None
    assert other.affinity == 0.125


rows = st.tuples(st.floats(0.01, 0.99), st.integers(0, 10**7), st.floats(0.01, 10), st.floats(0, 0.9))


@settings(max_examples=120)
@given(
    st.lists(rows, min_size=2, max_size=5),
    st.tuples(st.floats(0, 10), st.floats(0, 10)),
    st.tuples(PRESSURE, PRESSURE),
)
def test_a_candidate_with_a_named_change_is_the_best_and_is_not_a_little_before(
    candidates: list[tuple[float, int, float, float]], weights: tuple[float, float], prices: tuple[float, float]
) -> None:
    decision = made(*candidates, weights=weights, prices=prices)
    told = explain(decision)
    magnitude = max(1.0, *(abs(one.utility) for one in decision.candidates))

    def lead(changed: Candidate, original: Candidate) -> float:
        others = [one.utility for one in decision.candidates if one is not original]
        place = decision.candidates.index(original)
        swapped = dataclasses.replace(
            decision, candidates=(*decision.candidates[:place], changed, *decision.candidates[place + 1 :])
        )
        return (utility(swapped, changed) - max(others)) / magnitude

    for one in told.weighed:
        if one.candidate is told.best:
            assert one.changes is None
            continue
        changes, candidate, expected = one.changes, one.candidate, one.candidate.expected
        assert changes is not None
        if changes.cost_nano_usd is not None:
            assert 0 <= changes.cost_nano_usd <= expected.cost_nano_usd
            fits = candidate._replace(expected=expected._replace(cost_nano_usd=changes.cost_nano_usd))
            assert lead(fits, candidate) >= -1e-9
            if one.gap > 0:
                short = fits._replace(expected=fits.expected._replace(cost_nano_usd=changes.cost_nano_usd + 2))
                assert lead(short, candidate) <= 1e-9
        else:
            free = candidate._replace(expected=expected._replace(cost_nano_usd=0))
            assert lead(free, candidate) <= 1e-9
        if changes.quality is not None:
            assert expected.quality <= changes.quality <= 1
            fits = candidate._replace(expected=expected._replace(quality=changes.quality))
            assert math.isclose(lead(fits, candidate), 0, abs_tol=1e-9)
        if changes.latency_seconds is not None:
            assert 0 <= changes.latency_seconds <= expected.latency_seconds
            fits = candidate._replace(expected=expected._replace(latency_seconds=changes.latency_seconds))
            assert math.isclose(lead(fits, candidate), 0, abs_tol=1e-9)


@settings(max_examples=80)
@given(st.lists(rows, min_size=2, max_size=5), st.floats(0, 10), st.tuples(PRESSURE, st.floats(0, 10)))
def test_the_nearest_weight_of_cost_makes_it_the_best_and_no_nearer_one_does(
    candidates: list[tuple[float, int, float, float]], asked: float, prices: tuple[float, float]
) -> None:
    decision = made(*candidates, weights=(asked, 0.25), prices=prices)
    told = explain(decision)

    def lead(candidate: Candidate, weight: float) -> float:
        everybody = [utility(decision, one, cost_weight=weight) for one in decision.candidates]
        return (utility(decision, candidate, cost_weight=weight) - max(everybody)) / max(1.0, *map(abs, everybody))

    for one in told.weighed[1:]:
        assert one.changes is not None
        weight = one.changes.cost_weight
        nearer = [asked + (weight - asked) * share for share in (0.1, 0.5, 0.9)] if weight is not None else []
        if weight is not None:
            assert weight >= 0
            assert lead(one.candidate, weight) >= -1e-6
        for tried in nearer or [0.0, asked / 2, asked, asked * 2, 1e6]:
            assert lead(one.candidate, tried) <= 1e-6


def test_a_weight_that_no_change_reaches_is_not_named() -> None:
    told = explain(made((0.9, 100, 1.0, 0.0), (0.5, 100, 1.0, 0.0), (0.2, 200, 1.0, 0.0)))

    worse, worst = of(told, "m1").changes, of(told, "m2").changes
    assert worse is not None
    assert worst is not None
    assert worse.cost_weight is None
    assert worst.cost_weight is None
    assert worse.cost_nano_usd is None
    assert worse.latency_seconds is None
    assert worse.quality == pytest.approx(0.9)


def test_who_was_set_aside_is_told_with_the_cause_and_without_changes() -> None:
    decision = made(
        (0.5, 100, 1.0, 0.0),
        (0.9, 10**7, 1.0, 0.0),
        (0.4, 100, 1.0, 0.0),
        weights=(0.0, 0.0),
        aside=(None, RefusalCause.MAX_COST, None),
    )
    decision = dataclasses.replace(decision, refusals=(Refusal(Target("old", "", ""), RefusalCause.DEPRECATED),))

    told = explain(decision)

    assert told.best.target.model == "m0"
    aside = of(told, "m1")
    assert aside.set_aside is RefusalCause.MAX_COST
    assert aside.changes is None
    assert aside.gap == pytest.approx(-0.4)
    assert "1 was set aside after weighing: 1 for max_cost." in summary(told)
    assert "1 was refused before: 1 for deprecated." in summary(told)


def test_an_explored_decision_is_said_to_be_explored() -> None:
    told = explain(made((0.5, 0, 1.0, 0.0), (0.75, 0, 1.0, 0.0), chosen=0))

    assert told.is_explored
    assert told.given_up == pytest.approx(0.25)
    assert summary(told).startswith(
        "m0 was drawn with probability 0.5000 although m1 was expected to be better by 0.2500: the draw explored."
    )


def test_the_only_candidate_is_said_to_be_the_only_one() -> None:
    assert summary(explain(made((0.5, 0, 1.0, 0.0)))) == "m0 was the only one that could be drawn."


def test_what_an_old_record_does_not_say_is_said_to_be_missing() -> None:
    decision = dataclasses.replace(made((0.5, 5, 1.0, 0.0), (0.4, 9, 1.0, 0.0)), scales=None)

    told = explain(decision)

    assert [one.parts for one in told.weighed] == [None, None]
    assert [one.changes for one in told.weighed] == [None, None]
    assert told.best.target.model == "m0"
    assert "had not been noted yet" in summary(told)


def test_quality_alone_counts_where_nobody_reaches_the_floor() -> None:
    desk = Desk(three_models())
    request = RouteRequest(text="a", constraints=Constraints(quality_floor=1.0))

    told = explain(decode_decision(desk.router.route(request, CALL).record))

    assert told.weights == Weights(0.0, 0.0)
    for one in told.weighed:
        assert one.parts is not None
        assert one.parts.cost == pytest.approx(0.0, abs=1e-12)
        assert one.changes is None or one.changes.cost_nano_usd is None


def test_a_quality_that_was_predicted_below_nothing_has_further_to_go_than_the_record_shows() -> None:
    decision = made((0.5, 0, 1.0, 0.0), (-0.25, 0, 1.0, 0.5), weights=(0.0, 0.0))
    held = decision.candidates[1]._replace(expected=decision.candidates[1].expected._replace(quality=0.0))
    decision = dataclasses.replace(decision, candidates=(decision.candidates[0], held))

    told = of(explain(decision), "m1")

    assert told.gap == pytest.approx(0.625)
    assert told.parts is not None
    assert told.parts.quality == pytest.approx(-0.25)
    assert told.changes is not None
    assert told.changes.quality == pytest.approx(1.0)


def test_no_weight_of_cost_is_named_where_quality_alone_counted() -> None:
    decision = made((0.6, 900, 1.0, 0.0), (0.5, 100, 1.0, 0.0), weights=(0.0, 0.0))
    told = of(explain(dataclasses.replace(decision, reason_codes=(ReasonCode.QUALITY_FLOOR_UNMET,))), "m1")

    assert told.changes is not None
    assert told.changes.cost_weight is None
    assert told.changes.quality == pytest.approx(0.6)


def test_the_drawn_one_of_several_that_are_equally_good_is_the_best() -> None:
    told = explain(made((0.5, 100, 1.0, 0.0), (0.5, 100, 1.0, 0.0), chosen=1))

    assert told.best.target.model == "m1"
    assert told.weighed[0].candidate is told.best
    assert of(told, "m1").changes is None
    assert summary(told) == (
        "m1 was expected to be the best of 2 and was drawn with probability 0.5000. m0 was expected to be as good."
    )


def test_without_exploration_the_others_are_rivals_all_the_same() -> None:
    decision = made(
        (0.9, 100, 1.0, 0.0), (0.5, 100, 1.0, 0.0), (0.7, 1, 1.0, 0.0), aside=(None, None, RefusalCause.MAX_COST)
    )
    shares = zip(decision.candidates, (1.0, 0.0, 0.0), strict=True)
    decision = dataclasses.replace(decision, candidates=tuple(one._replace(propensity=share) for one, share in shares))

    told = explain(decision)

    assert [one.is_rival for one in told.weighed] == [True, False, True]
    other = of(told, "m1").changes
    assert other is not None
    assert other.quality == pytest.approx(0.9)
    assert summary(told).startswith("m0 was expected to be the best of 2 and was drawn with probability 1.0000.")


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from([0.25, 0.5, 0.75]), st.integers(0, 3)), min_size=2, max_size=7))
def test_whoever_is_ahead_at_some_weight_of_cost_is_told_one(figures: list[tuple[float, int]]) -> None:
    decision = made(*((quality, cost * 10**6, 1.0, 0.0) for quality, cost in figures), weights=(1.0, 0.0))
    told = explain(decision)

    for one in told.weighed[1:]:
        rivals = [rival for rival in decision.candidates if rival is not one.candidate]
        leads = [
            utility(decision, one.candidate, cost_weight=weight / 8)
            - max(utility(decision, rival, cost_weight=weight / 8) for rival in rivals)
            for weight in range(9)
        ]
        assert one.changes is not None
        assert max(leads) <= 1e-9 or one.changes.cost_weight is not None
