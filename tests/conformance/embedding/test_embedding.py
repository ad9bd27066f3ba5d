"""What the embedding of any text promises, and that both implementations give the same bytes."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.engine.contract import InvalidQueryError
from atp_grpc.engine.reference.embedding import TEXT_DIMENSION
from atp_grpc.engine.reference.flags import FLAGS_DIMENSION, FlagExtractor
from atp_grpc.engine.text_table import EMBEDDING_DIMENSION, TextTable, read_text_table
from tests.conformance.embedding.conftest import Extractor
from tests.conformance.embedding.odd_texts import PLAIN, odd_texts
from tests.conformance.engine.texts import TEXTS

TABLE = TextTable.decode(read_text_table())
WORDS = [piece for piece in TABLE.pieces if piece.isalpha()]
SUBJECTS = (
    (
        "Which drug is given first for high blood pressure in a patient with diabetes?",
        "The symptoms of an infection of the lungs are fever, cough and pain in the chest.",
        "A surgeon explains how the heart valve is replaced and what the risks are.",
    ),
    (
        "Write a Python function that sorts a list of tuples by their second element.",
        "Why does this JavaScript code throw an undefined error when the array is empty?",
        "Refactor the class so that its constructor takes the database connection as an argument.",
    ),
    (
        "Solve the quadratic equation and give both roots as fractions.",
        "Prove that the sum of two even integers is an even integer.",
        "What is the derivative of the product of two polynomials?",
    ),
    (
        "Which treaty ended the war between the two empires in the nineteenth century?",
        "The king was overthrown by an uprising of peasants and the army joined them.",
        "Describe how the ancient republic elected its senators and consuls.",
    ),
    (
        "Suggest a dinner with chicken, rice and vegetables that takes half an hour.",
        "How long should bread dough rise before it is baked?",
        "This soup needs onions, garlic, cream and a pinch of salt.",
    ),
)
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200)
PROSE = st.lists(st.sampled_from(WORDS), min_size=1, max_size=40).map(" ".join)


def numbers(packed: bytes) -> npt.NDArray[np.float64]:
    return np.frombuffer(packed, "<f4").astype(np.float64)


def likeness(extractor: Extractor, one: str, other: str) -> float:
    """The cosine of two embeddings."""
    ours, theirs = numbers(extractor.embed(one)), numbers(extractor.embed(other))
    return float(ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs))


@pytest.mark.native
@given(
    st.one_of(
        ANY_TEXT,
        PROSE,
        st.text(alphabet="aAb1#. -'éÉß\u0301漢가\u200b\x00\n😀", max_size=120),
        st.lists(st.sampled_from([*TEXTS, *PLAIN]), max_size=4).map("".join),
        st.lists(st.sampled_from(TABLE.pieces), max_size=30).map("".join),
    )
)
@settings(max_examples=500, deadline=None)
def test_both_implementations_give_the_same_bytes(reference: Extractor, native: Extractor, text: str) -> None:
    assert native.embed(text) == reference.embed(text)


@pytest.mark.native
def test_both_give_the_same_bytes_for_thousands_of_odd_texts(reference: Extractor, native: Extractor) -> None:
    different = [text for text in odd_texts(TABLE.pieces, 3_000) if native.embed(text) != reference.embed(text)]
    assert different == []


def test_features_are_the_flags_and_then_the_embedding(extractor: Extractor) -> None:
    assert (TEXT_DIMENSION, TEXT_DIMENSION + 1) == (FLAGS_DIMENSION + EMBEDDING_DIMENSION, 48)
    flags = FlagExtractor.load()
    for text in TEXTS:
        features = extractor.extract(text)
        assert len(features) == 4 * TEXT_DIMENSION
        assert features[4 * FLAGS_DIMENSION :] == extractor.embed(text)
        assert numbers(features)[:FLAGS_DIMENSION] == pytest.approx(numbers(flags.extract(text)), rel=2.0**-23)


@pytest.mark.parametrize(
    "text",
    ["", " ", "\t\n\r", "\x00\x01\x7f\u200b", "\u0301\u0301", "x" * 101, "😀", "hello😀", "ꙮꙮ ꙮ", "\u2028\u3000"],
)
def test_a_text_without_a_known_word_is_zero(extractor: Extractor, text: str) -> None:
    assert extractor.embed(text) == bytes(4 * EMBEDDING_DIMENSION)


def test_an_unknown_word_takes_nothing_from_its_neighbours(extractor: Extractor) -> None:
    assert extractor.embed("a café ꙮꙮ hello😀 " + "z" * 101 + " opens") == extractor.embed("a café opens")


def test_case_accents_controls_and_white_space_do_not_matter(extractor: Extractor) -> None:
    plain = extractor.embed("the naive resume, of an uber angstrom.")
    odd = "\ufeffThe\t\u00a0NAÏVE  re\u0301sume\u0301\u200b , OF\r\nan\u3000ÜBER Å\x00ngstro\u0308m ."
    assert extractor.embed(odd) == plain


def test_marks_of_the_encoder_are_read_as_text(extractor: Extractor) -> None:
    assert extractor.embed("[SEP]") == extractor.embed("[ sep ]") != bytes(4 * EMBEDDING_DIMENSION)


def test_a_long_text_is_its_beginning(extractor: Extractor) -> None:
    # A megabyte costs what eight thousand characters cost, because the rest is not read.
    text = "é quick brown fox, 漢字; " * 45_000
    assert len(text.encode()) > 1 << 20
    assert extractor.embed(text) == extractor.embed(text[: TABLE.character_limit])
    assert extractor.embed(text[: TABLE.character_limit]) != extractor.embed(text[: TABLE.character_limit - 20])


@pytest.mark.parametrize(
    "text", ["x" * 1_000_000, "a-" * 500_000, "\u0301" * 500_000, "漢" * 400_000, "\x00" * 1_000_000]
)
def test_a_megabyte_of_one_kind_is_read_like_any_text(extractor: Extractor, text: str) -> None:
    assert extractor.embed(text) == extractor.embed(text[: TABLE.character_limit])


def test_a_lone_surrogate_is_refused(extractor: Extractor) -> None:
    for refused in (extractor.embed, extractor.extract):
        with pytest.raises(InvalidQueryError, match="lone surrogate"):
            refused("half a \ud83d character")


@given(ANY_TEXT)
@settings(max_examples=100, deadline=None)
def test_the_same_text_gives_the_same_finite_numbers(extractor: Extractor, text: str) -> None:
    embedding = extractor.embed(text)
    assert extractor.embed(text) == embedding
    assert np.isfinite(numbers(embedding)).all()


@given(PROSE)
@settings(max_examples=100, deadline=None)
def test_saying_it_twice_points_the_same_way_and_goes_further(extractor: Extractor, text: str) -> None:
    once, twice = numbers(extractor.embed(text)), numbers(extractor.embed(f"{text} {text}"))
    spoken = sum(int(TABLE.weights[TABLE.pieces.index(word)]) for word in text.split())
    growth = 2 * (spoken + TABLE.damping) / (2 * spoken + TABLE.damping)
    assert 1 < growth < 2
    assert twice == pytest.approx(growth * once, rel=1e-5, abs=1e-9)


@given(st.lists(PROSE, min_size=2, max_size=4))
@settings(max_examples=100, deadline=None)
def test_the_order_of_sentences_does_not_matter(extractor: Extractor, sentences: list[str]) -> None:
    assert extractor.embed(" ".join(sentences)) == extractor.embed(" ".join(reversed(sentences)))


def test_ordinary_texts_have_moderate_numbers(extractor: Extractor) -> None:
    lengths = [np.linalg.norm(numbers(extractor.embed(text))) for text in TEXTS if text.count(" ") > 8]
    assert 0.3 < np.mean(lengths) < 1.0
    for word in WORDS[::50]:
        assert np.abs(numbers(extractor.embed(f"{word} " * 500))).max() < 10


def test_texts_on_one_subject_are_nearer_than_others(extractor: Extractor) -> None:
    alike = [likeness(extractor, *pair) for texts in SUBJECTS for pair in itertools.combinations(texts, 2)]
    unlike = [
        likeness(extractor, one, other)
        for texts, others in itertools.combinations(SUBJECTS, 2)
        for one, other in itertools.product(texts, others)
    ]
    assert np.mean(alike) > np.mean(unlike) + 0.25
