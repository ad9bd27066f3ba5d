"""From the encoder's vectors of the pieces to the small whole numbers of the table.

Entered by the maker of the text table only: weights by rarity, axes along which texts differ most, each axis of one
variance, then rounding. It sees numbers of pieces and never a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from atp_grpc.engine.text_table import EMBEDDING_DIMENSION

Array = npt.NDArray[np.float64]
Reading = npt.NDArray[np.int64]

RARITY: Final = 1e-3
"""The frequency at which a piece counts half: a / (a + p) (Arora, Liang, Ma 2017)."""

ORDINARY_DEVIATION: Final = 0.15
"""Standard deviation of each number over ordinary texts, which makes the whole vector about 0.85 long."""

DAMPING_PIECES: Final = 5
"""A text is drawn towards zero as if it held so many rare pieces that say nothing."""

FULL_WEIGHT: Final = 255
FULL_ROW: Final = 127

_FREQUENT_WORDS_BEGIN: Final = "the"
_SINGLE_CHARACTER: Final = 1e-3


def frequencies(pieces: Sequence[str], corpora: Sequence[Sequence[Reading]]) -> Array:
    """How often a piece is expected among all pieces: the mean of Zipf's law over the vocabulary and of the corpora.

    The vocabulary is ordered by frequency from its first whole word on (Mandelbrot's offset 2.7). A single ASCII
    character counts as frequent: code and mathematics are full of those that prose lacks.
    """
    rank = np.arange(len(pieces)) - pieces.index(_FREQUENT_WORDS_BEGIN)
    zipf = np.where(rank >= 0, 1 / (np.maximum(rank, 0) + 2.7), 0.0)
    shares: list[Array] = [
        zipf,
        *(np.bincount(np.concatenate(corpus), minlength=len(pieces)).astype(np.float64) for corpus in corpora),
    ]
    mean = np.mean([share / share.sum() for share in shares], axis=0)
    single = np.array([len(piece) == 1 and piece.isascii() for piece in pieces])
    floor = np.where(single, _SINGLE_CHARACTER, 0.0)
    return np.maximum(mean, floor, dtype=np.float64)


def weights(frequency: Array) -> npt.NDArray[np.uint8]:
    """Weights of the pieces, `FULL_WEIGHT` for one that never occurs, at least 1."""
    return np.maximum(np.rint(FULL_WEIGHT * RARITY / (RARITY + frequency)), 1).astype(np.uint8)


def whitened(vectors: Array, weight: npt.NDArray[np.uint8], texts: Sequence[Reading]) -> Array:
    """The pieces on the axes of the texts' largest differences, each axis of variance 1 over the texts."""
    means = np.stack([np.average(vectors[text], axis=0, weights=weight[text]) for text in texts])
    centre = means.mean(axis=0)
    values, axes = np.linalg.eigh(np.cov(means.T))
    largest = np.argsort(values)[::-1][:EMBEDDING_DIMENSION]
    # An axis has no direction of its own; its largest part points up, so that every machine finds the same one.
    chosen = axes[:, largest]
    chosen = chosen * np.sign(chosen[np.abs(chosen).argmax(axis=0), np.arange(EMBEDDING_DIMENSION)])
    on_axes: Array = (vectors - centre) @ chosen / np.sqrt(values[largest])
    return on_axes


def rounded(on_axes: Array) -> tuple[npt.NDArray[np.int8], Array]:
    """Whole numbers -127..127 and, for each axis, what a step is worth in the final vector."""
    steps = np.abs(on_axes).max(axis=0) / FULL_ROW
    return np.rint(on_axes / steps).astype(np.int8), steps * ORDINARY_DEVIATION
