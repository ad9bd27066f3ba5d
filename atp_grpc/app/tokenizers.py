"""Picks who counts tokens that providers do not tell: Rust beside the native engine, nobody elsewhere.

Entered once per process by the composition root. Without a tokenizer such tokens are estimated by bytes, and either
way a bill with them says that it is estimated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from atp_grpc.asking.counting import Tokenizer
from atp_grpc.asking.native import NativeTokenizer
from atp_grpc.domain.model import Encoding


def pick_tokenizers(*, is_native: bool, on_fault: Callable[[BaseException], None]) -> Mapping[Encoding, Tokenizer]:
    """The tokenizers that are here. `on_fault` hears of a count that failed."""
    return {encoding: NativeTokenizer(encoding, on_fault=on_fault) for encoding in Encoding} if is_native else {}
