"""The router with a reference engine and no sockets: what it may never do, and whence its chance comes."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.domain.decision import ReasonCode, RefusalCause
from atp_grpc.domain.errors import (
    AtpError,
    FeatureSchemaMismatchError,
    ModelsUnavailableError,
    NoEligibleModelError,
    RevisionNotReachedError,
    UnknownPolicyError,
)
from atp_grpc.domain.policy import PolicyTerms
from atp_grpc.domain.request import Constraints, FeatureVector, NamedObjective, RouteRequest, Weights
from atp_grpc.engine.contract import (
    Choice,
    EngineError,
    InvalidQueryError,
    Outcome,
    Query,
)
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.routing.feedback import FeedbackTokens
from atp_grpc.routing.scribe.reference import ReferenceRouted
from atp_grpc.store.decision_codec import record_of
from tests.unit.routing.desk import CALL, PARAMETERS, POLICY, WEEK_SECONDS, Desk, Plain, text, three_models, written
from tests.unit.routing.examples import ACTIVE, DRAINING, NOW, SHADOW, deployment, model, snapshot
from tests.unit.routing.strategies import REQUESTS, views


@settings(deadline=None)
@given(view=views(), request=REQUESTS, seed=st.integers(0, 2**64 - 1))
def test_route_never_picks_a_refused_model(view: Snapshot, request: RouteRequest, seed: int) -> None:
    desk = Desk(view, first_seed=seed)
    plan = desk.router.plan(request, CALL)
    refused = {refusal.target.model for refusal in plan.refusals}
    allowed = {candidate.target.model for candidate in plan.candidates}
    assert not refused & allowed
    assert refused | allowed == set(view.models)
    if not allowed:
        with pytest.raises((NoEligibleModelError, ModelsUnavailableError)) as nobody:
            Desk(view, first_seed=seed).router.route(request, CALL)
        assert {violation.subject for violation in nobody.value.preconditions} == {f"models/{name}" for name in refused}
        return
    decision = written(Desk(view, first_seed=seed).router.route(request, CALL))
    chosen = decision.candidates[decision.chosen]
    assert decision.target.model in allowed
    assert 0.0 < chosen.propensity <= 1.0
    constraints, deployed = request.constraints, view.deployments[decision.target.deployment]
    assert deployed.status is ACTIVE
    assert view.models[decision.target.model].status is ACTIVE
    assert constraints.required_capabilities <= view.models[decision.target.model].capabilities
    assert decision.target.model not in constraints.denied_models
    assert not constraints.region or constraints.region in deployed.regions
    if constraints.max_cost_nano_usd is not None:
        assert chosen.expected.cost_nano_usd <= constraints.max_cost_nano_usd
    assert sum(candidate.propensity for candidate in decision.candidates) == pytest.approx(1.0, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(view=views(), requests=st.lists(REQUESTS, max_size=6), seed=st.integers(0, 2**64 - 100))
def test_the_same_seeds_give_the_same_decisions_one_by_one_and_in_a_batch(
    view: Snapshot, requests: list[RouteRequest], seed: int
) -> None:
    def one_by_one(desk: Desk) -> list[object]:
        answers: list[object] = []
        for request in requests:
            try:
                answers.append(desk.router.route(request, CALL))
            except AtpError as error:
                answers.append(error.reason)
        return answers

    first = one_by_one(Desk(view, first_seed=seed))
    assert one_by_one(Desk(view, first_seed=seed)) == first
    batch = Desk(view, first_seed=seed).router.route_many(requests, CALL)
    assert [answer.reason if isinstance(answer, AtpError) else answer for answer in batch] == first


def test_other_seeds_give_other_draws_from_the_same_distribution() -> None:
    view, request = (
        three_models(),
        text(objective=Weights(0.0, 0.0), constraints=Constraints(denied_models=frozenset({"good"}))),
    )
    seen = {written(Desk(view, first_seed=seed).router.route(request, CALL)).target.model for seed in range(400)}
    assert seen == {"cheap", "fast"}


def test_a_decision_carries_everything_that_its_token_must_know() -> None:
    desk = Desk(three_models())
    desk.revision = 17
    request = text(
        task_type="sum", session_id="s", labels={"a": "b"}, constraints=Constraints(allowed_models=frozenset({"good"}))
    )
    routed = desk.router.route(request, CALL)
    decision = written(routed)
    lesson = decision.lesson
    opened = FeedbackTokens(Plain()).open(routed.token, tenant="acme", now_nanos=NOW)
    assert opened == lesson
    assert (lesson.model, lesson.deployment, lesson.prices.output) == ("good", "good@one", 10**10)
    assert (lesson.decided_nanos, lesson.expires_nanos) == (NOW, NOW + round(WEEK_SECONDS * 1e9))
    revisions = lesson.revisions
    assert (revisions.policy, revisions.policy_version, revisions.catalog, revisions.learner) == ("default", 4, 3, 17)
    assert lesson.features.dimension == POLICY.dimension
    assert decision.reason_codes == (ReasonCode.ONLY_CANDIDATE, ReasonCode.CONTEXT_USED)
    assert desk.ledger.find("acme", "d1") == decision
    assert desk.recorded == [record_of(decision)]


def test_a_plan_leaves_no_trace() -> None:
    desk = Desk(three_models())
    before = desk.engine.checkpoint()
    desk.router.plan(text(), CALL)
    assert desk.recorded == []
    assert len(desk.ledger) == 0
    assert desk.engine.checkpoint() == before


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (text(policy="other"), UnknownPolicyError),
        (text(min_revision=4), RevisionNotReachedError),
        (RouteRequest(features=FeatureVector("acme.v1", b"\0" * 60)), FeatureSchemaMismatchError),
        (RouteRequest(features=FeatureVector("flags.v1", b"\0" * 56)), FeatureSchemaMismatchError),
    ],
)
def test_a_request_that_names_what_does_not_exist_is_refused_alike_by_route_plan_and_batch(
    request_: RouteRequest, error: type[AtpError]
) -> None:
    desk = Desk(three_models())
    with pytest.raises(error):
        desk.router.route(request_, CALL)
    with pytest.raises(error):
        desk.router.plan(request_, CALL)
    refusal, served = desk.router.route_many([request_, text()], CALL)
    assert isinstance(refusal, error)
    assert isinstance(served, ReferenceRouted)
    assert len(desk.recorded) == 1


def test_text_is_refused_where_the_policy_takes_only_a_callers_own_vector() -> None:
    policy = dataclasses.replace(POLICY, terms=PolicyTerms(schema_id="acme.v1", dimension=2))
    parameters = dataclasses.replace(PARAMETERS, schema_id="acme.v1", dimension=2)
    desk = Desk(three_models(), engine=ReferenceEngine(parameters), policy=policy)
    with pytest.raises(FeatureSchemaMismatchError) as refusal:
        desk.router.route(text(), CALL)
    assert refusal.value.metadata["schema"] == "text"
    vector = FeatureVector("acme.v1", struct.pack("<2f", 1.0, 2.0))
    assert written(desk.router.route(RouteRequest(features=vector), CALL)).lesson.features == vector


def test_when_only_draining_models_are_left_waiting_is_advised() -> None:
    away = snapshot([model("a", status=DRAINING), model("b", status=SHADOW)], [deployment("a"), deployment("b")])
    with pytest.raises(ModelsUnavailableError) as refusal:
        Desk(away).router.route(text(), CALL)
    assert refusal.value.retry_after_seconds
    assert [violation.type for violation in refusal.value.preconditions] == ["DRAINING", "SHADOW"]
    gone = snapshot([model("b", status=SHADOW)], [deployment("b")])
    with pytest.raises(NoEligibleModelError):
        Desk(gone).router.route(text(), CALL)


def test_models_above_the_money_are_refused_for_it_also_in_a_batch() -> None:
    desk = Desk(three_models())
    poor = text(constraints=Constraints(max_cost_nano_usd=0))
    refusal, served = desk.router.route_many([poor, text()], CALL)
    assert isinstance(refusal, NoEligibleModelError)
    assert {violation.type for violation in refusal.preconditions} == {RefusalCause.MAX_COST.name}
    assert isinstance(served, ReferenceRouted)


def test_an_engine_refusal_inside_a_batch_is_a_fault_and_no_answer() -> None:
    class Broken(ReferenceEngine):
        def choose_batch(self, queries: Sequence[Query]) -> list[Choice | EngineError]:
            return [InvalidQueryError("made for the test") for _ in queries]

    with pytest.raises(InvalidQueryError):
        Desk(three_models(), engine=Broken(PARAMETERS)).router.route_many([text()], CALL)


def test_what_is_learned_moves_the_next_decision() -> None:
    desk = Desk(three_models())
    request = text(objective=NamedObjective.HIGHEST_QUALITY)

    def quality_of(name: str) -> float:
        (found,) = [c for c in desk.router.plan(request, CALL).candidates if c.target.model == name]
        return found.expected.quality

    before = quality_of("cheap")
    lesson = written(desk.router.route(request, CALL)).lesson
    for sequence in range(1, 20):
        desk.engine.learn(Outcome("cheap", "r", sequence, NOW, NOW, lesson.features.values, quality=1.0))
    assert quality_of("cheap") > before
    assert desk.router.plan(request, CALL).candidates[0].target.model == "cheap"


def test_a_new_catalogue_is_in_force_for_the_very_next_decision() -> None:
    desk = Desk(three_models())
    desk.router.route(text(), CALL)
    desk.catalogue.view = snapshot([model("newcomer")], [deployment("newcomer")], generation=2)
    assert written(desk.router.route(text(), CALL)).target.model == "newcomer"
    assert desk.engine.generation == 2


def test_remarks_tell_unmet_wishes_and_exploration() -> None:
    desk = Desk(three_models())
    picky = text(constraints=Constraints(quality_floor=1.0))
    assert ReasonCode.QUALITY_FLOOR_UNMET in written(desk.router.route(picky, CALL)).reason_codes
    hasty = text(constraints=Constraints(latency_slo_seconds=0.001))
    decision = written(desk.router.route(hasty, CALL))
    assert ReasonCode.LATENCY_SLO_UNMET in decision.reason_codes
    assert decision.target.model == "fast"
    even = text(objective=Weights(0.0, 0.0))
    for decision in (written(desk.router.route(even, CALL)) for _ in range(50)):
        best = max(candidate.utility for candidate in decision.candidates)
        is_explored = ReasonCode.EXPLORED in decision.reason_codes
        assert is_explored == (decision.candidates[decision.chosen].utility < best)
