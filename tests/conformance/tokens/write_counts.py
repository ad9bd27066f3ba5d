"""Asks tiktoken how many tokens odd texts have: `python -m tests.conformance.tokens.write_counts`.

Entered by hand, with the package `tiktoken` 0.14 in the environment and `TIKTOKEN_CACHE_DIR` naming where its files of
ranks are kept. It compares thousands of texts with our counts and writes down the first of them, so that the
comparison is repeated in every test run without that package.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Final

from atp_grpc.asking.native import NativeTokenizer
from atp_grpc.domain.model import Encoding
from tests.conformance.tokens.texts import odd_texts
from tests.native_engine import no_fault

COMPARED: Final = 20_000
RECORDED: Final = 300
RECORD: Final = Path(__file__).with_name("counts.json")


def main() -> int:
    """Returns 1 and writes nothing when a count differs."""
    theirs = importlib.import_module("tiktoken")
    texts = list(odd_texts(COMPARED))
    counts = {
        encoding: [len(tokens) for tokens in map(theirs.get_encoding(encoding).encode_ordinary, texts)]
        for encoding in Encoding
    }
    different = 0
    for encoding, expected in counts.items():
        tokenizer = NativeTokenizer(encoding, on_fault=no_fault)
        different += sum(tokenizer.count(text) != count for text, count in zip(texts, expected, strict=True))
    print(f"{COMPARED} texts compared in {len(counts)} encodings, {different} counts differ")
    if not different:
        rows = [json.dumps(row) for row in zip(texts[:RECORDED], *counts.values(), strict=False)]
        RECORD.write_text("[\n" + ",\n".join(rows) + "\n]\n")
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())
