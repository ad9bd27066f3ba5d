"""How words are cut: as the encoder's own tokenizer does it, and as a vocabulary small enough to think through."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.engine.reference.pieces import PieceReader
from atp_grpc.engine.text_table import EMBEDDING_DIMENSION, Folding, TextTable, read_text_table
from tests.conformance.embedding.conftest import ExtractorFactory

RECORD = json.loads(Path(__file__).with_name("pieces.json").read_text())
PIECES = ("a", "ab", "abc", "##b", "##bc", "##c", "##ca", "b", "c", "é", "##é", ".")
ROWS = np.arange(-190, 194, dtype=np.int64).reshape(len(PIECES), EMBEDDING_DIMENSION) % 251 - 125
WEIGHTS = np.arange(1, len(PIECES) + 1, dtype=np.uint8) * 21
SMALL = TextTable(
    character_limit=40,
    word_limit=6,
    damping=100,
    scales=np.linspace(0.001, 0.1, EMBEDDING_DIMENSION),
    weights=WEIGHTS,
    rows=ROWS.astype(np.int8),
    pieces=PIECES,
    foldings=(
        Folding(0x20, 0x20, " "),
        Folding(0x2E, 0x2E, " \0 "),
        Folding(0xC9, 0xC9, "é"),
        Folding(0x300, 0x3FF, ""),
    ),
)


def test_odd_texts_are_read_as_the_tokenizer_of_the_encoder_reads_them() -> None:
    table = TextTable.decode(read_text_table())
    reader = PieceReader(table.pieces, table.foldings, table.word_limit)
    assert len(RECORD) == 200
    for text, pieces in RECORD:
        assert [table.pieces[number] for number in reader.read(text)] == pieces


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("abc", ["abc"]),
        ("abcabc", []),
        ("abb", ["ab", "##b"]),
        ("abca", []),
        ("abbca", []),
        ("abcca", ["abc", "##ca"]),
        ("ccab", ["c", "##ca", "##b"]),
        ("aébc", ["a", "##é", "##bc"]),
        ("ad", []),
        ("abbbbb", ["ab", "##b", "##b", "##b", "##b"]),
        ("abbbbbb", []),
        ("", []),
    ],
)
def test_a_word_is_cut_into_the_longest_pieces_or_not_at_all(word: str, pieces: list[str]) -> None:
    assert [PIECES[number] for number in PieceReader(PIECES, SMALL.foldings, SMALL.word_limit).cut(word)] == pieces


@given(st.text(alphabet="aaabbccéÉ. d\u0301", max_size=60))
@settings(max_examples=300, deadline=None)
def test_the_vector_is_the_damped_weighted_mean_over_the_pieces(make_extractor: ExtractorFactory, text: str) -> None:
    reader = PieceReader(PIECES, SMALL.foldings, SMALL.word_limit)
    read = list(reader.read(text[: SMALL.character_limit]))
    total, weight = [0] * EMBEDDING_DIMENSION, SMALL.damping
    for piece in read:
        total = [sum_ + int(WEIGHTS[piece]) * int(value) for sum_, value in zip(total, ROWS[piece], strict=True)]
        weight += int(WEIGHTS[piece])
    expected = np.array([scale * sum_ / weight for scale, sum_ in zip(SMALL.scales, total, strict=True)])
    assert make_extractor(SMALL.encode()).embed(text) == expected.astype("<f4").tobytes()
