"""A good Ask: what a caller is told, in which order, and what goes upstream."""

from __future__ import annotations

import asyncio

from atp_grpc.asking.attempt import MOST_BYTES_PER_TOKEN, SPARE_BYTES
from atp_grpc.domain.ask import Decided, Delta, Final, FinishReason
from atp_grpc.domain.errors import FeatureOffError, NoEligibleModelError
from atp_grpc.domain.flags import Flag
from atp_grpc.domain.outcome import AttemptError
from atp_grpc.domain.request import Constraints
from atp_grpc.providers.contract import Allowance
from tests.unit.asking.scripted import answer, finished, texts, tool_answer, used
from tests.unit.asking.stage import Stage
from tests.unit.asking.told import asking
from tests.unit.asking.virtual_time import play


def test_a_stream_tells_the_decision_then_every_delta_and_the_bill_at_the_end() -> None:
    async def story() -> None:
        stage = Stage()
        stage.provider.script("good@one", [1.0, *texts("one "), 2.0, *texts("two"), used(7, cached=30), finished()])
        told = await stage.tell()
        assert [type(event) for event in told.events] == [Decided, Delta, Delta, Final]
        assert told.decided == Decided(b"d1", "d1", told.final.target, 0)
        assert told.text == "one two"
        final = told.final
        assert (final.finish_reason, final.revision, final.is_estimated) == (FinishReason.STOP, "rev-1", False)
        assert final.cost_nano_usd == (10 + 7) * 3_000 + 30 * 300
        assert final.latency == (0.25, 0.0, 1.0, 3.25)
        (billed,) = final.attempts
        assert billed.attempt.latency_seconds == 3.0
        assert stage.heard.answers == [final]
        await stage.close()

    play(story())


def test_a_unary_caller_gets_the_whole_answer_in_one_delta_and_the_provider_is_not_asked_to_stream() -> None:
    async def story() -> None:
        stage = Stage()
        told = await stage.tell(asking(is_streamed=False))
        assert told.of(Delta) == [Delta("one two three", total_characters=13)]
        assert not stage.provider.calls[0].generation.is_streamed
        await stage.close()

    play(story())


def test_an_answer_that_comes_whole_has_no_first_token_to_wait_for() -> None:
    async def story() -> None:
        stage = Stage()
        stage.provider.script("good@one", [30.0, *answer()])
        stage.provider.script("good@two", [30.0, *answer()])
        told = await stage.tell(asking(is_streamed=False))
        assert told.final.latency.first_token == 30.0
        assert len(stage.provider.calls) == 1
        await stage.close()

    play(story())


def test_tool_calls_come_piece_by_piece_and_whole_to_a_unary_caller() -> None:
    async def story() -> None:
        stage = Stage()
        for name in ("good@one", "good@two"):
            stage.provider.script(name, tool_answer(), tool_answer())
        told = await stage.tell()
        assert [delta.arguments for delta in told.of(Delta)] == ["", '{"a":', "1}"]
        assert told.of(Delta)[0][1:4] == (0, "call-1", "add")
        assert told.final.finish_reason is FinishReason.TOOL_CALLS
        whole = await stage.tell(asking(is_streamed=False))
        assert whole.of(Delta) == [Delta("", 0, "call-1", "add", '{"a":1}', 0)]
        await stage.close()

    play(story())


def test_the_cap_goes_upstream_within_the_models_own() -> None:
    async def story() -> None:
        stage = Stage()
        for cap in (None, 7, 1000):
            await stage.tell(asking(max_output_tokens=cap, session_id="s"))
        generations = [call.generation for call in stage.provider.calls]
        assert [generation.max_output_tokens for generation in generations] == [400, 7, 400]
        assert [generation.call_id for generation in generations] == ["d1-1", "d2-1", "d3-1"]
        assert generations[0].session == "s"
        assert not generations[0].wants_certainty
        await stage.close()

    play(story())


def test_what_a_provider_says_is_left_for_a_key_saves_the_next_call_to_it() -> None:
    async def story() -> None:
        stage = Stage()
        for name in ("good@one", "good@two"):
            stage.provider.script(name, [Allowance(requests_left=0, reset_seconds=30.0), *answer()])
        models = [(await stage.tell()).final.target.model for _ in range(3)]
        assert models == ["good", "good", "fair"]
        await asyncio.sleep(31.0)
        assert (await stage.tell()).final.target.model == "good"
        await stage.close()

    play(story())


def test_an_answer_far_above_its_cap_is_ended_here() -> None:
    async def story() -> None:
        stage = Stage(attempts=1)
        for name in ("good@one", "good@two"):
            stage.provider.script(name, texts(*["x" * 64] * 100))
        told = await stage.tell(asking(max_output_tokens=3))
        assert told.reason == "ANSWER_CUT"
        assert len(told.text) == (3 * MOST_BYTES_PER_TOKEN + SPARE_BYTES) // 64 * 64
        await stage.close()

    play(story())


def test_what_is_switched_off_is_refused_before_anything_is_decided() -> None:
    async def story() -> None:
        stage = Stage()
        stage.off.add(Flag.ASK)
        told = await stage.tell()
        assert isinstance(told.error, FeatureOffError)
        assert told.events == []
        assert stage.observations == []
        await stage.close()

    play(story())


def test_a_request_that_nobody_may_serve_calls_nobody() -> None:
    async def story() -> None:
        stage = Stage()
        told = await stage.tell(asking(constraints=Constraints(region="mars")))
        assert isinstance(told.error, NoEligibleModelError)
        assert stage.provider.calls == []
        assert stage.observations == []
        await stage.close()

    play(story())


def test_final_is_only_told_once_the_bill_is_durable() -> None:
    async def story() -> None:
        stage = Stage()
        may_write = asyncio.Event()
        record = stage.store.record

        async def slowly(reports: object) -> object:
            await may_write.wait()
            return await record(reports)  # type: ignore[arg-type]

        stage.store.record = slowly  # type: ignore[method-assign, assignment]
        events: list[object] = []

        async def read() -> None:
            events.extend([event async for event in stage.answer()])

        reading = asyncio.get_running_loop().create_task(read())
        await asyncio.sleep(5.0)
        assert not reading.done()
        assert stage.in_flight == 0
        may_write.set()
        await reading
        assert isinstance(events[-1], Final)
        assert len(stage.observations) == 1
        await stage.close()

    play(story())


def test_every_attempt_teaches_its_own_arm() -> None:
    async def story() -> None:
        stage = Stage()
        await stage.tell()
        (seen,) = stage.observations
        (attempt,) = seen.recorded.attempts
        assert attempt.error is None
        assert (attempt.model, attempt.deployment) == (seen.lesson.model, "good@one")
        assert stage.heard.attempts == [(attempt_target(stage), None, attempt.latency_seconds, attempt.cost_nano_usd)]
        assert AttemptError.CANCELLED not in {told[1] for told in stage.heard.attempts}
        await stage.close()

    play(story())


def attempt_target(stage: Stage) -> object:
    return stage.heard.answers[0].target
