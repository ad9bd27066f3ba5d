"""The reference and the native engine live the same random life, side by side, and never disagree.

A disagreement on the pick or on a choice distribution is forgiven only where scores tie within the promised 1e-9, which
random worlds do not produce: so none is.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from atp_grpc.engine.checkpoint import decode
from atp_grpc.engine.contract import EngineError
from atp_grpc.engine.header import READING_INTERVAL
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.engine.self_test import pack, spell_choice, spell_summary
from tests.conformance.engine.strategies import MOMENTS, UNIT, outcomes, parameters, queries, worlds
from tests.conformance.engine.world import ARMS, NOW, OFFERS, outcome

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from atp_grpc.engine.contract import Arm, Engine, EngineParameters, Offer, Outcome, Query
    from tests.conformance.engine.conftest import EngineFactory


class TwoEngines(RuleBasedStateMachine):
    """Every rule is done to both engines; answers, refusals and states must agree."""

    make_native: ClassVar[EngineFactory]

    @initialize(chosen=parameters())
    def begin(self, chosen: EngineParameters) -> None:
        self.parameters = chosen
        self.engines: list[Engine] = [ReferenceEngine(chosen), type(self).make_native(chosen)]
        self.sequence = 0
        self.latest = 0
        self.both(lambda engine: engine.load(ARMS, OFFERS, 1))

    def not_long_before_the_evidence(self, moment: int) -> int:
        """Reading far back magnifies evidence until its matrix has no inverse in 64 bits; agreement ends there."""
        half_life = self.parameters.half_life_nanos
        return moment if half_life is None else max(moment, self.latest - 4 * half_life)

    def readable(self, question: Query) -> Query:
        moment = self.not_long_before_the_evidence(question.now_nanos)
        return question._replace(now_nanos=moment, generation=self.engines[0].generation)

    def both(self, act: Callable[[Engine], object]) -> None:
        ours, theirs = (_answer(engine, act) for engine in self.engines)
        assert ours == theirs

    def teach(self, lesson: Outcome) -> None:
        """Lets both learn an outcome; the one at which the common part is read is not long before the evidence."""
        reference = self.engines[0]
        assert isinstance(reference, ReferenceEngine)
        if reference._statistics.common.age == READING_INTERVAL - 1:
            moment = self.not_long_before_the_evidence(min(lesson.decided_nanos, lesson.now_nanos))
            lesson = lesson._replace(decided_nanos=moment, now_nanos=moment)
        self.latest = max(self.latest, min(lesson.decided_nanos, lesson.now_nanos))
        self.both(lambda engine: engine.learn(lesson))

    @rule(world=worlds(), step=st.integers(-1, 2))
    def load(self, world: tuple[list[Arm], list[Offer]], step: int) -> None:
        generation = self.engines[0].generation + step
        self.both(lambda engine: engine.load(*world, generation))
        assert self.engines[0].generation == self.engines[1].generation

    @rule(lesson=outcomes(0), step=st.integers(-1, 3))
    def learn(self, lesson: Outcome, step: int) -> None:
        self.sequence = max(0, self.sequence + step)
        self.teach(lesson._replace(sequence=self.sequence))

    @rule(question=queries(), seeds=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4))
    def learn_what_was_chosen(self, question: Query, seeds: list[int]) -> None:
        for seed in seeds:
            asked = self.readable(question._replace(seed=seed))
            choice = self.engines[0].choose(asked)
            self.sequence += 1
            if choice.chosen is None:
                continue
            lesson = outcome(
                self.sequence,
                arm=self.engines[0].summary(NOW).arms[OFFERS[asked.candidates[choice.chosen]].arm].name,
                features=choice.features,
                decided_nanos=asked.now_nanos,
                now_nanos=asked.now_nanos,
                quality=(seed % 101) / 100,
                predicted_mean=choice.predicted_mean,
                predicted_linear=choice.predicted_linear,
                tenant=asked.tenant,
            )
            self.teach(lesson)

    @rule(
        grades=st.lists(
            st.tuples(st.sampled_from("abcd"), st.sampled_from([arm.name for arm in ARMS]), UNIT),
            min_size=4,
            max_size=9,
        )
    )
    def learn_from_many_tenants(self, grades: list[tuple[str, str, float]]) -> None:
        for tenant, arm, quality in grades:
            self.sequence += 1
            lesson = outcome(
                self.sequence, arm=arm, tenant=tenant, quality=quality, predicted_mean=0.5, predicted_linear=0.25
            )
            self.teach(lesson)

    @rule(
        count=st.integers(20, 70),
        chance=st.randoms(use_true_random=False),
        tokens=st.none() | st.floats(0, 900),
    )
    def learn_much(self, count: int, chance: random.Random, tokens: float | None) -> None:
        for _ in range(count):
            self.sequence += 1
            side = chance.uniform(-1, 1)
            lesson = outcome(
                self.sequence,
                arm=chance.choice(ARMS).name,
                features=pack([side, chance.uniform(-1, 1), 0.5]),
                quality=min(1.0, max(0.0, 0.5 + 0.4 * side + 0.1 * chance.random())),
                output_tokens=tokens,
                latency_seconds=chance.lognormvariate(0.0, 0.5),
            )
            self.teach(lesson)

    @rule(
        arm=st.sampled_from([*(arm.name for arm in ARMS), "nobody's"]),
        keep=st.sampled_from([0.0, 0.25, 0.7, 1.0, 1.5, -1.0, float("nan")]),
    )
    def discount(self, arm: str, keep: float) -> None:
        self.both(lambda engine: engine.discount(arm, keep))

    @rule(question=queries(), stale=st.sampled_from([0, 0, 0, 0, 1]))
    def choose(self, question: Query, stale: int) -> None:
        asked = self.readable(question)
        asked = asked._replace(generation=asked.generation + stale)
        ours, theirs = (_answer(engine, lambda engine: spell_choice(engine.choose(asked))) for engine in self.engines)
        _assert_close(ours, theirs)

    @rule(questions=st.lists(queries(), max_size=5))
    def choose_batch(self, questions: list[Query]) -> None:
        asked = [self.readable(question) for question in questions]
        ours, theirs = (
            [
                type(answer).__name__ if isinstance(answer, EngineError) else spell_choice(answer)
                for answer in engine.choose_batch(asked)
            ]
            for engine in self.engines
        )
        _assert_close(ours, theirs)

    @rule(moment=MOMENTS)
    def summarise(self, moment: int) -> None:
        moment = self.not_long_before_the_evidence(moment)
        ours, theirs = (spell_summary(engine.summary(moment)) for engine in self.engines)
        for summary in (ours, theirs):
            for arm in summary["arms"]:
                # The root of a difference that may be all rounding: compared by its square.
                arm["residual_sd"] = arm["residual_sd"] ** 2
        _assert_close(ours, theirs, absolute=1e-9)

    @rule()
    def swap_states(self) -> None:
        ours, theirs = (engine.checkpoint() for engine in self.engines)
        self.engines[0].restore(theirs)
        self.engines[1].restore(ours)
        assert self.engines[0].checkpoint() == theirs
        assert self.engines[1].checkpoint() == ours

    @rule(data=st.binary(max_size=60), position=st.integers(0, 400))
    def restore_damaged(self, data: bytes, position: int) -> None:
        state = self.engines[0].checkpoint()
        damaged = state[:position] + data
        self.both(lambda engine: engine.restore(damaged))

    @rule(quality=st.sampled_from([-0.5, 1.5, float("nan"), float("inf")]))
    def refuse(self, quality: float) -> None:
        self.both(lambda engine: engine.learn(outcome(2**62, features=pack([0, 0, 0]), quality=quality)))

    @invariant()
    def states_agree(self) -> None:
        ours, theirs = (decode(engine.checkpoint()) for engine in self.engines)
        assert (ours.epoch_nanos, ours.learned, ours.high_water) == (
            theirs.epoch_nanos,
            theirs.learned,
            theirs.high_water,
        )
        assert (ours.context_on, ours.common_age) == (theirs.context_on, theirs.common_age)
        _assert_close(list(ours.common), list(theirs.common), absolute=1e-9)
        assert ours.arms.keys() == theirs.arms.keys()
        _assert_close(list(ours.gate), list(theirs.gate), absolute=1e-9)
        for name, record in ours.arms.items():
            for numbers, twins in zip(dataclasses.astuple(record), dataclasses.astuple(theirs.arms[name]), strict=True):
                _assert_close(list(numbers), list(twins))
        assert list(ours.tenants) == list(theirs.tenants)
        for name, tenant in ours.tenants.items():
            twin = theirs.tenants[name]
            assert (tenant.touched, list(tenant.arms)) == (twin.touched, list(twin.arms))
            for arm, sums in tenant.arms.items():
                _assert_close(list(sums), list(twin.arms[arm]), absolute=1e-9)


def _answer(engine: Engine, act: Callable[[Engine], object]) -> object:
    try:
        return act(engine)
    except EngineError as error:
        return type(error).__name__


def _assert_close(ours: object, theirs: object, absolute: float = 1e-11) -> None:
    """Equal in shape and in everything that is not a float; floats within 1e-9."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for key, value in ours.items():
            _assert_close(value, theirs[key], absolute)
    elif isinstance(ours, list) and isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            _assert_close(one, other, absolute)
    elif isinstance(ours, float):
        assert theirs == pytest.approx(ours, rel=1e-9, abs=absolute)
    else:
        assert ours == theirs


@pytest.mark.native
@pytest.mark.state_machine
def test_reference_and_native_live_the_same_life(make_native: EngineFactory) -> None:
    machine = type("TwoEnginesOfThisBuild", (TwoEngines,), {"make_native": staticmethod(make_native)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=120,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # Shrinking a life of forty steps takes minutes: add Phase.shrink while chasing a failure.
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
        ),
    )
