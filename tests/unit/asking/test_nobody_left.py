"""When nobody is left to be called: who is told to come again, when, and who need not."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from atp_grpc.domain.errors import ModelsUnavailableError, ProviderRefusedRequestError, ProvidersUnavailableError
from atp_grpc.domain.outcome import AttemptError
from atp_grpc.domain.request import Constraints
from atp_grpc.providers.contract import FaultKind
from tests.unit.asking.scripted import fault
from tests.unit.asking.stage import ENDPOINT, Stage, catalogue
from tests.unit.asking.told import asking
from tests.unit.asking.virtual_time import play

ONLY_FAIR = Constraints(allowed_models=frozenset({"fair"}))


def test_who_is_refused_is_told_when_the_first_deployment_may_be_called_again() -> None:
    async def story() -> None:
        stage = Stage(attempts=1)
        stage.provider.script("fair@one", *[[fault(FaultKind.UNAVAILABLE)] for _ in range(5)])
        waits = [(await stage.tell(asking(constraints=ONLY_FAIR))).error for _ in range(5)]
        assert all(isinstance(one, ProvidersUnavailableError) for one in waits)
        # The fifth opened the breaker; before, nobody could say when it goes better.
        assert [one.retry_after_seconds for one in waits if one] == [1.0, 1.0, 1.0, 1.0, 60.0]
        await asyncio.sleep(45.0)
        closed = await stage.tell(asking(constraints=ONLY_FAIR))
        assert isinstance(closed.error, ModelsUnavailableError)
        assert closed.error.retry_after_seconds == pytest.approx(15.0, abs=0.2)
        await stage.close()

    play(story())


def test_an_empty_account_keeps_nobody_waiting_for_longer_than_a_minute() -> None:
    async def story() -> None:
        stage = Stage()
        stage.provider.script("fair@one", [fault(FaultKind.QUOTA_SPENT)])
        told = await stage.tell(asking(constraints=ONLY_FAIR))
        assert isinstance(told.error, ProvidersUnavailableError)
        assert told.error.retry_after_seconds == 60.0
        closed = await stage.tell(asking(constraints=ONLY_FAIR))
        assert isinstance(closed.error, ModelsUnavailableError)
        assert closed.error.retry_after_seconds == 60.0
        assert {one.type for one in closed.error.preconditions} == {"KEYS_RESTING", "NOT_ALLOWED"}
        await stage.close()

    play(story())


def test_a_request_that_is_too_large_for_one_place_is_taken_by_another_and_no_key_rests() -> None:
    async def story() -> None:
        stage = Stage()
        too_large = [fault(FaultKind.REQUEST_TOO_LARGE, 20.0)]
        for name in ("good@one", "good@two"):
            stage.provider.script(name, *[too_large for _ in range(3)])
        told = await stage.tell()
        assert told.final.target.model == "fair"
        assert {one.attempt.error for one in told.final.attempts} == {AttemptError.INVALID_REQUEST, None}
        assert [(state.calls, state.failed) for state in stage.fleet.breakers() if state.failed] == []
        assert {health.keys_resting for health in stage.fleet.health()} == {0}
        assert {load.limit for load in stage.fleet.loads()} == {100}
        await stage.close()

    play(story())


def test_a_request_that_is_too_large_for_everybody_is_refused_and_nobody_is_told_to_come_again() -> None:
    async def story() -> None:
        stage = Stage()
        stage.provider.script("fair@one", [fault(FaultKind.REQUEST_TOO_LARGE)])
        told = await stage.tell(asking(constraints=ONLY_FAIR))
        assert isinstance(told.error, ProviderRefusedRequestError)
        assert told.error.metadata["fault"] == "request_too_large"
        await stage.close()

    play(story())


def test_a_request_that_somebody_may_take_who_is_away_is_not_refused() -> None:
    async def story() -> None:
        stage = Stage(attempts=2)
        stage.provider.script("good@one", [fault(FaultKind.REQUEST_TOO_LARGE)])
        stage.provider.script("good@two", [fault(FaultKind.UNAVAILABLE)])
        told = await stage.tell(asking(constraints=Constraints(allowed_models=frozenset({"good"}))))
        assert isinstance(told.error, ProvidersUnavailableError)
        await stage.close()

    play(story())


def test_who_never_takes_so_much_is_nobody_to_come_again_for() -> None:
    async def story() -> None:
        stage = Stage(attempts=2)
        stage.provider.script("good@one", [fault(FaultKind.REQUEST_TOO_LARGE)])
        stage.provider.script("good@two", [fault(FaultKind.UNAVAILABLE, 40.0)])
        told = await stage.tell(asking(constraints=Constraints(allowed_models=frozenset({"good"}))))
        assert isinstance(told.error, ProvidersUnavailableError)
        assert told.error.retry_after_seconds == 40.0
        await stage.close()

    play(story())


@pytest.mark.parametrize(
    ("asked", "expected"),
    [((3600.0,), 1.0), ((20.0, 3600.0), 20.0), ((3600.0, 7200.0), 3600.0), ((7200.0, 20.0), 20.0)],
)
def test_what_was_asked_of_one_key_holds_nobody_back_whom_another_lets_in(
    asked: tuple[float, ...], expected: float
) -> None:
    async def story() -> None:
        keyed = dataclasses.replace(ENDPOINT, keys=("env:A", "env:B"))
        stage = Stage(attempts=1, view=catalogue(fair=keyed))
        stage.keys.known.update({"env:A": "sk-a", "env:B": "sk-b"})
        stage.provider.script("fair@one", *[[fault(FaultKind.RATE_LIMITED, seconds)] for seconds in asked])
        refused = [(await stage.tell(asking(constraints=ONLY_FAIR))).error for _ in asked]
        last = refused[-1]
        assert isinstance(last, ProvidersUnavailableError)
        assert last.retry_after_seconds == pytest.approx(expected, abs=0.1)
        await stage.close()

    play(story())
