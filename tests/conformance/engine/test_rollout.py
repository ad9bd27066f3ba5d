"""Two engines behind one promise: each has its share, both know everything, and a failure of one costs nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.engine.contract import (
    EngineError,
    EnginePanicError,
    InvalidOutcomeError,
    InvalidQueryError,
    StaleGenerationError,
)
from atp_grpc.engine.native import NativeEngine
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.engine.reference.chance import PICK_STREAM, POSTERIOR_STREAM, uniform
from atp_grpc.engine.rollout import ROLLOUT_STREAM, RolloutEngine
from atp_grpc.engine.self_test import run_self_test, spell_choice
from tests.conformance.engine.panicking import FEATURES, PanicException, PanickingEngine, lesson
from tests.conformance.engine.world import ARMS, NOW, OFFERS, OWN, outcome, query

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Choice, Engine, Query

SHARE = 0.4


class Pair:
    """A rollout over a native engine that can fail, beside a twin that nothing happens to."""

    def __init__(self, error: type[BaseException] = PanicException, native_share: float = SHARE) -> None:
        self.native, self.reference = PanickingEngine(error), ReferenceEngine(OWN)
        self.reasons: list[str] = []
        self.engine = RolloutEngine(
            self.native, self.reference, native_share=native_share, on_quarantine=self.reasons.append
        )
        self.twin = ReferenceEngine(OWN)
        for each in (self.engine, self.twin):
            each.load(ARMS, OFFERS, 3)
        self.teach(range(6))

    def teach(self, sequences: range) -> None:
        for sequence in sequences:
            assert self.engine.learn(lesson(sequence))
            assert self.twin.learn(lesson(sequence))

    def assert_equal(self) -> None:
        assert self.engine.checkpoint() == self.twin.checkpoint() == self.reference.checkpoint()
        assert CALLS["choose_batch"](self.engine) == CALLS["choose_batch"](self.twin)
        assert self.engine.summary(NOW) == self.twin.summary(NOW)
        assert self.engine.generation == self.twin.generation == self.reference.generation

    def assert_set_aside(self, reason: str) -> None:
        assert self.engine.quarantined
        assert (self.engine.name, self.engine.version) == ("reference", self.reference.version)
        assert self.reasons == [reason]
        seen = self.native.calls
        self.assert_equal()
        self.teach(range(50, 60))
        self.assert_equal()
        assert self.native.calls == seen


def ask(seed: int, generation: int = 3) -> Query:
    return query(generation=generation, features=FEATURES, seed=seed)


def asks(generation: int = 3) -> list[Query]:
    return [ask(seed, generation) for seed in range(40)]


def spell(answer: Choice | EngineError) -> object:
    return type(answer) if isinstance(answer, EngineError) else spell_choice(answer)


def is_for_native(seed: int, share: float = SHARE) -> bool:
    return uniform(seed, 3, 0) < share


NATIVES_SEED = next(seed for seed in range(100) if is_for_native(seed))

CALLS: dict[str, Callable[[Engine], object]] = {
    "choose": lambda engine: spell(engine.choose(ask(NATIVES_SEED, engine.generation))),
    "choose_batch": lambda engine: [spell(one) for one in engine.choose_batch(asks(engine.generation))],
    "checkpoint": lambda engine: engine.checkpoint(),
    "learn": lambda engine: engine.learn(lesson(6)),
    "discount": lambda engine: engine.discount(ARMS[1].name, 0.5),
    "load": lambda engine: engine.load(ARMS, OFFERS, 3 + engine.generation),
    "restore": lambda engine: engine.restore(engine.checkpoint()),
}


def test_nothing_is_noticed_of_there_being_two() -> None:
    pair = Pair()
    assert (pair.engine.name, pair.engine.version) == ("native", pair.native.version)
    assert pair.engine.parameters == OWN
    assert not pair.engine.quarantined
    pair.assert_equal()
    for call in CALLS.values():
        assert call(pair.engine) == call(pair.twin)
    assert pair.native.checkpoint() == pair.reference.checkpoint()
    assert pair.native.generation == pair.reference.generation
    with pytest.raises(InvalidQueryError):
        pair.engine.features("text")
    assert pair.reasons == []


@given(seed=st.integers(0, 2**64 - 1), share=st.floats(0, 1))
@settings(deadline=None, max_examples=50)
def test_the_seed_alone_says_who_answers(seed: int, share: float) -> None:
    pair = Pair(native_share=share)
    for _ in range(2):
        seen = pair.native.calls
        assert spell(pair.engine.choose(ask(seed))) == spell(pair.twin.choose(ask(seed)))
        assert pair.native.calls - seen == is_for_native(seed, share)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.9])
def test_the_native_engine_gets_its_share(share: float) -> None:
    count = 4000
    pair = Pair(native_share=share)
    before = pair.native.calls
    for seed in range(count):
        pair.engine.choose(ask(seed))
    expected, spread = share * count, math.sqrt(count * share * (1 - share))
    assert abs(pair.native.calls - before - expected) < 4 * spread


def test_who_answers_says_nothing_about_the_choice() -> None:
    assert ROLLOUT_STREAM not in {POSTERIOR_STREAM, PICK_STREAM}
    count = 4000
    for stream in (POSTERIOR_STREAM, PICK_STREAM):
        products = [
            (uniform(seed, ROLLOUT_STREAM, 0) - 0.5) * (uniform(seed, stream, 0) - 0.5) for seed in range(count)
        ]
        # The product of two independent uniforms about 0 has mean 0 and standard deviation 1/12.
        assert abs(sum(products) / count) < 4 / 12 / math.sqrt(count)


def test_a_batch_is_split_and_comes_back_in_order() -> None:
    pair = Pair()
    queries = asks()
    queries[7] = queries[7]._replace(candidates=())
    queries[NATIVES_SEED] = queries[NATIVES_SEED]._replace(generation=1)
    mixed = [spell(one) for one in pair.engine.choose_batch(queries)]
    assert mixed == [spell(one) for one in pair.twin.choose_batch(queries)]
    assert (mixed[7], mixed[NATIVES_SEED]) == (InvalidQueryError, StaleGenerationError)
    assert pair.engine.choose_batch([]) == []


def test_arms_and_state_that_come_from_elsewhere_reach_both() -> None:
    pair, elsewhere = Pair(), ReferenceEngine(OWN)
    elsewhere.learn(outcome(9, arm="giant", quality=0.125))
    pair.engine.restore(elsewhere.checkpoint())
    pair.engine.load(ARMS[:2], OFFERS[:2], 7)
    elsewhere.load(ARMS[:2], OFFERS[:2], 7)
    pair.engine.learn(lesson(1))
    elsewhere.learn(lesson(1))
    for each in (pair.native, pair.reference, pair.engine):
        assert each.checkpoint() == elsewhere.checkpoint()
        two = ask(1, 7)._replace(candidates=(0, 1))
        assert spell(each.choose(two)) == spell(elsewhere.choose(two))


def test_what_is_refused_reaches_neither() -> None:
    pair = Pair()
    state = pair.native.checkpoint()
    with pytest.raises(InvalidOutcomeError):
        pair.engine.learn(outcome(99, quality=7.0))
    with pytest.raises(StaleGenerationError):
        pair.engine.load(ARMS[:1], OFFERS[:1], 3)
    with pytest.raises(EngineError):
        pair.engine.restore(b"ATPENG1\nrubbish")
    assert not pair.engine.learn(lesson(2))
    with pytest.raises(InvalidOutcomeError):
        pair.engine.discount("tiny", 2.0)
    for seed in range(20):
        with pytest.raises(InvalidQueryError):
            pair.engine.choose(ask(seed)._replace(candidates=()))
    assert not pair.engine.quarantined
    assert pair.native.checkpoint() == state
    pair.assert_equal()


@pytest.mark.parametrize("error", [PanicException, EnginePanicError])
@pytest.mark.parametrize("call", CALLS)
def test_a_panic_costs_no_answer_and_no_outcome(call: str, error: type[BaseException]) -> None:
    pair = Pair(error)
    expected = CALLS[call](pair.twin)
    pair.native.broken = {call}
    assert CALLS[call](pair.engine) == expected
    pair.assert_set_aside(f"{call}: {error.__name__}")


def test_an_arm_that_only_one_of_them_knows_sets_the_native_engine_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair()
    monkeypatch.setattr(pair.native, "discount", lambda *_: False)
    assert pair.engine.discount("tiny", 0.5)
    assert pair.twin.discount("tiny", 0.5)
    pair.assert_set_aside("discount: another answer than the reference's")


def test_an_outcome_that_only_one_of_them_takes_sets_the_native_engine_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair()
    monkeypatch.setattr(pair.native, "learn", lambda _: False)
    pair.teach(range(6, 7))
    pair.assert_set_aside("learn: another answer than the reference's")


@pytest.mark.parametrize("call", ["learn", "discount", "load", "restore"])
def test_a_refusal_of_what_the_reference_took_sets_the_native_engine_aside(call: str) -> None:
    pair = Pair(EngineError)
    expected = CALLS[call](pair.twin)
    pair.native.broken = {call}
    assert CALLS[call](pair.engine) == expected
    pair.assert_set_aside(f"{call}: EngineError")


@pytest.mark.parametrize("call", CALLS)
def test_an_interruption_is_passed_on(call: str) -> None:
    pair = Pair(KeyboardInterrupt)
    pair.native.broken = {call}
    with pytest.raises(KeyboardInterrupt):
        CALLS[call](pair.engine)
    assert not pair.engine.quarantined


STEPS = st.lists(
    st.sampled_from(["choose", "choose_batch", "checkpoint", "discount", "load", "restore", *["learn"] * 5]),
    max_size=25,
)


@given(steps=STEPS, breaks_at=st.integers(0, 25), data=st.data())
@settings(deadline=None, max_examples=60)
def test_whenever_it_fails_all_ends_as_if_there_had_been_one(
    steps: list[str], breaks_at: int, data: st.DataObject
) -> None:
    pair, sequence = Pair(), 6
    for number, step in enumerate(steps):
        if number == breaks_at:
            pair.native.broken = data.draw(st.sets(st.sampled_from(sorted(CALLS)), min_size=1))
        answers: list[Any] = []
        for engine in (pair.engine, pair.twin):
            if step == "learn":
                answers.append(engine.learn(lesson(sequence)))
            else:
                answers.append(CALLS[step](engine))
        assert answers[0] == answers[1]
        sequence += step == "learn"
    pair.assert_equal()
    assert len(pair.reasons) == pair.engine.quarantined


def test_two_engines_pass_the_self_test_of_one() -> None:
    run_self_test(
        lambda parameters: RolloutEngine(
            ReferenceEngine(parameters), ReferenceEngine(parameters), native_share=0.5, on_quarantine=pytest.fail
        )
    )


@pytest.mark.native
@pytest.mark.usefixtures("make_native")
def test_rust_and_numpy_share_the_choices_and_each_signs_its_own() -> None:
    reasons: list[str] = []
    native, reference, twin = NativeEngine(OWN), ReferenceEngine(OWN), ReferenceEngine(OWN)
    engine = RolloutEngine(native, reference, native_share=SHARE, on_quarantine=reasons.append)
    for each in (engine, twin):
        each.load(ARMS, OFFERS, 3)
        for sequence in range(20):
            each.learn(lesson(sequence))
    assert engine.checkpoint() == native.checkpoint()
    chosen = [one for one in engine.choose_batch(asks()) if not isinstance(one, EngineError)]
    assert [one.engine for one in chosen] == ["native" if is_for_native(one.seed) else "reference" for one in asks()]
    for one, expected in zip(chosen, twin.choose_batch(asks()), strict=True):
        assert not isinstance(expected, EngineError)
        assert one.chosen == expected.chosen
        assert list(one.propensities) == pytest.approx(list(expected.propensities), rel=1e-9)
    native.inject_panic(1)
    assert engine.choose(ask(NATIVES_SEED)).engine == "reference"
    assert (engine.name, reasons) == ("reference", ["choose: EnginePanicError"])
    assert engine.checkpoint() == reference.checkpoint()


@pytest.mark.native
@pytest.mark.usefixtures("make_native")
def test_rust_and_numpy_together_pass_the_self_test_of_one() -> None:
    run_self_test(
        lambda parameters: RolloutEngine(
            NativeEngine(parameters), ReferenceEngine(parameters), native_share=0.5, on_quarantine=pytest.fail
        )
    )
