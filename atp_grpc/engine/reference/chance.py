"""Chance without a generator: every draw is a pure function of a seed, a stream and an index.

Entered by the choice (posterior draws on one stream, the pick on another), so that a logged seed replays a decision
bit for bit on any engine. It never keeps state and never asks the system for randomness.

The words are SplitMix64 outputs (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
"""

from __future__ import annotations

import functools
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

POSTERIOR_STREAM: Final = 1
"""Stream of the normals behind Thompson sampling."""

PICK_STREAM: Final = 2
"""Stream of the single uniform that picks from the final distribution; disjoint, so both are independent."""

NORMAL_CELLS: Final = 4096
"""Equiprobable cells of the discretised normal; twelve bits of a word select one."""

_MASK: Final = (1 << 64) - 1
_GAMMA: Final = 0x9E3779B97F4A7C15
_FIRST_MULTIPLIER: Final = 0xBF58476D1CE4E5B9
_SECOND_MULTIPLIER: Final = 0x94D049BB133111EB


def mix64(value: int) -> int:
    """The SplitMix64 finaliser on an unsigned 64-bit integer: a bijection whose output bits look independent."""
    value = ((value ^ (value >> 30)) * _FIRST_MULTIPLIER) & _MASK
    value = ((value ^ (value >> 27)) * _SECOND_MULTIPLIER) & _MASK
    return value ^ (value >> 31)


def word(seed: int, stream: int, index: int) -> int:
    """The `index`-th unsigned 64-bit word of a stream of a seed."""
    return mix64((_stream_start(seed, stream) + (index + 1) * _GAMMA) & _MASK)


def uniform(seed: int, stream: int, index: int) -> float:
    """A number in [0, 1) on the grid of 2^-53."""
    return (word(seed, stream, index) >> 11) * 2.0**-53


def normals(seed: int, stream: int, count: int) -> npt.NDArray[np.float64]:
    """The first `count` standard normal numbers of a stream, each one of the 4096 cells of `normal_table`."""
    index = np.arange(1, count + 1, dtype=np.uint64)
    value = index * np.uint64(_GAMMA) + np.uint64(_stream_start(seed, stream))
    value ^= value >> np.uint64(30)
    value *= np.uint64(_FIRST_MULTIPLIER)
    value ^= value >> np.uint64(27)
    value *= np.uint64(_SECOND_MULTIPLIER)
    value ^= value >> np.uint64(31)
    numbers: npt.NDArray[np.float64] = normal_table()[value >> np.uint64(52)]
    return numbers


@functools.cache
def normal_table() -> npt.NDArray[np.float64]:
    """Quantiles of the standard normal at the middle of 4096 equiprobable cells.

    Source of the quantile function: Wichura, "Algorithm AS 241", Applied Statistics 37 (1988), relative error 1e-16.
    The discretised normal has mean 0 by symmetry and standard deviation 0.99984.
    """
    quantile = NormalDist().inv_cdf
    table = np.array([quantile((cell + 0.5) / NORMAL_CELLS) for cell in range(NORMAL_CELLS)])
    table.setflags(write=False)
    return table


def _stream_start(seed: int, stream: int) -> int:
    return mix64((seed + stream * _GAMMA) & _MASK)
