"""Cheap models first: what stands is shown, what does not is billed and never seen."""

from __future__ import annotations

import math
from collections.abc import Sequence

from atp_grpc.asking.cascade import cheaper_first, stands
from atp_grpc.domain.ask import CacheUse, Delta, Final, FinishReason, OnCut, Spent, Switch
from atp_grpc.domain.decision import Candidate, Expectation, Target
from atp_grpc.domain.flags import Flag
from atp_grpc.domain.policy import Cascade
from atp_grpc.providers.contract import Certainty, FaultKind
from tests.unit.asking.scripted import Step, answer, fault, finished, texts, used
from tests.unit.asking.stage import DEPLOYMENTS, Stage
from tests.unit.asking.told import Told, asking
from tests.unit.asking.virtual_time import play

SURE, UNSURE = 0.9, 0.4
CASCADE = Cascade(min_confidence=0.8, most_escalations=2)


def cascading(*, poor: Sequence[Step], fair: Sequence[Step] | None = None, good: Sequence[Step] | None = None) -> Stage:
    stage = Stage(cascade=CASCADE)
    stage.provider.script("poor@one", poor)
    for name, script in (("fair@one", fair), ("good@one", good), ("good@two", good)):
        if script is not None:
            stage.provider.script(name, script)
    return stage


async def told_by(stage: Stage, **request: object) -> Told:
    told = await stage.tell(asking(**request))  # type: ignore[arg-type]
    assert stage.in_flight == 0
    await stage.close()
    return told


def models(stage: Stage) -> list[str]:
    return [name.partition("@")[0] for name in stage.provider.called]


def test_a_sure_answer_of_the_cheapest_model_stands() -> None:
    async def story() -> None:
        stage = cascading(poor=answer(sure=SURE))
        told = await told_by(stage)
        assert models(stage) == ["poor"]
        assert stage.provider.calls[0].generation.wants_certainty
        assert told.decided.target.model == "good"
        assert told.final.target.model == "poor"
        assert told.final.confidence is not None
        assert math.isclose(told.final.confidence, SURE)
        assert told.text == "one two three"

    play(story())


def test_an_unsure_answer_is_billed_and_not_shown_and_the_next_dearer_model_is_asked() -> None:
    async def story() -> None:
        stage = cascading(poor=answer("wrong", sure=UNSURE), fair=answer("worse", sure=UNSURE), good=answer("right"))
        told = await told_by(stage)
        assert models(stage) == ["poor", "fair", "good"]
        assert told.text == "right"
        assert told.of(Switch) == []
        assert [spent.total_cost_nano_usd for spent in told.of(Spent)] == [13_000, 39_000]
        assert told.final.cost_nano_usd == 13_000 + 26_000 + 39_000
        assert [billed.attempt.error for billed in told.final.attempts] == [None, None, None]

    play(story())


def test_an_answer_whose_confidence_nobody_knows_stands_if_it_ended_well() -> None:
    async def story() -> None:
        stage = cascading(poor=answer("well"))
        told = await told_by(stage)
        assert (told.text, told.final.confidence) == ("well", None)
        short = cascading(poor=[*texts("sho"), used(), finished(FinishReason.LENGTH)], fair=answer("longer", sure=SURE))
        assert (await told_by(short)).text == "longer"

    play(story())


def test_the_answer_that_was_held_back_stands_when_nobody_dearer_gives_one() -> None:
    async def story() -> None:
        failing: list[Step] = [fault(FaultKind.UNAVAILABLE)]
        stage = cascading(poor=answer("better than nothing", sure=UNSURE), fair=failing, good=failing)
        told = await told_by(stage)
        assert told.text == "better than nothing"
        assert told.final.target.model == "poor"
        assert len(told.final.attempts) == 3
        late = cascading(poor=answer("in time", sure=UNSURE), fair=[100.0])
        told = await late.tell(asking(), seconds=5.0)
        assert told.text == "in time"
        assert isinstance(told.events[-1], Final)
        await late.close()

    play(story())


def test_a_cascade_stays_inside_one_budget() -> None:
    async def story() -> None:
        stage = cascading(poor=answer("cheap", sure=UNSURE, output=270), fair=answer("dear", sure=SURE))
        await stage.give(795_000)
        told = await stage.tell()
        # The money that is left does not buy what the next model is expected to cost.
        assert (told.text, models(stage)) == ("cheap", ["poor"])
        assert stage.spent() == told.final.cost_nano_usd == 280_000
        assert stage.held() == 0
        await stage.close()

    play(story())


def test_a_held_back_answer_that_breaks_off_was_shown_to_nobody() -> None:
    async def story() -> None:
        stage = cascading(poor=[*texts("half "), fault(FaultKind.CUT)], fair=answer("whole", sure=SURE))
        told = await told_by(stage, on_cut=OnCut.FAIL)
        assert told.text == "whole"
        assert [switch.restarts for switch in told.of(Switch)] == [False]
        assert told.of(Delta) == [Delta("whole", total_characters=5)]

    play(story())


def test_what_is_too_long_to_be_held_back_is_shown() -> None:
    async def story() -> None:
        stage = Stage(cascade=CASCADE, most_held_bytes=8)
        stage.provider.script("poor@one", answer("four", "five5", "more", sure=UNSURE))
        told = await stage.tell()
        assert [delta.text for delta in told.of(Delta)] == ["fourfive5", "more"]
        assert told.final.target.model == "poor"
        unary = Stage(cascade=CASCADE, most_held_bytes=8)
        unary.provider.script("poor@one", answer("four", "five5", "more", sure=UNSURE))
        assert (await unary.tell(asking(is_streamed=False))).text == "fourfive5more"
        await stage.close()
        await unary.close()

    play(story())


def test_a_cascade_that_is_switched_off_asks_the_drawn_model() -> None:
    async def story() -> None:
        stage = Stage(cascade=CASCADE)
        stage.off.add(Flag.ASK_CASCADE)
        told = await told_by(stage)
        assert told.final.target.model == "good"
        assert not stage.provider.calls[0].generation.wants_certainty

    play(story())


def test_attempts_bound_a_cascade() -> None:
    async def story() -> None:
        stage = Stage(cascade=CASCADE, attempts=2)
        for name in DEPLOYMENTS:
            stage.provider.script(name, answer(name, sure=UNSURE))
        await told_by(stage)
        assert models(stage) == ["poor", "good"]

    play(story())


def test_only_cheaper_candidates_that_were_not_set_aside_come_before_the_drawn_one() -> None:
    def candidate(name: str, cost: int, propensity: float) -> Candidate:
        return Candidate(Target(name, name, "p"), Expectation(0.5, cost, 1.0, 0.0), 0.5, propensity)

    many = [
        candidate("drawn", 50, 0.7),
        candidate("b", 10, 0.1),
        candidate("a", 10, 0.1),
        candidate("aside", 1, 0.0),
        candidate("dear", 90, 0.1),
        candidate("c", 49, 0.1),
    ]
    assert [one.target.model for one in cheaper_first(many, 0, 2)] == ["a", "b"]
    assert [one.target.model for one in cheaper_first(many, 0, 9)] == ["a", "b", "c"]


def test_confidence_below_the_least_or_a_bad_end_never_stands() -> None:
    assert stands(CASCADE, FinishReason.STOP, 0.8)
    assert stands(CASCADE, FinishReason.TOOL_CALLS, None)
    assert not stands(CASCADE, FinishReason.STOP, 0.79)
    assert not stands(CASCADE, FinishReason.CONTENT_FILTER, 1.0)
    assert not stands(CASCADE, FinishReason.LENGTH, None)


def test_confidence_is_the_geometric_mean_over_every_token() -> None:
    async def story() -> None:
        stage = cascading(
            poor=[
                *texts("a"),
                Certainty(math.log(0.5), 1),
                *texts("b"),
                Certainty(3 * math.log(0.9), 3),
                used(),
                finished(),
            ],
            fair=answer("sure", sure=SURE),
        )
        told = await told_by(stage)
        # (0.5 * 0.9 ** 3) ** (1 / 4) is 0.777, below 0.8; the plain mean of 0.8 would have stood.
        assert told.text == "sure"

    play(story())


def test_an_answer_that_stood_for_want_of_a_better_one_is_not_kept_for_others() -> None:
    async def story() -> None:
        failing: list[Step] = [fault(FaultKind.UNAVAILABLE)]
        stage = cascading(poor=answer("weak", sure=UNSURE), fair=failing, good=failing)
        told = await stage.tell(asking(cache=CacheUse.READ_AND_WRITE))
        assert (told.text, stage.cache.bytes_used) == ("weak", 0)
        await stage.close()

    play(story())
