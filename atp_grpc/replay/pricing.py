"""What a call costs in a replay: a catalogue by which a decision is charged what the file says.

The sweep enters here once per file. Input is charged at the list price, because its tokens are known before a call;
every outcome brings its bill, and what the input does not explain of it is learned as output. So a model's expected
cost follows the prompt, and on average is what the file says. Nothing here sees a choice.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from atp_grpc.domain.money import NANO_PER_USD, TOKENS_PER_PRICE, TokenPrices
from atp_grpc.replay.outcomes import MOST_TOKENS
from atp_grpc.replay.track import Track

NOMINAL_OUTPUT_TOKENS: Final = 256.0
"""What a model with a list price is believed to write until there are bills."""
UNIT_NANO_USD: Final = 1_000_000
"""Price of one call where calls are counted; any would do."""
CONTEXT_TOKENS: Final = 1_000_000_000
"""No model is ruled out by length."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """Prices of a pool for one run. Sequences are in the order of the pool's models.

    `cost_scale_nano_usd` is c_hi. `prior_output_tokens` is what each model is believed to write until it has written.
    With `is_billed`, outcomes report what they cost; with `counts_tokens`, what was counted goes before the bill.
    """

    models: tuple[str, ...]
    cost_scale_nano_usd: float
    prices: tuple[TokenPrices, ...]
    prior_output_tokens: tuple[float, ...]
    is_billed: bool
    counts_tokens: bool = False

    def output_tokens(self, arm: int, cost_nano_usd: float, input_tokens: float) -> float | None:
        """How much output a bill stands for; None where output is free."""
        prices = self.prices[arm]
        rest = cost_nano_usd * TOKENS_PER_PRICE - input_tokens * prices.input
        return min(max(rest / prices.output, 0.0), MOST_TOKENS) if prices.output else None

    def without_prices(self) -> Tariff:
        """The same models, for nothing."""
        return dataclasses.replace(self, prices=(TokenPrices(input=0, output=0),) * len(self.prices))

    def catalogue(self) -> str:
        """The tariff as a catalogue file."""
        lines = ["[[provider]]", 'name = "replay"']
        for model, prices, tokens in zip(self.models, self.prices, self.prior_output_tokens, strict=True):
            # A JSON string is a TOML basic string.
            name = json.dumps(model)
            lines += [
                "[[model]]",
                f"name = {name}",
                f"context_tokens = {CONTEXT_TOKENS}",
                f"max_output_tokens = {CONTEXT_TOKENS}",
                f"prior_output_tokens = {tokens!r}",
                "[[deployment]]",
                f"model = {name}",
                'provider = "replay"',
                "[[deployment.price]]",
                f"input_usd_per_million_tokens = {Decimal(prices.input) / NANO_PER_USD:f}",
                f"output_usd_per_million_tokens = {Decimal(prices.output) / NANO_PER_USD:f}",
            ]
        return "\n".join(lines) + "\n"


def for_free(models: tuple[str, ...]) -> Tariff:
    """Nothing costs anything."""
    return _flat(models, {}, scale=1.0)


def by_the_bill(track: Track, listed: Mapping[str, TokenPrices], cost_scale_nano_usd: float) -> Tariff:
    """Every call at what it cost.

    Where output has no list price the whole bill counts as output, at one nano-dollar a token, and the model is
    believed to be free until its first bill.
    """
    # Engines take answers of up to so many tokens; a dearer call makes the token dearer.
    per_token = max(1, math.ceil(float(track.cost_nano_usd.max()) / MOST_TOKENS))
    unlisted = TokenPrices(input=0, output=per_token * TOKENS_PER_PRICE)
    prices = tuple(listed[model] if model in listed and listed[model].output else unlisted for model in track.models)
    return Tariff(
        models=track.models,
        cost_scale_nano_usd=cost_scale_nano_usd,
        prices=prices,
        prior_output_tokens=tuple(0.0 if price is unlisted else NOMINAL_OUTPUT_TOKENS for price in prices),
        is_billed=True,
    )


def by_the_list(track: Track, listed: Mapping[str, TokenPrices], cost_scale_nano_usd: float) -> Tariff:
    """Every call at list prices, as a server with a catalogue of its own learns costs: in tokens.

    A model without a list price is not known to write anything but what was counted.
    """
    prices = tuple(listed.get(model, TokenPrices(input=0, output=0)) for model in track.models)
    return Tariff(
        models=track.models,
        cost_scale_nano_usd=cost_scale_nano_usd,
        prices=prices,
        prior_output_tokens=(NOMINAL_OUTPUT_TOKENS,) * len(prices),
        is_billed=True,
        counts_tokens=True,
    )


def by_the_call(models: tuple[str, ...], priced: str) -> Tariff:
    """One unit for each call of one model, nothing for the others."""
    return _flat(models, {priced: TOKENS_PER_PRICE}, scale=float(UNIT_NANO_USD))


def _flat(models: tuple[str, ...], output_prices: Mapping[str, int], *, scale: float) -> Tariff:
    return Tariff(
        models=models,
        cost_scale_nano_usd=scale,
        prices=tuple(TokenPrices(input=0, output=output_prices.get(model, 0)) for model in models),
        prior_output_tokens=(float(UNIT_NANO_USD),) * len(models),
        is_billed=False,
    )
