"""Decisions for requests that are carried out from here, and models that are left alone because they fail."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.domain.decision import RefusalCause
from atp_grpc.domain.endpoint import Dialect, Endpoint
from atp_grpc.domain.errors import (
    AtpError,
    ModelsUnavailableError,
    NoEligibleModelError,
    UnknownModelError,
)
from atp_grpc.domain.request import Constraints, RouteRequest
from atp_grpc.routing.pool import Pool
from atp_grpc.routing.rollout import Policies
from atp_grpc.routing.router import Router
from tests.unit.routing.desk import CALL, POLICY, Desk, text, three_models, written
from tests.unit.routing.examples import NOW, deployment, model, snapshot
from tests.unit.routing.steered import causes
from tests.unit.routing.strategies import REQUESTS, views

ENDPOINT = Endpoint(Dialect.DRY_RUN)


def one_callable() -> Snapshot:
    return snapshot(
        [model("bare"), model("called")],
        [deployment("bare"), deployment("called", endpoint=ENDPOINT), deployment("called", "called@two")],
    )


def policies_of(router: Router) -> Policies:
    return Policies(router, next_seed=lambda: 0)


def causes_of(error: AtpError) -> dict[str, str]:
    return {one.subject.removeprefix("models/"): one.type for one in error.preconditions}


def test_a_request_that_is_carried_out_goes_where_it_can_be_called() -> None:
    desk = Desk(one_callable())
    policies = policies_of(desk.router)

    for seed in range(20):
        desk.first_seed = seed
        decision = written(policies.route(text(), CALL, needs_endpoint=True))
        assert decision.target.deployment == "called@one"
        assert [one.target.model for one in decision.candidates] == ["called"]
    assert {written(policies.route(text(), CALL)).target.model for _ in range(50)} == {"bare", "called"}


def test_the_plan_says_who_cannot_be_called_from_here() -> None:
    policies = policies_of(Desk(one_callable()).router)

    assert causes(policies.plan(text(), CALL, needs_endpoint=True)) == {"bare": RefusalCause.NO_ENDPOINT}
    assert causes(policies.plan(text(), CALL)) == {}


def test_nobody_to_call_is_an_error_that_waiting_does_not_cure() -> None:
    with pytest.raises(NoEligibleModelError) as refused:
        Desk(three_models()).router.route(text(), CALL, needs_endpoint=True)

    assert causes_of(refused.value) == dict.fromkeys(("cheap", "fast", "good"), "NO_ENDPOINT")


@pytest.mark.parametrize("needs_endpoint", [False, True])
def test_a_model_whose_calls_fail_is_left_out_of_every_decision(needs_endpoint: bool) -> None:
    view = snapshot([model("a"), model("b")], [deployment("a", endpoint=ENDPOINT), deployment("b", endpoint=ENDPOINT)])
    desk = Desk(view, closed=frozenset({"a"}))

    assert causes(desk.router.plan(text(), CALL, needs_endpoint=needs_endpoint)) == {"a": RefusalCause.BREAKER_OPEN}
    for _ in range(20):
        decision = written(desk.router.route(text(), CALL, needs_endpoint=needs_endpoint))
        assert [one.target.model for one in decision.candidates] == ["b"]
    desk.closed = frozenset()
    assert causes(desk.router.plan(text(), CALL, needs_endpoint=needs_endpoint)) == {}


def test_when_all_fail_the_caller_is_told_to_come_again() -> None:
    desk = Desk(three_models(), closed=frozenset({"cheap", "good", "fast"}))

    with pytest.raises(ModelsUnavailableError) as refused:
        desk.router.route(text(), CALL)
    assert causes_of(refused.value) == dict.fromkeys(("cheap", "fast", "good"), "BREAKER_OPEN")
    answers = desk.router.route_many([text(), text()], CALL)
    assert all(isinstance(answer, ModelsUnavailableError) for answer in answers)
    assert desk.recorded == []


@pytest.mark.parametrize(("closed", "told"), [(17.5, 17.5), (math.inf, 60.0), (600.0, 60.0), (0.0001, 0.01)])
def test_who_is_told_to_come_again_is_told_when_the_first_model_is_back(closed: float, told: float) -> None:
    desk = Desk(three_models(), closed=frozenset({"cheap", "good", "fast"}), closed_seconds=closed)

    with pytest.raises(ModelsUnavailableError) as refused:
        desk.router.route(text(), CALL)
    assert refused.value.retry_after_seconds == told


@settings(deadline=None)
@given(view=views(), request=REQUESTS, data=st.data())
def test_whoever_is_called_has_an_endpoint_and_does_not_fail_and_passes_the_same_filters(
    view: Snapshot, request: RouteRequest, data: st.DataObject
) -> None:
    names = sorted(view.deployments)
    called = data.draw(st.sets(st.sampled_from(names)) if names else st.just(set[str]()))
    closed = data.draw(
        st.frozensets(st.sampled_from(sorted(view.models))) if view.models else st.just(frozenset[str]())
    )
    view = snapshot(
        list(view.models.values()),
        [
            dataclasses.replace(one, endpoint=ENDPOINT) if one.name in called else one
            for one in view.deployments.values()
        ],
    )
    desk = Desk(view, closed=closed)
    try:
        decision = written(desk.router.route(request, CALL, needs_endpoint=True))
    except (NoEligibleModelError, ModelsUnavailableError, UnknownModelError):
        return
    for candidate in decision.candidates:
        assert candidate.target.deployment in called
        assert candidate.target.model not in closed
        offered = desk.router.offerings(request.constraints, candidate.target.model, NOW)
        assert candidate.target in [one.target for one in offered]
        assert {one.deployment.name for one in offered} <= called


def test_the_offerings_are_those_of_the_policy_as_well() -> None:
    terms = dataclasses.replace(POLICY.terms, filters=Constraints(denied_models=frozenset({"called"})))
    strict = Desk(one_callable(), policy=dataclasses.replace(POLICY, terms=terms))

    assert strict.router.offerings(Constraints(), "called", NOW) == ()
    (only,) = Desk(one_callable()).router.offerings(Constraints(), "called", NOW)
    assert only.deployment.name == "called@one"


def test_a_view_for_calls_is_made_once_for_a_snapshot() -> None:
    desk = Desk(one_callable())
    view = Pool(desk.catalogue, desk.engine).at(NOW)  # type: ignore[arg-type]

    assert view.callable is view.callable
    assert view.callable.callable is view.callable
    assert view.callable.snapshot is view.snapshot
    assert view.eligibility is not view.callable.eligibility
