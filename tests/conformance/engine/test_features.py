"""The marks of `flags.v1`, counted by hand, and laws that hold for any text."""

from __future__ import annotations

import json
import math
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import atp_grpc.engine
from atp_grpc.engine.contract import InvalidQueryError
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.engine.reference.flags import FlagExtractor
from atp_grpc.engine.self_test import FEATURE_TOLERANCE, pack, unpack
from tests.conformance.engine.texts import TEXTS
from tests.conformance.engine.world import ARMS, FLAGS, OFFERS, query

if TYPE_CHECKING:
    from tests.conformance.engine.conftest import EngineFactory

NAMES = json.loads(resources.files("atp_grpc.engine").joinpath("flags.json").read_bytes())["names"]

REPOSITORY = Path(__file__).parents[3]


def _logarithmic(count: int, full: int) -> float:
    return math.log(1 + count) / math.log(1 + full)


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("abcd", "length", _logarithmic(4, 8192)),
        ("x" * 9000, "length", 1.0),
        ("😀é", "length", _logarithmic(2, 8192)),
        ("one two\tthree\nfour\vfive\fsix\rseven", "words", _logarithmic(7, 2048)),
        ("no\u00a0break\u2003here", "words", _logarithmic(1, 2048)),
        ("ab abcd", "mean_word_length", 3 / 12),
        ("x" * 30, "mean_word_length", 1.0),
        (" \n ", "mean_word_length", 0.0),
        ("a1b2c3d4e5", "digits", 1.0),
        ("1 in ten.", "digits", 4 / 9),
        ("Abcdefgh", "uppercase", 0.5),
        ("ÀÉ a", "uppercase", 0.0),
        ("123", "uppercase", 0.0),
        ("aé😀b", "non_ascii", 0.5),
        ("a\nb\nc\n", "lines", _logarithmic(3, 64)),
        ("why?", "question", 1.0),
        ("why\uff1f", "question", 0.0),
        ("f(x) = y [0] of words and more words than that, and so on", "code_marks", 8 * 5 / 57),
        ("`a`#b plus twelve", "code_marks", 1.0),
        ("print( it", "code_words", 1.0),
        ("source code", "code_words", 1.0),
        ("code first", "code_words", 0.0),
        ("PYTHON", "code_words", 1.0),
        ("one + two, fifty % of it, and $ 5", "math_marks", 8 * 3 / 33),
        ("a\\b and twelve more", "math_marks", 8 * 1 / 19),
        ("the total", "math_words", 1 / 3),
        ("total total average", "math_words", 2 / 3),
        ("teacher", "math_words", 1 / 3),
        ("\\frac \\\\frac", "math_words", 1 / 3),
        ("(A) one\n(b) two", "options", 0.5),
        ("A. one\nB) two\n \tC. three\n(D)", "options", 1.0),
        ("A.one\nAB. two\n(AB) x\n1. no\nwords A. no", "options", 0.0),
        ("A)", "options", 0.25),
        ("- a\n* b\n# c\n| d\n> e\n12. f\n3) g\n  - h", "list_marks", _logarithmic(8, 16)),
        ("-a\n*b\n1 c\na - b\n\v- d", "list_marks", 0.0),
        ("Write an email.", "writing_words", 2 / 3),
        ("Summarize and summarise", "writing_words", 1 / 3),
    ],
)
def test_a_mark_is_what_counting_by_hand_gives(make_engine: EngineFactory, text: str, name: str, value: float) -> None:
    found = dict(zip(NAMES, unpack(make_engine(FLAGS).features(text)), strict=True))
    assert found[name] == pytest.approx(value, rel=1e-6)


def test_an_empty_text_has_no_marks(make_engine: EngineFactory) -> None:
    assert unpack(make_engine(FLAGS).features("")) == [0.0] * 15


@given(st.text(max_size=300))
@settings(max_examples=100)
def test_every_mark_of_any_text_lies_between_zero_and_one(make_engine: EngineFactory, text: str) -> None:
    engine = make_engine(FLAGS)
    try:
        marks = unpack(engine.features(text))
    except InvalidQueryError:
        assert any("\ud800" <= character <= "\udfff" for character in text)
        return
    assert len(marks) == 15
    assert all(0.0 <= mark <= 1.0 for mark in marks)


def test_a_text_is_chosen_for_as_its_features_are(make_engine: EngineFactory) -> None:
    engine = make_engine(FLAGS)
    engine.load(ARMS, OFFERS, 1)
    for text in TEXTS:
        by_text = engine.choose(query(text=text))
        by_features = engine.choose(query(features=engine.features(text)))
        assert by_text.features == by_features.features == engine.features(text)
        assert by_text.propensities == by_features.propensities


@pytest.mark.native
@given(
    st.one_of(
        st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200),
        st.text(alphabet="aA1. )(\n\t-*#|>é😀\v\r$=", max_size=80),
        st.lists(st.sampled_from(TEXTS), max_size=4).map("\n".join),
        st.lists(st.sampled_from(sorted(FlagExtractor.load().code_words)), max_size=5).map(
            lambda words: b" ".join(words).decode()
        ),
    )
)
@settings(max_examples=300)
def test_both_engines_see_the_same_marks(make_native: EngineFactory, text: str) -> None:
    ours, theirs = (unpack(make(FLAGS).features(text)) for make in (ReferenceEngine, make_native))
    assert ours == pytest.approx(theirs, rel=FEATURE_TOLERANCE, abs=0.0)


def test_both_engines_are_built_from_the_same_word_lists() -> None:
    ours = Path(atp_grpc.engine.__path__[0]) / "flags.json"
    theirs = REPOSITORY / "native" / "src" / "flags.json"
    assert ours.read_bytes() == theirs.read_bytes()


def test_word_lists_are_what_the_matching_assumes() -> None:
    extractor = FlagExtractor.load()
    for words in (extractor.code_words, extractor.math_words, extractor.writing_words):
        assert len(set(words)) == len(words)
        assert all(word == word.lower() and word.isascii() and word for word in words)


def test_packed_features_are_little_endian_float32() -> None:
    assert pack([1.0]) == b"\x00\x00\x80\x3f"
