"""Tokenizers in Rust: the published encodings of OpenAI's models, counted exactly.

The composition root makes one for each encoding, where there is a native engine. Its first count loads the encoding,
some 20 ms once for the process; nothing is ever fetched. It keeps no text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from atp_grpc.domain.model import Encoding

try:
    import atp_native
except ImportError:
    atp_native = None  # type: ignore[assignment]

_BYTES_PER_TOKEN: Final = 4
"""What is said of a text that could not be counted."""


class NativeTokenizer:
    """`Tokenizer` in Rust."""

    __slots__ = ("_count", "_on_fault")

    def __init__(self, encoding: Encoding, *, on_fault: Callable[[BaseException], None]) -> None:
        """`on_fault` hears of a count that failed; it is estimated by bytes."""
        self._count = atp_native.Tokenizer(encoding.value).count
        self._on_fault = on_fault

    def count(self, text: str) -> int:
        """Tokens of a text; half a character of UTF-16 counts as the mark that replaces it."""
        try:
            if text.isascii():
                return self._count(text)
            return self._count(text.encode("utf-8", "replace").decode())
        except atp_native.NativeError as fault:
            self._on_fault(fault)
            return -(-len(text) // _BYTES_PER_TOKEN)
