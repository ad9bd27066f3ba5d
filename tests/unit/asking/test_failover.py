"""Before anything is shown: which faults are tried again, where, after how long, and when it is given up."""

from __future__ import annotations

import dataclasses

import pytest

from atp_grpc.domain.ask import Decided, Final, Spent, Switch
from atp_grpc.domain.endpoint import Dialect
from atp_grpc.domain.errors import (
    DeadlineExceededError,
    ModelsUnavailableError,
    ProviderRefusedRequestError,
    ProvidersUnavailableError,
)
from atp_grpc.domain.outcome import AttemptError
from atp_grpc.domain.request import Constraints
from atp_grpc.providers.breaker import BreakerMode
from atp_grpc.providers.contract import VERDICTS, FaultKind, Where
from tests.unit.asking.scripted import answer, fault
from tests.unit.asking.stage import DEPLOYMENTS, ENDPOINT, Stage, catalogue
from tests.unit.asking.told import Told, asking
from tests.unit.asking.virtual_time import play

ONLY_FAIR = Constraints(allowed_models=frozenset({"fair"}))
NAMES = {
    FaultKind.RATE_LIMITED: AttemptError.RATE_LIMITED,
    FaultKind.QUOTA_SPENT: AttemptError.RATE_LIMITED,
    FaultKind.KEY_REFUSED: AttemptError.UNAVAILABLE,
    FaultKind.OVERLOADED: AttemptError.UNAVAILABLE,
    FaultKind.UNAVAILABLE: AttemptError.UNAVAILABLE,
    FaultKind.TIMEOUT: AttemptError.TIMEOUT,
    FaultKind.CUT: AttemptError.CUT,
    FaultKind.STALLED: AttemptError.CUT,
    FaultKind.MALFORMED: AttemptError.UNAVAILABLE,
    FaultKind.CONTEXT_LENGTH: AttemptError.INVALID_REQUEST,
    FaultKind.REQUEST_TOO_LARGE: AttemptError.INVALID_REQUEST,
    FaultKind.MODEL_UNKNOWN: AttemptError.UNAVAILABLE,
    FaultKind.EGRESS_REFUSED: AttemptError.UNAVAILABLE,
    FaultKind.INVALID_REQUEST: AttemptError.INVALID_REQUEST,
    FaultKind.CONTENT_REFUSED: AttemptError.REFUSED,
}


def everybody(stage: Stage, kind: FaultKind, times: int = 9) -> None:
    for name in DEPLOYMENTS:
        stage.provider.script(name, *[[fault(kind)] for _ in range(times)])


@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize("kind", list(FaultKind))
def test_a_fault_before_the_first_token_goes_elsewhere_unless_the_request_itself_is_refused(
    kind: FaultKind, is_streamed: bool
) -> None:
    async def story() -> tuple[Stage, Told]:
        stage = Stage()
        stage.provider.script("good@one", [fault(kind)])
        stage.provider.script("good@two", [fault(kind)])
        told = await stage.tell(asking(is_streamed=is_streamed))
        await stage.close()
        return stage, told

    stage, told = play(story())
    assert stage.heard.attempts[0][1] is NAMES[kind]
    if VERDICTS[kind].where is Where.NOWHERE:
        assert isinstance(told.error, ProviderRefusedRequestError)
        assert told.error.metadata["fault"] == kind
        assert len(stage.provider.calls) == 1
        return
    expected = ["good", "poor"] if kind is FaultKind.CONTEXT_LENGTH else ["good", "good", "fair"]
    assert [name.partition("@")[0] for name in stage.provider.called] == expected
    assert told.final.target.model == expected[-1]
    assert told.text == "one two three"
    assert [switch.restarts for switch in told.of(Switch)] == [False] * (len(expected) - 1)
    assert told.of(Switch)[0].error == NAMES[kind]
    assert stage.heard.switches == told.of(Switch)
    assert [billed.attempt.error for billed in told.final.attempts][-1] is None
    assert told.final.cost_nano_usd == told.final.attempts[-1].attempt.cost_nano_usd


def test_context_length_goes_only_to_models_with_more_and_else_is_the_requests_own_fault() -> None:
    async def story() -> None:
        stage = Stage()
        everybody(stage, FaultKind.CONTEXT_LENGTH)
        told = await stage.tell(asking(constraints=Constraints(denied_models=frozenset({"poor"}))))
        assert isinstance(told.error, ProviderRefusedRequestError)
        assert told.error.metadata["fault"] == "context_length"
        assert len(stage.provider.calls) == 1
        await stage.close()

    play(story())


def test_with_nowhere_else_the_same_deployment_is_tried_after_a_wait_with_jitter() -> None:
    async def story() -> None:
        stage = Stage()
        stage.provider.script("fair@one", [fault(FaultKind.UNAVAILABLE)], [fault(FaultKind.UNAVAILABLE)])
        told = await stage.tell(asking(constraints=ONLY_FAIR))
        first, second, third = (call.began for call in stage.provider.calls)
        assert 0.0 < second - first <= 0.25
        assert 0.0 < third - second <= 0.5
        assert told.final.target.model == "fair"
        await stage.close()

    play(story())


def test_retry_after_is_waited_for_and_given_up_where_it_is_longer_than_the_call() -> None:
    async def story() -> None:
        stage = Stage()
        stage.provider.script(
            "fair@one", [fault(FaultKind.OVERLOADED, 7.0)], answer(), [fault(FaultKind.OVERLOADED, 7.0)]
        )
        told = await stage.tell(asking(constraints=ONLY_FAIR))
        first, second = (call.began for call in stage.provider.calls)
        assert 7.0 <= second - first <= 7.25
        assert isinstance(told.events[-1], Final)
        refused = await stage.tell(asking(constraints=ONLY_FAIR), seconds=5.0)
        assert isinstance(refused.error, ProvidersUnavailableError)
        assert refused.error.retry_after_seconds == 7.0
        await stage.close()

    play(story())


def test_the_only_key_is_used_again_when_its_rest_is_over() -> None:
    async def story() -> None:
        stage = Stage()
        stage.provider.script("fair@one", [fault(FaultKind.RATE_LIMITED)])
        told = await stage.tell(asking(constraints=ONLY_FAIR))
        first, second = (call.began for call in stage.provider.calls)
        assert second - first == pytest.approx(1.0)
        assert told.final.target.model == "fair"
        stage.provider.script("fair@one", [fault(FaultKind.RATE_LIMITED)])
        hurried = await stage.tell(asking(constraints=ONLY_FAIR), seconds=0.8)
        assert isinstance(hurried.error, ProvidersUnavailableError)
        assert hurried.error.retry_after_seconds == pytest.approx(1.0)
        await stage.close()

    play(story())


def test_there_are_never_more_attempts_than_allowed_and_the_error_counts_them() -> None:
    async def story() -> None:
        stage = Stage(attempts=2)
        everybody(stage, FaultKind.UNAVAILABLE)
        told = await stage.tell()
        assert isinstance(told.error, ProvidersUnavailableError)
        assert told.error.metadata == {"attempts": "2", "error": "UNAVAILABLE", "cost_nano_usd": "0"}
        assert told.error.retry_after_seconds == 1.0
        assert len(stage.provider.calls) == 2
        (seen,) = stage.observations
        assert [attempt.error for attempt in seen.recorded.attempts] == [AttemptError.UNAVAILABLE] * 2
        await stage.close()

    play(story())


def test_a_tenant_without_retries_left_gets_one_attempt() -> None:
    async def story() -> None:
        stage = Stage()
        while stage.retries.spend("acme", Where.ELSEWHERE):
            pass
        everybody(stage, FaultKind.UNAVAILABLE, 1)
        told = await stage.tell()
        assert isinstance(told.error, ProvidersUnavailableError)
        assert len(stage.provider.calls) == 1
        assert stage.in_flight == 0
        await stage.close()

    play(story())


def test_a_deployment_without_its_key_is_passed_over_and_is_no_attempt() -> None:
    async def story() -> None:
        keyed = dataclasses.replace(ENDPOINT, keys=("env:LOST", "env:HERE"))
        stage = Stage(view=catalogue(good=dataclasses.replace(ENDPOINT, keys=("env:LOST",)), fair=keyed))
        stage.keys.known["env:HERE"] = "sk-here"
        told = await stage.tell()
        assert told.final.target.model == "fair"
        assert len(told.final.attempts) == 1
        assert [call.generation.key for call in stage.provider.calls] == ["sk-here"]
        assert told.of(Switch) == []
        await stage.close()

    play(story())


def test_a_deployment_whose_dialect_nobody_speaks_here_is_passed_over() -> None:
    async def story() -> None:
        foreign = dataclasses.replace(ENDPOINT, dialect=Dialect.LITELLM)
        stage = Stage(view=catalogue(good=foreign))
        told = await stage.tell()
        assert told.final.target.model == "fair"
        assert len(told.final.attempts) == 1
        assert stage.in_flight == 0
        nobody = Stage(view=catalogue(good=foreign, fair=foreign, poor=foreign))
        assert isinstance((await nobody.tell()).error, ProvidersUnavailableError)
        await stage.close()
        await nobody.close()

    play(story())


def test_when_no_deployment_takes_a_call_nobody_is_called_and_the_hold_comes_back() -> None:
    async def story() -> None:
        full = dataclasses.replace(ENDPOINT, max_in_flight=1)
        stage = Stage(view=catalogue(good=full, fair=full, poor=full))
        await stage.give(10_000_000)
        permits = [stage.fleet.admit([one], "globex") for one in stage.catalogue.view.deployments.values()]
        told = await stage.tell()
        assert isinstance(told.error, ProvidersUnavailableError)
        assert told.error.metadata == {"attempts": "0", "cost_nano_usd": "0"}
        assert told.error.retry_after_seconds == 1.0
        assert isinstance(told.events[-1], Decided)
        assert (stage.spent(), stage.held()) == (0, 0)
        # The report says that nobody was called: it teaches nothing, and its place is taken.
        (seen,) = stage.observations
        (attempt,) = seen.recorded.attempts
        assert (attempt.error, attempt.cost_nano_usd) == (AttemptError.CANCELLED, 0)
        assert len(permits) == stage.in_flight
        await stage.close()

    play(story())


def test_models_whose_breakers_are_open_are_never_decided_for() -> None:
    async def story() -> None:
        stage = Stage()
        stage.fleet.keep(stage.catalogue.view.deployments.values())
        stage.fleet.force("good@one", BreakerMode.OPEN)
        stage.fleet.force("good@two", BreakerMode.OPEN)
        told = await stage.tell()
        assert told.decided.target.model == "fair"
        for name in DEPLOYMENTS:
            stage.fleet.force(name, BreakerMode.OPEN)
        assert isinstance((await stage.tell()).error, ModelsUnavailableError)
        await stage.close()

    play(story())


def test_five_bad_streams_in_a_row_open_the_breaker_of_that_deployment_alone() -> None:
    async def story() -> None:
        stage = Stage()
        stage.provider.script("fair@one", *[[*answer("begun ")[:1], fault(FaultKind.CUT)] for _ in range(5)])
        for _ in range(5):
            assert (await stage.tell(asking(constraints=ONLY_FAIR))).reason == "ANSWER_CUT"
        states = {state.deployment: state.phase for state in stage.fleet.breakers()}
        assert states == {"fair@one": "open"}
        await stage.close()

    play(story())


def test_one_callers_bad_requests_and_refused_keys_open_nobodys_breaker() -> None:
    async def story() -> None:
        stage = Stage()
        for kind in (FaultKind.INVALID_REQUEST, FaultKind.CONTENT_REFUSED):
            stage.provider.script("fair@one", *[[fault(kind)] for _ in range(20)])
            for _ in range(20):
                await stage.tell(asking(constraints=ONLY_FAIR))
        assert {state.phase for state in stage.fleet.breakers()} == {"closed"}
        await stage.close()

    play(story())


def test_what_failed_attempts_cost_is_said_before_anything_else_happens() -> None:
    async def story() -> None:
        stage = Stage()
        for name in DEPLOYMENTS:
            stage.provider.script(name, [*answer()[3:4], fault(FaultKind.UNAVAILABLE)])
        told = await stage.tell()
        assert isinstance(told.error, ProvidersUnavailableError)
        # The provider told usage of 13 tokens before it failed, three times.
        assert [spent.total_cost_nano_usd for spent in told.of(Spent)] == [39_000, 78_000, 104_000]
        assert told.error.metadata["cost_nano_usd"] == "104000"
        await stage.close()

    play(story())


def test_a_call_whose_time_is_over_before_it_begins_is_told_so() -> None:
    async def story() -> None:
        stage = Stage()
        told = await stage.tell(seconds=0.04)
        assert isinstance(told.error, DeadlineExceededError)
        assert stage.provider.calls == []
        assert len(stage.observations) == 1
        await stage.close()

    play(story())
