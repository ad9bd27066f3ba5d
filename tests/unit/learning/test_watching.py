"""Old evidence gives way at an alarm, and a restart gives way at the same ones."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.outcome import Observation, Recorded, Report
from atp_grpc.engine.contract import ContextMode, Engine, EngineParameters, Outcome
from atp_grpc.engine.contract import Learner as Algorithm
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.learning.change import WARM_UP, Alarm, Direction
from atp_grpc.learning.learner import Learner
from atp_grpc.learning.watching import Watch
from atp_grpc.store.memory import MemoryStore
from tests.unit.learning.examples import NOW, report_of
from tests.unit.routing.examples import deployment, model, snapshot

PARAMETERS = EngineParameters(
    pool="default", schema_id="acme.v1", dimension=2, cost_scale_nano_usd=1e6, latency_scale_seconds=1.0
)
FALL = [0.9, 0.5] * WARM_UP + [0.0] * 20
"""Grades about what the lessons of these tests predict, and then none that is any good."""


VIEW = snapshot([model("large"), model("small")], [deployment("large"), deployment("small")])


def engine_of(**changes: Any) -> ReferenceEngine:
    engine = ReferenceEngine(dataclasses.replace(PARAMETERS, **changes))
    engine.load(VIEW.arms, VIEW.offers, 1)
    return engine


def outcome(sequence: int, quality: float | None, arm: str = "small", **changes: Any) -> Outcome:
    figures = {"output_tokens": 50.0, "latency_seconds": 0.5, "predicted_mean": 0.7, "predicted_linear": 0.7}
    return Outcome(arm, "r1", sequence, NOW, NOW, bytes(8), quality, **{**figures, **changes})


def teach(engine: Engine, watch: Watch | None, grades: list[float], first: int = 0) -> None:
    """An arm that is graded so, and another one that is as good as predicted all along."""
    for number, quality in enumerate(grades, first):
        for each in (outcome(2 * number + 1, 0.7, "large"), outcome(2 * number + 2, quality)):
            assert engine.learn(each)
            if watch is not None:
                watch.learn(each)


def heard_by(engine: Engine) -> tuple[Watch, list[Alarm]]:
    alarms: list[Alarm] = []
    return Watch(engine, alarms.append), alarms


@pytest.mark.parametrize(
    ("changes", "prediction"),
    [
        ({}, 0.25),
        ({"context": ContextMode.ON}, 0.25),
        ({"context": ContextMode.OFF}, 0.75),
        ({"learner": Algorithm.UCB1}, 0.75),
        ({"learner": Algorithm.THOMPSON_BETA}, 0.75),
        ({"learner": Algorithm.LINUCB}, 0.25),
    ],
)
def test_a_grade_is_held_against_the_prediction_that_the_policys_learner_reads(
    changes: dict[str, Any], prediction: float
) -> None:
    engine = engine_of(**changes)
    watch, alarms = heard_by(engine)
    assert watch.expected(0.75, 0.25) == prediction
    for sequence in range(1, 3 * WARM_UP):
        watch.learn(outcome(sequence, prediction, predicted_mean=0.75, predicted_linear=0.25))
    assert not alarms
    for sequence in range(1, WARM_UP):
        watch.learn(outcome(sequence, 1.0 - prediction, predicted_mean=0.75, predicted_linear=0.25))
    assert alarms[0].direction is (Direction.ROSE if prediction < 0.5 else Direction.FELL)


def test_an_alarm_leaves_half_as_much_evidence_as_was_seen_of_the_change_and_spares_the_other_arm() -> None:
    engine, plain = engine_of(), engine_of()
    watch, alarms = heard_by(engine)
    count = 0
    while not alarms:
        teach(engine, watch, FALL[count : count + 1], count)
        teach(plain, None, FALL[count : count + 1], count)
        count += 1
    (alarm,) = alarms
    assert (alarm.arm, alarm.direction) == ("small", Direction.FELL)
    known = {arm.name: arm.observations for arm in engine.summary(NOW).arms}
    assert known == {"small": pytest.approx(alarm.outcomes / 2), "large": pytest.approx(count)}
    # It is the engine's own way of forgetting, and nothing but that.
    assert plain.discount("small", alarm.keep(float(count)))
    assert engine.checkpoint() == plain.checkpoint()


def test_a_watch_that_is_off_discounts_nothing_and_looks_on() -> None:
    engine, other, plain = engine_of(), engine_of(), engine_of()
    (watch, alarms), (acting, acted) = heard_by(engine), heard_by(other)
    watch.is_on = False
    teach(engine, watch, FALL)
    teach(other, acting, FALL)
    teach(plain, None, FALL)
    assert (alarms, engine.checkpoint()) == ([], plain.checkpoint())
    assert acted
    assert watch.state(1) == acting.state(1)


@pytest.mark.parametrize("changes", [{"predicted_mean": None}, {"predicted_linear": None}, {"quality": None}])
def test_what_carries_no_grade_or_no_prediction_says_nothing(changes: dict[str, Any]) -> None:
    watch, _ = heard_by(engine_of())
    before = watch.state(0)
    watch.learn(outcome(1, 0.5)._replace(**changes))
    assert watch.state(0) == before


def learner_on(store: MemoryStore, alarms: list[Alarm]) -> Learner:
    engine = engine_of()
    return Learner(
        engine=engine,
        store=store,
        clock=ManualClock(NOW),
        pool="default",
        replica="r1",
        on_refused=lambda _, kind: pytest.fail(kind),
        watch=Watch(engine, alarms.append),
        on_prior=lambda: None,
    )


async def record(store: MemoryStore, number: int, quality: float) -> Observation:
    report = report_of(f"d{number}", Report(quality=quality))
    # At once, so that every prediction is still believed.
    (answer,) = await store.record([report._replace(observed_nanos=NOW)])
    assert isinstance(answer, Recorded)
    assert answer.observation is not None
    return answer.observation


@settings(max_examples=15, deadline=None)
@given(data=st.data())
async def test_a_restart_hears_the_alarms_that_one_pass_hears_and_ends_in_its_state(data: st.DataObject) -> None:
    checkpoint_after = data.draw(st.integers(0, len(FALL)))
    crash_after = data.draw(st.integers(checkpoint_after, len(FALL)))
    store, before, late, straight = MemoryStore("r1"), list[Alarm](), list[Alarm](), list[Alarm]()
    first, whole = learner_on(store, before), learner_on(MemoryStore("r1"), straight)
    kept = 0
    for number, quality in enumerate(FALL):
        observation = await record(store, number, quality)
        whole.learn(observation)
        if number < crash_after:
            first.learn(observation)
        if number + 1 == checkpoint_after:
            await first.checkpoint()
            kept = len(before)
    second = learner_on(store, late)
    await second.restore()
    assert straight
    assert before[:kept] + late == straight
    assert second._engine.checkpoint() == whole._engine.checkpoint()
    assert second.watch.state(second.revision) == whole.watch.state(whole.revision)


async def test_a_detector_of_another_moment_than_the_engines_begins_anew() -> None:
    store = MemoryStore("r1")
    learner = learner_on(store, [])
    learner.learn(await record(store, 0, 0.5))
    await learner.checkpoint()
    old = await store.read_fact("change.default")
    assert old is not None
    learner.learn(await record(store, 1, 0.5))
    await learner.checkpoint()
    again = learner_on(store, [])
    await again.restore()
    assert again.watch.state(2) == learner.watch.state(2)
    # As after a crash between the engine's checkpoint and the detector's.
    await store.write_fact("change.default", old)
    anew = learner_on(store, [])
    await anew.restore()
    assert json.loads(anew.watch.state(2)) == {"learned": 2, "arms": {}, "judged_from": {}}


def test_a_late_grade_of_a_decision_from_before_an_arm_was_known_or_before_its_alarm_is_no_surprise() -> None:
    engine = engine_of()
    watch, alarms = heard_by(engine)

    def grades(first: int, count: int, quality: float, *, decided: int, now: int) -> None:
        for sequence in range(first, first + count):
            late = outcome(sequence, quality)._replace(decided_nanos=decided, now_nanos=now)
            assert engine.learn(late)
            watch.learn(late)

    grades(1, 500, 0.2, decided=NOW, now=NOW + 10)
    assert not alarms
    grades(501, 30, 0.2, decided=NOW + 10, now=NOW + 20)
    assert [alarm.direction for alarm in alarms] == [Direction.FELL]
    grades(531, 500, 0.2, decided=NOW + 19, now=NOW + 30)
    assert len(alarms) == 1
    text = watch.state(1)
    again, heard = heard_by(engine)
    again.restore(text, 1)
    assert again.state(1) == text
    assert not heard


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rubbish",
        "[]",
        "7",
        "null",
        "{}",
        '{"learned": 1}',
        '{"learned": 1, "arms": []}',
        '{"learned": 1, "arms": 1}',
        '{"learned": 1, "arms": {"small": [1, 2]}}',
        '{"learned": 1, "arms": {}, "judged_from": 1}',
        '{"learned": 1, "arms": {}, "judged_from": {"small": "soon"}}',
    ],
)
def test_a_detector_that_cannot_be_read_begins_anew(text: str) -> None:
    watch, _ = heard_by(engine_of())
    watch.learn(outcome(1, 0.5))
    watch.restore(text, 1)
    assert json.loads(watch.state(1)) == {"learned": 1, "arms": {}, "judged_from": {}}


def test_a_learner_that_succeeds_another_goes_on_watching_where_it_stood() -> None:
    first, second = learner_on(MemoryStore("r1"), []), learner_on(MemoryStore("r1"), [])
    first.watch.learn(outcome(1, 0.5))
    assert second.succeed(first)
    assert second.watch.state(0) == first.watch.state(0)
    assert json.loads(second.watch.state(0))["arms"].keys() == {"small"}
