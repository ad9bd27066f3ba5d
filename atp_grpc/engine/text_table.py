"""The table that turns text into thirty-two numbers: its file, its digest and its parts.

Entered by both engines, which get bytes that were compared with `TABLE_DIGEST` first: a damaged table never serves.
`docs/embedding.md` says what the numbers mean, `tools/text_table` makes the file. It never reads a text.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from importlib import resources
from typing import Final

import numpy as np
import numpy.typing as npt

from atp_grpc.engine.contract import DamagedTextTableError

TABLE_DIGEST: Final = "362a18a6506a2179d892d062a2083332c4651928b8f72bbe4ba4709924300723"
"""SHA-256 of `text_table.bin`."""

EMBEDDING_DIMENSION: Final = 32

MAGIC: Final = b"ATPTEXT1"
ITSELF: Final = "\0"
"""In a folding's text: the folded character. No folding yields this character otherwise."""

_HEADER: Final = struct.Struct("<8s6I")


@dataclass(frozen=True, slots=True)
class Folding:
    """Characters `first` to `last`, both included, are replaced by `text`."""

    first: int
    last: int
    text: str


@dataclass(frozen=True, slots=True)
class TextTable:
    """The decoded table.

    The vector of a text is ``scales[d] * sum(weights[p] * rows[p, d]) / (sum(weights[p]) + damping)`` over its pieces
    p; both sums are whole numbers. Only the first `character_limit` characters count, and a word of more than
    `word_limit` characters is unknown.
    """

    character_limit: int
    word_limit: int
    damping: int
    scales: npt.NDArray[np.float64]
    weights: npt.NDArray[np.uint8]
    rows: npt.NDArray[np.int8]
    pieces: tuple[str, ...]
    foldings: tuple[Folding, ...]

    def encode(self) -> bytes:
        """The bytes of the file."""
        words = "\n".join(self.pieces).encode()
        foldings = "\n".join(f"{fold.first:x} {fold.last:x} {fold.text}" for fold in self.foldings).encode()
        numbers = (self.character_limit, self.word_limit, self.damping)
        header = _HEADER.pack(MAGIC, *numbers, len(self.pieces), len(words), len(foldings))
        arrays = (self.scales.astype("<f8"), self.weights, self.rows)
        return b"".join([header, *(array.tobytes() for array in arrays), words, foldings])

    @classmethod
    def decode(cls, data: bytes) -> TextTable:
        """Takes apart what `encode` made; the bytes must have been proved before."""
        _, character_limit, word_limit, damping, count, word_bytes, folding_bytes = _HEADER.unpack_from(data)
        sizes = (8 * EMBEDDING_DIMENSION, count, count * EMBEDDING_DIMENSION, word_bytes, folding_bytes)
        parts = []
        start = _HEADER.size
        for size in sizes:
            parts.append(data[start : start + size])
            start += size
        scales, weights, rows, words, foldings = parts
        return cls(
            character_limit,
            word_limit,
            damping,
            np.frombuffer(scales, "<f8"),
            np.frombuffer(weights, np.uint8),
            np.frombuffer(rows, np.int8).reshape(count, EMBEDDING_DIMENSION),
            tuple(words.decode().split("\n")),
            tuple(_folding(line) for line in foldings.decode().split("\n")),
        )


def _folding(line: str) -> Folding:
    first, last, text = line.split(" ", 2)
    return Folding(int(first, 16), int(last, 16), text)


def read_text_table() -> bytes:
    """The bytes of the shipped table.

    Raises:
        DamagedTextTableError: the file is missing or is not the one this version was made with.
    """
    try:
        data = resources.files("atp_grpc.engine").joinpath("text_table.bin").read_bytes()
    except OSError:
        raise DamagedTextTableError(
            "the text table of this installation cannot be read; install atp-grpc anew"
        ) from None
    prove(data)
    return data


def prove(data: bytes) -> None:
    """Compares a table with `TABLE_DIGEST`.

    Raises:
        DamagedTextTableError: they differ.
    """
    if hashlib.sha256(data).hexdigest() != TABLE_DIGEST:
        raise DamagedTextTableError("the text table of this installation is damaged; install atp-grpc anew")
