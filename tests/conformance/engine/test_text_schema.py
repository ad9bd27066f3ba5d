"""The schema `text.v1` inside the engines: what is computed, what is refused, and what happens when one fails."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.domain.policy import TEXT_SCHEMAS
from atp_grpc.engine.contract import CheckpointMismatchError, ContextMode, Engine, EngineError, EngineParameters
from atp_grpc.engine.native import NativeEngine
from atp_grpc.engine.quarantine import QuarantinedEngine
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.engine.reference.embedding import TextExtractor
from atp_grpc.engine.rollout import RolloutEngine
from atp_grpc.engine.self_test import FEATURE_TOLERANCE, TEXT_CONVERSATIONS, run_self_test, unpack
from tests.conformance.engine.conftest import EngineFactory
from tests.conformance.engine.makers import make_reference
from tests.conformance.engine.texts import TEXTS
from tests.conformance.engine.world import ARMS, FLAGS, NOW, OFFERS, OWN, TEXT, outcome, query

PROMPT = "Which bones of the hand are broken most often, and how do they heal?"


def taught(make: Callable[[EngineParameters], Engine]) -> Engine:
    """An engine whose predictions depend on what a text is about."""
    engine = make(dataclasses.replace(TEXT, context=ContextMode.ON))
    engine.load(ARMS, OFFERS, 1)
    for sequence in range(60):
        features = engine.features(TEXTS[sequence % len(TEXTS)])
        arm = ARMS[sequence % len(ARMS)].name
        engine.learn(outcome(sequence, arm=arm, features=features, quality=sequence % 7 / 6, now_nanos=NOW))
    return engine


taught_once = cache(taught)


def test_features_are_those_of_the_extractor(make_engine: EngineFactory) -> None:
    engine, extractor = make_engine(TEXT), TextExtractor.load()
    for text in (*TEXTS, PROMPT):
        found = unpack(engine.features(text))
        assert len(found) == TEXT_SCHEMAS["text.v1"] == 47
        assert found == pytest.approx(unpack(extractor.extract(text)), rel=FEATURE_TOLERANCE, abs=0.0)


def test_a_text_is_chosen_for_as_its_features_are(make_engine: EngineFactory) -> None:
    engine = taught(make_engine)
    for text in (*TEXTS, PROMPT):
        by_text = engine.choose(query(text=text))
        by_features = engine.choose(query(features=engine.features(text)))
        assert by_text.features == by_features.features == engine.features(text)
        assert list(by_text.utilities) == list(by_features.utilities)
        assert list(by_text.propensities) == list(by_features.propensities)


def test_what_a_text_is_about_moves_a_prediction(make_engine: EngineFactory) -> None:
    engine = taught(make_engine)
    bones, loans = (f"Explain {subject} to me please." for subject in ("the bones", "the loans"))
    assert unpack(engine.features(bones))[:15] == unpack(engine.features(loans))[:15]
    assert list(engine.choose(query(text=bones)).quality) != list(engine.choose(query(text=loans)).quality)


@pytest.mark.native
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200))
@settings(max_examples=100, deadline=None)
def test_both_engines_choose_alike_for_any_text(make_native: EngineFactory, text: str) -> None:
    ours, theirs = (taught_once(make).choose(query(text=text)) for make in (make_reference, make_native))
    assert unpack(ours.features) == pytest.approx(unpack(theirs.features), rel=FEATURE_TOLERANCE, abs=0.0)
    assert ours.features[60:] == theirs.features[60:]
    assert list(ours.utilities) == pytest.approx(list(theirs.utilities), rel=1e-6, abs=1e-6)


def test_without_its_table_there_is_no_reference_engine() -> None:
    with pytest.raises(EngineError, match="text table"):
        ReferenceEngine(TEXT)


@pytest.mark.native
@pytest.mark.usefixtures("make_native")
def test_without_its_table_there_is_no_native_engine() -> None:
    with pytest.raises(EngineError, match="text table"):
        NativeEngine(TEXT)


def test_the_table_changes_nothing_for_another_schema(make_engine: EngineFactory) -> None:
    assert len(make_engine(FLAGS).features(PROMPT)) == 60
    with pytest.raises(EngineError, match="cannot be computed from text"):
        make_engine(OWN).features(PROMPT)


def test_a_state_of_one_schema_is_refused_by_the_other_and_changes_nothing(make_engine: EngineFactory) -> None:
    flags, text = make_engine(FLAGS), taught(make_engine)
    for state, engine in ((flags.checkpoint(), text), (text.checkpoint(), flags)):
        before = engine.checkpoint()
        with pytest.raises(CheckpointMismatchError):
            engine.restore(state)
        assert engine.checkpoint() == before


@pytest.mark.native
def test_a_state_travels_between_engines(make_native: EngineFactory) -> None:
    for writer, reader in ((make_reference, make_native), (make_native, make_reference)):
        written, read = taught(writer), reader(dataclasses.replace(TEXT, context=ContextMode.ON))
        read.load(ARMS, OFFERS, 1)
        read.restore(written.checkpoint())
        ours, theirs = (list(engine.choose(query(text=PROMPT)).utilities) for engine in (written, read))
        assert ours == pytest.approx(theirs, rel=1e-6)


@pytest.mark.native
def test_after_a_panic_the_standby_reads_the_same_text(make_native: EngineFactory) -> None:
    primary, reasons = make_native(TEXT), list[str]()
    engine = QuarantinedEngine(primary, lambda: make_reference(TEXT), reasons.append)
    engine.load(ARMS, OFFERS, 1)
    before = engine.choose(query(text=PROMPT))
    primary.inject_panic(1)  # type: ignore[attr-defined]
    after = engine.choose(query(text=PROMPT))
    assert (before.engine, after.engine, reasons) == ("native", "reference", ["choose: EnginePanicError"])
    assert before.features[60:] == after.features[60:]
    assert list(before.utilities) == pytest.approx(list(after.utilities), rel=1e-9)


@pytest.mark.native
def test_rust_and_numpy_together_pass_the_self_test_of_text(make_native: EngineFactory) -> None:
    run_self_test(
        lambda parameters: RolloutEngine(
            make_native(parameters), make_reference(parameters), native_share=0.5, on_quarantine=pytest.fail
        ),
        TEXT_CONVERSATIONS,
    )
