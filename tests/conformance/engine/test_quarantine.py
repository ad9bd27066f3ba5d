"""A panic never costs an answer or an outcome: the standby takes over, once and for good."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from atp_grpc.engine.checkpoint import decode
from atp_grpc.engine.contract import (
    EnginePanicError,
    InvalidOutcomeError,
    InvalidQueryError,
    StaleGenerationError,
)
from atp_grpc.engine.native import NativeEngine
from atp_grpc.engine.quarantine import REMEMBER_EVERY, QuarantinedEngine
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.engine.self_test import spell_choice
from tests.conformance.engine.panicking import FEATURES, Case, PanicException, PanickingEngine, lesson
from tests.conformance.engine.world import ARMS, NOW, OFFERS, OWN, outcome, query

if TYPE_CHECKING:
    pass


@pytest.fixture(params=[PanicException, EnginePanicError])
def case(request: pytest.FixtureRequest) -> Case:
    return Case(request.param)


PURE: dict[str, Callable[[QuarantinedEngine | ReferenceEngine], object]] = {
    "choose": lambda engine: spell_choice(engine.choose(query(generation=3, features=FEATURES))),
    "choose_batch": lambda engine: [
        spell_choice(choice)  # type: ignore[arg-type]
        for choice in engine.choose_batch([query(generation=3, features=FEATURES, seed=seed) for seed in range(3)])
    ],
    "summary": lambda engine: engine.summary(NOW),
    "checkpoint": lambda engine: engine.checkpoint(),
}


def test_without_a_panic_nothing_is_noticed(case: Case) -> None:
    assert case.engine.name == "native"
    assert case.engine.version == case.twin.version
    assert case.engine.parameters == OWN
    assert not case.engine.quarantined
    case.assert_equal()
    assert case.reasons == []
    assert case.standbys == []


@pytest.mark.parametrize("call", PURE)
def test_a_panic_in_a_pure_call_is_answered_by_the_standby(case: Case, call: str) -> None:
    case.primary.broken = {call}
    assert PURE[call](case.engine) == PURE[call](case.twin)
    case.assert_quarantined(call)


def test_a_panic_in_features_is_answered_by_the_standby(case: Case) -> None:
    case.primary.broken = {"features"}
    with pytest.raises(InvalidQueryError):
        case.engine.features("text")
    case.assert_quarantined("features")


@pytest.mark.parametrize("call", PURE)
def test_when_the_primary_cannot_say_its_state_the_log_can(case: Case, call: str) -> None:
    case.primary.broken = {call, "checkpoint"}
    assert PURE[call](case.engine) == PURE[call](case.twin)
    case.assert_quarantined(call)


def test_a_state_that_lost_outcomes_is_not_believed(case: Case) -> None:
    ReferenceEngine.restore(case.primary, ReferenceEngine(OWN).checkpoint())
    case.primary.broken = {"choose"}
    assert PURE["choose"](case.engine) == PURE["choose"](case.twin)
    case.assert_quarantined("choose")


def test_a_damaged_state_is_not_believed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = case.primary.checkpoint()
    monkeypatch.setattr(case.primary, "checkpoint", lambda: whole[:-1])
    case.primary.broken = {"choose"}
    assert PURE["choose"](case.engine) == PURE["choose"](case.twin)
    case.assert_quarantined("choose")


def test_an_interruption_while_the_state_is_asked_for_is_passed_on(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(case.primary, "checkpoint", interrupted)
    case.primary.broken = {"choose"}
    with pytest.raises(KeyboardInterrupt):
        PURE["choose"](case.engine)
    monkeypatch.undo()
    assert PURE["choose"](case.engine) == PURE["choose"](case.twin)
    assert case.engine.name == "reference"
    assert case.reasons == [f"choose: {case.primary.error.__name__}"]
    case.assert_equal()


def test_a_panic_before_the_first_load_is_survived_too() -> None:
    primary, reasons = PanickingEngine(), list[str]()
    engine = QuarantinedEngine(primary, lambda: ReferenceEngine(OWN), reasons.append)
    primary.broken = {"learn"}
    assert engine.learn(lesson(1))
    assert (engine.name, engine.generation, reasons) == ("reference", 0, ["learn: PanicException"])
    engine.load(ARMS, OFFERS, 3)
    assert engine.choose(query(generation=3, features=FEATURES)).chosen is not None


def test_a_panic_while_learning_learns_exactly_once(case: Case) -> None:
    case.primary.broken = {"learn"}
    case.teach(range(6, 7))
    case.assert_quarantined("learn")
    assert not case.engine.learn(lesson(6))
    case.assert_equal()


def test_a_panic_while_loading_leaves_the_old_arms_in_service(case: Case) -> None:
    case.primary.broken = {"load"}
    with pytest.raises(EnginePanicError):
        case.engine.load(ARMS[:1], OFFERS[:1], 4)
    case.assert_quarantined("load")
    case.engine.load(ARMS[:1], OFFERS[:1], 4)
    assert case.engine.generation == 4


def test_a_panic_while_restoring_keeps_the_state_from_before(case: Case) -> None:
    case.primary.broken = {"restore"}
    empty = ReferenceEngine(OWN).checkpoint()
    with pytest.raises(EnginePanicError):
        case.engine.restore(empty)
    case.assert_quarantined("restore")
    case.engine.restore(empty)
    assert case.engine.checkpoint() == empty


def test_after_a_panic_everything_goes_on_at_the_standby(case: Case) -> None:
    case.primary.broken = {"choose"}
    case.engine.choose(query(generation=3, features=FEATURES))
    case.primary.broken = set()
    case.teach(range(6, 40))
    case.engine.load(ARMS, OFFERS, 9)
    case.twin.load(ARMS, OFFERS, 9)
    assert decode(case.engine.checkpoint()).learned == 40
    assert case.engine.checkpoint() == case.twin.checkpoint()
    assert case.engine.name == "reference"
    assert len(case.reasons) == 1


@pytest.mark.parametrize("count", [REMEMBER_EVERY - 1, REMEMBER_EVERY, REMEMBER_EVERY + 5, 2 * REMEMBER_EVERY + 1])
def test_the_log_is_bounded_and_loses_nothing(case: Case, count: int) -> None:
    case.teach(range(6, count))
    assert len(case.engine._since) < REMEMBER_EVERY
    case.primary.broken = {"learn", "checkpoint"}
    case.teach(range(count, count + 1))
    assert decode(case.engine.checkpoint()).learned == count + 1
    case.assert_quarantined("learn")


def test_a_panic_while_taking_a_checkpoint_of_its_own_loses_nothing(case: Case) -> None:
    case.primary.broken = {"checkpoint"}
    case.teach(range(6, REMEMBER_EVERY + 3))
    case.assert_quarantined("checkpoint")


def test_restoring_starts_the_log_anew(case: Case) -> None:
    elsewhere = ReferenceEngine(OWN)
    elsewhere.learn(outcome(2, arm="giant", quality=0.1))
    for each in (case.engine, case.twin):
        each.restore(elsewhere.checkpoint())
    case.teach(range(6, 9))
    case.primary.broken = {"choose", "checkpoint"}
    assert PURE["choose"](case.engine) == PURE["choose"](case.twin)
    case.assert_quarantined("choose")


def test_a_refusal_is_no_panic(case: Case) -> None:
    with pytest.raises(InvalidQueryError):
        case.engine.choose(query(generation=3, candidates=()))
    with pytest.raises(StaleGenerationError):
        case.engine.choose(query(generation=1, features=FEATURES))
    with pytest.raises(InvalidOutcomeError):
        case.engine.learn(outcome(99, quality=7.0))
    with pytest.raises(InvalidOutcomeError):
        case.engine.discount("tiny", 2.0)
    with pytest.raises(StaleGenerationError):
        case.engine.load(ARMS, OFFERS, 1)
    assert not case.engine.quarantined
    case.assert_equal()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, TypeError])
def test_an_interruption_or_a_programming_error_is_no_panic(error: type[BaseException]) -> None:
    case = Case(error)
    case.primary.broken = {"choose"}
    with pytest.raises(error):
        case.engine.choose(query(generation=3, features=FEATURES))
    assert not case.engine.quarantined


def test_a_standby_that_cannot_be_built_is_tried_again_and_the_primary_is_not() -> None:
    primary = PanickingEngine()
    twin = ReferenceEngine(OWN)
    attempts: list[str] = []
    reasons: list[str] = []

    def make_standby() -> ReferenceEngine:
        attempts.append("attempt")
        if len(attempts) < 3:
            raise OSError("no memory")
        return ReferenceEngine(OWN)

    engine = QuarantinedEngine(primary, make_standby, reasons.append)
    for each in (engine, twin):
        each.load(ARMS, OFFERS, 3)
        each.learn(lesson(1))
    primary.broken = {"learn"}
    with pytest.raises(EnginePanicError):
        engine.learn(lesson(2))
    primary.broken = set()
    asked = primary.calls
    with pytest.raises(EnginePanicError):
        engine.choose(query(generation=3, features=FEATURES))
    assert primary.calls == asked
    assert not engine.quarantined
    assert engine.learn(lesson(2))
    twin.learn(lesson(2))
    assert engine.checkpoint() == twin.checkpoint()
    assert reasons == ["learn: PanicException"]


def test_a_standby_that_panics_too_is_not_replaced(case: Case) -> None:
    case.primary.broken = {"choose"}
    case.engine.choose(query(generation=3, features=FEATURES))
    broken = PanickingEngine()
    broken.load(ARMS, OFFERS, 3)
    broken.broken = {"choose"}
    case.engine._engine = broken
    with pytest.raises(EnginePanicError):
        case.engine.choose(query(generation=3, features=FEATURES))
    assert len(case.reasons) == 1


@pytest.mark.native
@pytest.mark.usefixtures("make_native")
def test_a_panic_in_rust_is_answered_by_the_reference() -> None:
    primary, twin = NativeEngine(OWN), ReferenceEngine(OWN)
    reasons: list[str] = []
    engine = QuarantinedEngine(primary, lambda: ReferenceEngine(OWN), reasons.append)
    for each in (engine, twin):
        each.load(ARMS, OFFERS, 3)
        for sequence in range(20):
            each.learn(lesson(sequence))
    assert engine.name == "native"
    primary.inject_panic(1)
    assert PURE["choose"](engine) == PURE["choose"](twin)
    assert engine.name == "reference"
    assert reasons == ["choose: EnginePanicError"]
    assert engine.checkpoint() == twin.checkpoint() == primary.checkpoint()


def test_a_loaded_primary_is_not_wrapped() -> None:
    primary = ReferenceEngine(OWN)
    primary.load(ARMS, OFFERS, 1)
    with pytest.raises(ValueError, match="loaded already"):
        QuarantinedEngine(primary, lambda: ReferenceEngine(OWN), lambda _: None)
