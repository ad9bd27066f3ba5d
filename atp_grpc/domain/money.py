"""Money is whole nano-US-dollars; prices are nano-US-dollars per million tokens.

A million tokens at US$ 1 is 1e9 nano; the cheapest calls cost a few thousand nano. Integers throughout: no sum drifts.
"""

from __future__ import annotations

from typing import NamedTuple

NANO_PER_USD = 1_000_000_000
TOKENS_PER_PRICE = 1_000_000


class TokenPrices(NamedTuple):
    """Prices of one deployment at one moment, nano-US-dollars per million tokens of each class."""

    input: int
    output: int
    cached_input: int | None = None
    reasoning: int | None = None
    cache_write_input: int | None = None

    def cost_nano_usd(
        self,
        *,
        input_tokens: int,
        cached_input_tokens: int,
        cache_write_input_tokens: int,
        output_tokens: int,
        reasoning_tokens: int,
    ) -> int:
        """Price of a call, rounded half up to a whole nano-US-dollar."""
        cached = self.input if self.cached_input is None else self.cached_input
        written = self.input if self.cache_write_input is None else self.cache_write_input
        reasoning = self.output if self.reasoning is None else self.reasoning
        total = (
            input_tokens * self.input
            + cached_input_tokens * cached
            + cache_write_input_tokens * written
            + output_tokens * self.output
            + reasoning_tokens * reasoning
        )
        return (total + TOKENS_PER_PRICE // 2) // TOKENS_PER_PRICE

    def cache_write_surcharge_nano_usd(self, input_tokens: int) -> int:
        """What a prompt costs beyond its input price, rounded up, if all of it is written to the provider's cache."""
        dearer = 0 if self.cache_write_input is None else max(0, self.cache_write_input - self.input)
        return -(-input_tokens * dearer // TOKENS_PER_PRICE)
