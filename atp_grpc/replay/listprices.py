"""What comes with public outcome files in `models.json`: list prices per source and model, and pools by name.

The demo enters here to write a catalogue for recorded models, replay for what a call is believed to cost. Prices become
whole nano-US-dollars through their decimal text, so no digit is lost; a price is never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from atp_grpc.domain.money import NANO_PER_USD, TokenPrices


class ListPriceError(ValueError):
    """A price list that is missing, unreadable, or lacks a model."""


def read_list_prices(path: Path, source: str, models: Iterable[str]) -> dict[str, TokenPrices]:
    """The prices of the models as one source lists them.

    Raises:
        ListPriceError: the file cannot be used, or a model has no price in it.
    """
    try:
        listed = _part(path, "sources")[source]
        return {model: _prices(path, model, listed) for model in models}
    except (KeyError, TypeError):
        raise ListPriceError(f'{path}: no prices of {source!r} under "sources"') from None


def find_list_prices(path: Path, source: str, models: Iterable[str]) -> dict[str, TokenPrices]:
    """The prices of those of the models that one source lists; none where the file does not know the source.

    Raises:
        ListPriceError: the file cannot be used.
    """
    listed = _part(path, "sources").get(source, {})
    if not isinstance(listed, dict):
        raise ListPriceError(f"{path}: the prices of {source!r} are no object")
    return {model: _prices(path, model, listed) for model in models if model in listed}


def read_pool(path: Path, name: str) -> tuple[str, ...]:
    """The models of a pool by its name.

    Raises:
        ListPriceError: the file cannot be used or has no such pool.
    """
    pools = _part(path, "pools")
    models = pools.get(name)
    if not isinstance(models, list) or not all(isinstance(model, str) for model in models):
        raise ListPriceError(f"{path}: no pool {name!r}; there is {', '.join(sorted(pools)) or 'none'}")
    return tuple(models)


def _part(path: Path, key: str) -> Mapping[str, Any]:
    """An object of the file by its key; empty when it is not there."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ListPriceError(f"{path}: the price list cannot be read") from None
    try:
        part = json.loads(text, parse_float=Decimal, parse_int=Decimal).get(key, {})
    except (ValueError, RecursionError, AttributeError):
        raise ListPriceError(f"{path}: the price list is no JSON object") from None
    if not isinstance(part, dict):
        raise ListPriceError(f"{path}: {key!r} is no object")
    return part


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
