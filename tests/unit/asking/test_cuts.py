"""After something was shown: a cut answer never looks complete, and goes on only as the caller said."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from atp_grpc.domain.ask import AskRequest, Delta, Final, OnCut, Spent, Switch
from atp_grpc.domain.conversation import Role, TextPart
from atp_grpc.domain.endpoint import Dialect
from atp_grpc.domain.errors import AnswerCutError, DeadlineExceededError
from atp_grpc.domain.outcome import AttemptError
from atp_grpc.domain.request import Constraints
from atp_grpc.providers.contract import FaultKind, Where
from atp_grpc.providers.fleet import Permit
from tests.unit.asking.scripted import Step, fault, texts, tool_answer, used
from tests.unit.asking.stage import DEPLOYMENTS, ENDPOINT, Stage, catalogue
from tests.unit.asking.told import Told, asking
from tests.unit.asking.virtual_time import play
from tests.unit.routing.examples import snapshot

SHAPES = {
    "cut": [*texts("half "), fault(FaultKind.CUT)],
    "stall": [*texts("half "), 100.0, *texts("late")],
    "malformed": [*texts("half "), fault(FaultKind.MALFORMED)],
    "ended without an end": [*texts("half ")],
    "refused in the middle": [*texts("half "), fault(FaultKind.OVERLOADED)],
    "a provider's own fault": [*texts("half "), RuntimeError("secret words")],
}
shapes = pytest.mark.parametrize("shape", list(SHAPES))
RESUMES = dataclasses.replace(ENDPOINT, can_resume=True)


def cutting(shape: str, *, times: int = 1, can_resume: bool = False, **terms: object) -> Stage:
    """A stage on which the first calls of the best model break off."""
    endpoint = RESUMES if can_resume else ENDPOINT
    stage = Stage(view=catalogue(good=endpoint), **terms)  # type: ignore[arg-type]
    stage.provider.script("good@one", *[SHAPES[shape]] * times)
    stage.provider.script("good@two", *[SHAPES[shape]] * times)
    return stage


def tell(shape: str, request: AskRequest, **terms: object) -> tuple[Stage, Told]:
    async def story() -> tuple[Stage, Told]:
        stage = cutting(shape, **terms)  # type: ignore[arg-type]
        told = await stage.tell(request)
        await stage.close()
        return stage, told

    return play(story())


@shapes
@pytest.mark.parametrize("on_cut", [OnCut.UNSAID, OnCut.FAIL])
def test_a_cut_stream_never_looks_complete(shape: str, on_cut: OnCut) -> None:
    stage, told = tell(shape, asking(on_cut=on_cut))
    assert isinstance(told.error, AnswerCutError)
    assert told.of(Final) == []
    assert len(stage.provider.calls) == 1
    assert isinstance(told.events[-1], Spent)
    # 32 bytes of prompt and 5 of answer, at four for a token.
    assert told.said_cost == (8 + 2) * 3_000
    assert told.events[-1].is_estimated
    assert told.error.metadata == {
        "model": "good",
        "deployment": stage.provider.called[0],
        "error": "CUT",
        "total_characters": "5",
        "input_tokens": "8",
        "output_tokens": "2",
        "cost_nano_usd": "30000",
    }
    assert stage.heard.attempts[0][1] is AttemptError.CUT
    assert "secret" not in str(told.error)
    assert len(stage.heard.faults) == (shape == "a provider's own fault")


@shapes
def test_restart_drops_what_was_shown_and_begins_anew_elsewhere(shape: str) -> None:
    stage, told = tell(shape, asking(on_cut=OnCut.RESTART))
    assert told.text == "one two three"
    assert len(stage.provider.calls) == 3
    assert [switch.restarts for switch in told.of(Switch)] == [True, True]
    assert told.final.target.model == "fair"
    assert told.final.cost_nano_usd == 2 * 30_000 + 13 * 2_000
    assert [billed.is_estimated for billed in told.final.attempts] == [True, True, False]
    assert told.final.is_estimated


@shapes
def test_a_unary_call_begins_anew_unless_it_says_fail(shape: str) -> None:
    _, told = tell(shape, asking(is_streamed=False))
    assert told.of(Delta) == [Delta("one two three", total_characters=13)]
    assert told.final.target.model == "fair"
    _, refused = tell(shape, asking(is_streamed=False, on_cut=OnCut.FAIL))
    assert isinstance(refused.error, AnswerCutError)
    assert refused.of(Delta) == []
    assert refused.said_cost == 30_000


@shapes
def test_resume_goes_on_with_the_same_model_where_its_answer_broke_off(shape: str) -> None:
    stage, told = tell(shape, asking(on_cut=OnCut.RESUME, max_output_tokens=100), can_resume=True, attempts=5)
    assert told.text == "half half one two three"
    assert [switch.restarts for switch in told.of(Switch)] == [False, False]
    first, second, third = (call.generation for call in stage.provider.calls)
    assert {name.partition("@")[0] for name in stage.provider.called} == {"good"}
    assert second.prompt.turns[:-1] == first.prompt.turns
    assert second.prompt.turns[-1] == (Role.ASSISTANT, (TextPart("half "),))
    assert third.prompt.turns[-1] == (Role.ASSISTANT, (TextPart("half half "),))
    assert (first.max_output_tokens, second.max_output_tokens) == (100, 98)


def test_resume_restarts_where_nobody_can_go_on() -> None:
    stage, told = tell("cut", asking(on_cut=OnCut.RESUME))
    assert [switch.restarts for switch in told.of(Switch)] == [True, True]
    assert told.text == "one two three"
    assert all(len(call.generation.prompt.turns) == 1 for call in stage.provider.calls)


def test_an_answer_that_calls_a_tool_is_never_gone_on_with() -> None:
    async def story() -> Told:
        stage = Stage(view=catalogue(good=RESUMES))
        half: list[Step] = [*texts("so: "), *tool_answer()[:2], fault(FaultKind.CUT)]
        stage.provider.script("good@one", half)
        stage.provider.script("good@two", half)
        told = await stage.tell(asking(on_cut=OnCut.RESUME))
        await stage.close()
        return told

    assert {switch.restarts for switch in play(story()).of(Switch)} == {True}


def test_with_one_deployment_only_a_restart_calls_it_again_at_once() -> None:
    async def story() -> None:
        stage = Stage()
        stage.provider.script("poor@one", SHAPES["cut"])
        only = asking(on_cut=OnCut.RESTART, constraints=Constraints(allowed_models=frozenset({"poor"})))
        told = await stage.tell(only)
        assert stage.provider.called == ["poor@one", "poor@one"]
        assert stage.provider.calls[0].began == stage.provider.calls[1].began
        assert told.text == "one two three"
        await stage.close()

    play(story())


def test_restarts_end_with_the_attempts() -> None:
    async def story() -> None:
        stage = Stage()
        for name in DEPLOYMENTS:
            stage.provider.script(name, *[SHAPES["cut"]] * 3)
        told = await stage.tell(asking(on_cut=OnCut.RESTART))
        assert isinstance(told.error, AnswerCutError)
        assert len(stage.provider.calls) == 3
        assert told.said_cost == 30_000 + 30_000 + 20_000
        assert int(told.error.metadata["cost_nano_usd"]) == told.said_cost
        await stage.close()

    play(story())


def test_a_restart_is_paid_for_by_the_tenants_retries_and_ends_with_the_callers_time() -> None:
    async def story() -> None:
        spent = cutting("cut")
        while spent.retries.spend("acme", Where.ELSEWHERE):
            pass
        assert isinstance((await spent.tell(asking(on_cut=OnCut.RESTART))).error, AnswerCutError)
        assert len(spent.provider.calls) == 1
        assert spent.in_flight == 0
        late = cutting("cut")
        for name in DEPLOYMENTS:
            late.provider._scripts[name].insert(0, [*texts("half "), 3.0, fault(FaultKind.CUT)])
        told = await late.tell(asking(on_cut=OnCut.RESTART), seconds=6.0, at_spent=lambda: asyncio.sleep(10.0))
        assert isinstance(told.error, DeadlineExceededError)
        assert isinstance(told.events[-1], Spent)
        assert len(late.provider.calls) == 1
        await spent.close()
        await late.close()

    play(story())


def test_an_answer_that_nobody_else_may_begin_anew_stays_cut() -> None:
    async def story() -> None:
        full = dataclasses.replace(ENDPOINT, max_in_flight=1)
        stage = Stage(view=catalogue(good=full, fair=full, poor=full))
        stage.provider.script("poor@one", [*texts("half "), 1.0, fault(FaultKind.CUT)])
        only = asking(on_cut=OnCut.RESTART, constraints=Constraints(allowed_models=frozenset({"poor"})))

        async def somebody_else_takes_the_place() -> None:
            assert isinstance(stage.fleet.admit([stage.catalogue.view.deployments["poor@one"]], "x"), Permit)

        told = await stage.tell(only, at_spent=somebody_else_takes_the_place)
        assert isinstance(told.error, AnswerCutError)
        assert stage.in_flight == 1
        await stage.close()

    play(story())


def test_usage_that_a_provider_told_before_the_cut_is_billed_as_told() -> None:
    async def story() -> None:
        stage = Stage()
        for name in ("good@one", "good@two"):
            stage.provider.script(name, [*texts("half "), used(50, prompt=20), fault(FaultKind.CUT)])
        told = await stage.tell()
        assert told.said_cost == 70 * 3_000
        assert told.of(Spent)[-1].usage.output_tokens == 50
        await stage.close()

    play(story())


def test_an_endpoint_that_refuses_to_go_on_with_an_answer_is_given_up_for_a_restart() -> None:
    async def story() -> None:
        stage = cutting("cut", can_resume=True, attempts=5)
        for name in ("good@one", "good@two"):
            stage.provider._scripts[name][1:] = [[fault(FaultKind.INVALID_REQUEST)]]
        told = await stage.tell(asking(on_cut=OnCut.RESUME))
        # Both break off, one of them gone on with; then the other refuses.
        assert [switch.restarts for switch in told.of(Switch)] == [False, False, True]
        assert told.text == "one two three"
        assert told.final.target.model == "fair"
        assert stage.in_flight == 0
        await stage.close()

    play(story())


@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize("kind", [FaultKind.REQUEST_TOO_LARGE, FaultKind.CONTEXT_LENGTH, FaultKind.INVALID_REQUEST])
def test_who_does_not_take_the_answer_so_far_is_asked_to_begin_anew_and_not_to_go_on_again(
    kind: FaultKind, is_streamed: bool
) -> None:
    async def story() -> None:
        stage = Stage(view=catalogue(fair=RESUMES))
        stage.provider.script("fair@one", SHAPES["cut"], [fault(kind)])
        fair = Constraints(allowed_models=frozenset({"fair"}))
        told = await stage.tell(asking(on_cut=OnCut.RESUME, constraints=fair, is_streamed=is_streamed))
        assert [switch.restarts for switch in told.of(Switch)] == [False, is_streamed]
        assert [len(call.generation.prompt.turns) for call in stage.provider.calls] == [1, 2, 1]
        assert told.text == "one two three"
        await stage.close()

    play(story())


def test_a_restart_that_is_refused_stays_cut() -> None:
    async def story() -> None:
        stage = cutting("cut")
        for name in DEPLOYMENTS:
            stage.provider._scripts[name].append([fault(FaultKind.INVALID_REQUEST)])
        stage.provider._scripts["good@two"] = stage.provider._scripts["good@one"]
        told = await stage.tell(asking(on_cut=OnCut.RESTART))
        assert isinstance(told.error, AnswerCutError)
        assert len(stage.provider.calls) == 2
        await stage.close()

    play(story())


def test_an_endpoint_that_nobody_here_can_call_is_asked_once_to_go_on_and_costs_no_more_retries() -> None:
    async def story() -> None:
        stage = cutting("cut", can_resume=True)
        view = stage.catalogue.view
        unspoken = dataclasses.replace(RESUMES, dialect=Dialect.LITELLM)
        stage.catalogue.view = snapshot(
            list(view.models.values()),
            [
                dataclasses.replace(one, endpoint=unspoken) if one.name == "good@two" else one
                for one in view.deployments.values()
            ],
            revision=4,
            generation=4,
        )
        told = await stage.tell(asking(on_cut=OnCut.RESUME))
        assert told.text == "half one two three"
        assert stage.provider.called == ["good@one", "good@one"]
        assert stage.retries.left("acme") > 49.0
        await stage.close()

    play(story())
