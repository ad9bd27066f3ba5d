"""A catalogue file for recorded models: one provider and one deployment each, at their list prices.

`dataset` enters here. Nothing is told to the server about how good a model is or how much it writes: every prior is
the default, and what the models are worth has to be learned.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from atp_grpc.domain.money import NANO_PER_USD, TokenPrices

CONTEXT_TOKENS: Final = 131_072
MAX_OUTPUT_TOKENS: Final = 65_536
"""Generous for every prompt of the demo: no model is ruled out by length."""


def catalogue_text(prices: Mapping[str, TokenPrices]) -> str:
    """The catalogue as TOML. A model's provider is what stands before the slash in its name."""
    lines = ["# Written by the demo; prices are the list prices that came with the outcome data."]
    for provider in sorted({_provider(model) for model in prices}):
        lines += ["", "[[provider]]", f"name = {_text(provider)}"]
    for model in sorted(prices):
        lines += [
            "",
            "[[model]]",
            f"name = {_text(model)}",
            f"context_tokens = {CONTEXT_TOKENS}",
            f"max_output_tokens = {MAX_OUTPUT_TOKENS}",
            "",
            "[[deployment]]",
            f"model = {_text(model)}",
            f"provider = {_text(_provider(model))}",
            "",
            "[[deployment.price]]",
            f"input_usd_per_million_tokens = {_usd(prices[model].input)}",
            f"output_usd_per_million_tokens = {_usd(prices[model].output)}",
        ]
    return "\n".join(lines) + "\n"


def _provider(model: str) -> str:
    return model.partition("/")[0]


def _text(value: str) -> str:
    # A JSON string without control characters is a TOML basic string.
    return json.dumps(value)


def _usd(nano: int) -> str:
    return f"{Decimal(nano) / NANO_PER_USD:f}"
