"""List prices that come with public outcome files: `models.json`, per source and model.

The demo enters here to write a catalogue for recorded models. Prices become whole nano-US-dollars through their
decimal text, so no digit is lost; a price is never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path

from atp_grpc.domain.money import NANO_PER_USD, TokenPrices


class ListPriceError(ValueError):
    """A price list that is missing, unreadable, or lacks a model."""


def read_list_prices(path: Path, source: str, models: Iterable[str]) -> dict[str, TokenPrices]:
    """The prices of the models as one source lists them.

    Raises:
        ListPriceError: the file cannot be used, or a model has no price in it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ListPriceError(f"{path}: the price list cannot be read") from None
    try:
        listed = json.loads(text, parse_float=Decimal, parse_int=Decimal)["sources"][source]
    except (ValueError, KeyError, TypeError):
        raise ListPriceError(f'{path}: no prices of {source!r} under "sources"') from None
    return {model: _prices(path, model, listed) for model in models}


def _prices(path: Path, model: str, listed: Mapping[str, Mapping[str, object]]) -> TokenPrices:
    try:
        entry = listed[model]
        return TokenPrices(input=_nano(entry["input_usd_per_mtok"]), output=_nano(entry["output_usd_per_mtok"]))
    except (KeyError, TypeError, ValueError):
        raise ListPriceError(f"{path}: no usable price of {model!r}") from None


def _nano(usd: object) -> int:
    if not isinstance(usd, Decimal) or not usd.is_finite() or usd < 0:
        raise ValueError("not a price")
    return int((usd * NANO_PER_USD).to_integral_value())
