"""Time: limits on the first token, between chunks and in all; the caller's deadline; and readers who take theirs."""

from __future__ import annotations

import asyncio
import dataclasses
import math
from contextlib import aclosing

import pytest

from atp_grpc.asking.timelimit import TimeLimit
from atp_grpc.domain.ask import AskEvent, Audience, Delta, Final, Spent
from atp_grpc.domain.endpoint import Timeouts
from atp_grpc.domain.errors import AnswerCutError, DeadlineExceededError, ProvidersUnavailableError
from atp_grpc.domain.outcome import AttemptError
from atp_grpc.domain.request import Constraints
from atp_grpc.providers.contract import FaultKind
from tests.unit.asking.scripted import Step, answer, fault, finished, texts, used
from tests.unit.asking.stage import DEPLOYMENTS, ENDPOINT, Stage, catalogue
from tests.unit.asking.told import asking
from tests.unit.asking.virtual_time import play


def never() -> float:
    """Nobody came who waits longer."""
    return 0.0


def staged(*steps: Step, **timeouts: float) -> Stage:
    """A stage with one attempt, on which everybody plays the same."""
    limits = Timeouts(**{"first_token": 10.0, "between_chunks": 5.0, "total": 60.0, **timeouts})
    endpoint = dataclasses.replace(ENDPOINT, timeouts=limits)
    stage = Stage(view=catalogue(good=endpoint, fair=endpoint, poor=endpoint), attempts=1)
    for name in DEPLOYMENTS:
        stage.provider.script(name, steps)
    return stage


def test_a_first_token_that_does_not_come_in_time_fails_over() -> None:
    async def story() -> None:
        stage = staged(10.5, *answer())
        told = await stage.tell()
        assert isinstance(told.error, ProvidersUnavailableError)
        assert stage.heard.attempts[0][1:3] == (AttemptError.TIMEOUT, 10.0)
        assert stage.provider.calls[0].ended == "cancelled"
        (seen,) = stage.observations
        assert seen.recorded.attempts[0].cost_nano_usd == 0
        await stage.close()

    play(story())


def test_a_stall_between_chunks_ends_the_answer_and_slow_chunks_do_not() -> None:
    async def story() -> None:
        slow = staged(9.0, *texts("a"), 4.9, *texts("b"), 4.9, *texts("c"), 4.9, used(), finished())
        assert (await slow.tell()).text == "abc"
        stalled = staged(*texts("a"), 5.1, *texts("b"), used(), finished())
        told = await stalled.tell()
        assert isinstance(told.error, AnswerCutError)
        assert stalled.heard.attempts[0][1] is AttemptError.CUT
        assert stalled.heard.attempts[0][2] == pytest.approx(5.0)
        await slow.close()
        await stalled.close()

    play(story())


def test_an_endless_stream_ends_with_its_total() -> None:
    async def story() -> None:
        stage = staged(*[step for _ in range(100) for step in (1.0, *texts("x"))], total=20.0)
        told = await stage.tell()
        assert isinstance(told.error, AnswerCutError)
        assert len(told.of(Delta)) in (19, 20)
        await stage.close()

    play(story())


def test_the_callers_deadline_ends_the_attempt_with_a_margin_and_speaks_against_nobody() -> None:
    async def story() -> None:
        stage = staged(*texts("a"), 4.0, *texts("b"), 4.0, *answer())
        began = stage.clock.monotonic()
        told = await stage.tell(seconds=6.0)
        assert isinstance(told.error, DeadlineExceededError)
        assert isinstance(told.events[-1], Spent)
        assert stage.heard.attempts[0][1] is AttemptError.CANCELLED
        assert stage.heard.attempts[0][2] == pytest.approx(5.95)
        assert stage.provider.calls[0].ended == "cancelled"
        assert stage.clock.monotonic() - began < 6.0
        assert {(state.calls, state.failed) for state in stage.fleet.breakers()} == {(0, 0)}
        await stage.close()

    play(story())


def test_no_attempt_outlives_what_is_left_of_the_deadline() -> None:
    async def story() -> None:
        stage = Stage()
        for name in DEPLOYMENTS:
            stage.provider.script(name, [9.0, *answer()])
        stage.provider.script("good@one", [20.0])
        told = await stage.tell(seconds=3.0)
        assert isinstance(told.error, DeadlineExceededError)
        assert len(stage.provider.calls) == 1
        await stage.close()

    play(story())


def test_a_reader_who_takes_his_time_never_speaks_against_the_provider() -> None:
    async def story() -> None:
        stage = staged(*texts("a", "b", "c"), used(), finished(), total=20.0)
        read: list[AskEvent] = []
        async with aclosing(stage.answer(seconds=1000.0)) as events:
            async for event in events:
                await asyncio.sleep(50.0)
                read.append(event)
        final = read[-1]
        assert isinstance(final, Final)
        assert final.attempts[0].attempt.latency_seconds == 0.0
        await stage.close()

    play(story())


def test_a_limit_is_over_once_and_takes_its_cancellation_back() -> None:
    async def story() -> None:
        limit = TimeLimit(never)
        limit.begin(1.0)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(5.0)
        assert limit.end()
        assert not limit.end()
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(5.0)

    play(story())


def test_a_moved_limit_keeps_to_its_latest_moment() -> None:
    async def story() -> None:
        loop, limit = asyncio.get_running_loop(), TimeLimit(never)
        for seconds in (3.0, 9.0, 2.0):
            limit.begin(seconds)
            await asyncio.sleep(1.0)
            assert not limit.end()
        began = loop.time()
        limit.begin(4.0)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Event().wait()
        assert limit.end()
        assert loop.time() - began == pytest.approx(4.0, abs=0.002)
        limit.close()

    play(story())


def test_a_cancellation_from_outside_is_never_taken_for_the_limit() -> None:
    async def story() -> None:
        seen: list[bool] = []

        async def waiting() -> None:
            limit = TimeLimit(never)
            limit.begin(1.0)
            try:
                await asyncio.Event().wait()
            finally:
                seen.append(limit.end())

        task = asyncio.get_running_loop().create_task(waiting())
        # Both in one step of the loop: the limit first, somebody else right after it.
        await asyncio.sleep(0.9)
        asyncio.get_running_loop().call_at(task.get_loop().time() + 0.1, task.cancel)
        await asyncio.wait([task])
        assert task.cancelled()
        assert seen == [False]

    play(story())


def test_a_pause_in_which_nobody_waits_is_never_cancelled() -> None:
    async def story() -> None:
        limit = TimeLimit(never)
        limit.begin(1.0)
        assert not limit.end()
        await asyncio.sleep(10.0)
        limit.begin(1.0)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(10.0)
        assert limit.end()

    play(story())


def test_asking_again_after_a_deadline_is_not_disturbed_by_an_old_timer() -> None:
    async def story() -> None:
        stage = staged(*answer())
        for _ in range(3):
            assert (await stage.tell(asking())).final.cost_nano_usd == 39_000
            await asyncio.sleep(30.0)
        await stage.close()

    play(story())


def test_a_caller_without_a_deadline_is_not_kept_waiting_for_as_long_as_a_provider_likes() -> None:
    async def story() -> None:
        stage = Stage()
        only = asking(constraints=Constraints(allowed_models=frozenset({"poor"})))
        stage.provider.script("poor@one", [fault(FaultKind.OVERLOADED, 59.0)])
        assert (await stage.tell(only, seconds=math.inf)).text == "one two three"
        stage.provider.script("poor@one", [fault(FaultKind.OVERLOADED, 3600.0)])
        began = stage.clock.monotonic()
        told = await stage.tell(only, seconds=math.inf)
        assert isinstance(told.error, ProvidersUnavailableError)
        assert told.error.retry_after_seconds == 3600.0
        assert stage.clock.monotonic() - began < 1.0
        await stage.close()

    play(story())


@pytest.mark.parametrize(
    ("comes_at", "until", "error", "billed"),
    [
        (3.0, 100.0, None, None),
        (3.0, 9.0, DeadlineExceededError, AttemptError.CANCELLED),
        (6.5, 100.0, DeadlineExceededError, AttemptError.CANCELLED),
    ],
)
def test_an_attempt_goes_on_while_somebody_waits_who_has_more_time_than_the_first(
    comes_at: float, until: float, error: type[Exception] | None, billed: AttemptError | None
) -> None:
    async def story() -> None:
        stage = staged(*texts("a"), 9.5, *texts("b"), used(), finished(), between_chunks=20.0)
        began = stage.clock.monotonic()
        audience = Audience(began + 6.0)
        asyncio.get_running_loop().call_later(comes_at, setattr, audience, "until", began + until)
        told = await stage.tell(audience=audience)
        assert type(told.error) is (error or type(None))
        assert stage.heard.attempts[0][1] is billed
        await stage.close()

    play(story())


def test_whoever_comes_nobody_waits_longer_than_the_endpoint_is_given() -> None:
    async def story() -> None:
        stage = staged(*texts("a"), 9.5, *texts("b"), used(), finished(), between_chunks=8.0)
        audience = Audience(stage.clock.monotonic() + 6.0)
        asyncio.get_running_loop().call_later(3.0, setattr, audience, "until", math.inf)
        told = await stage.tell(audience=audience)
        assert isinstance(told.error, AnswerCutError)
        assert stage.heard.attempts[0][1] is AttemptError.CUT
        assert stage.heard.attempts[0][2] == pytest.approx(8.0, abs=0.01)
        await stage.close()

    play(story())
