"""The static embedding of a text: thirty-two numbers of what it is about, from a table and two sums.

Entered by the engine when its schema is `text.v1`. The vector is a weighted mean over the word pieces, rare pieces
counting more (Arora, Liang, Ma 2017, *A simple but tough-to-beat baseline for sentence embeddings*), drawn towards zero
when the text says little. Sums are of whole numbers, so every implementation gets the same bytes. It never keeps or
logs the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from atp_grpc.engine.contract import InvalidQueryError
from atp_grpc.engine.reference.flags import FLAGS_DIMENSION, FlagExtractor
from atp_grpc.engine.reference.pieces import PieceReader
from atp_grpc.engine.text_table import EMBEDDING_DIMENSION, TextTable, read_text_table

TEXT_SCHEMA: Final = "text.v1"
TEXT_DIMENSION: Final = FLAGS_DIMENSION + EMBEDDING_DIMENSION


class TextEmbedder:
    """Computes the embedding."""

    def __init__(self, table: TextTable) -> None:
        self._table = table
        self._reader = PieceReader(table.pieces, table.foldings, table.word_limit)

    def embed(self, text: str) -> bytes:
        """The thirty-two numbers as packed little-endian float32; all zero for a text without a known word.

        Raises:
            InvalidQueryError: the text holds a lone surrogate, which no UTF-8 can carry.
        """
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise InvalidQueryError("the text holds a lone surrogate")
        table = self._table
        pieces = list(self._reader.read(text[: table.character_limit]))
        weights = table.weights[pieces].astype(np.int64)
        total = weights @ table.rows[pieces].astype(np.int64)
        mean = table.scales * total / float(weights.sum() + table.damping)
        return mean.astype("<f4").tobytes()


@dataclass(frozen=True, slots=True)
class TextExtractor:
    """Computes `text.v1`: the marks of `flags.v1`, then the embedding."""

    flags: FlagExtractor
    embedder: TextEmbedder

    @classmethod
    def of(cls, table: bytes) -> TextExtractor:
        """Joins the marks with a table whose bytes were proved."""
        return cls(FlagExtractor.load(), TextEmbedder(TextTable.decode(table)))

    @classmethod
    def load(cls) -> TextExtractor:
        """Builds the extractor from what is shipped with the package.

        Raises:
            DamagedTextTableError: the table is not the one that this version was made with.
        """
        return cls.of(read_text_table())

    def embed(self, text: str) -> bytes:
        """The embedding alone; see `TextEmbedder.embed`."""
        return self.embedder.embed(text)

    def extract(self, text: str) -> bytes:
        """The forty-seven features as packed little-endian float32.

        Raises:
            InvalidQueryError: the text holds a lone surrogate.
        """
        return self.flags.extract(text) + self.embedder.embed(text)
