"""What the Asks of the third act cost, reckoned from the provider's side: its own records times the prices of the file.

The act enters here once, after the burst. Nothing of the server's arithmetic is used: the prices are read from the
catalogue as it is written, and every call is rounded as the contract says, half up to a nano-US-dollar.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, NamedTuple

from atp_grpc.mock_provider import Call, count_tokens

_NANO_USD_A_TOKEN: Final = 1000
"""A US dollar for a million tokens, in nano-US-dollars for one."""


class Price(NamedTuple):
    """US dollars for a million tokens."""

    input: Decimal
    output: Decimal


def prices_of(catalogue: str) -> Mapping[tuple[str, str], Price]:
    """What each model costs at each provider, by the last price that the catalogue names."""
    document: dict[str, Any] = tomllib.loads(catalogue, parse_float=Decimal)
    return {
        (one["model"], one["provider"]): Price(
            Decimal(one["price"][-1]["input_usd_per_million_tokens"]),
            Decimal(one["price"][-1]["output_usd_per_million_tokens"]),
        )
        for one in document["deployment"]
    }


def bill_of_provider(
    calls: Iterable[Call], prices: Mapping[tuple[str, str], Price], providers: Mapping[str, str]
) -> int:
    """Nano-US-dollars of calls as the provider wrote them down. `providers` names the one that each key belongs to.

    A call of which nothing was sent costs nothing.
    """
    return sum(_cost(call, prices[call.model, providers[call.key]]) for call in calls if call.sent_tokens)


def _cost(call: Call, price: Price) -> int:
    asked = sum(count_tokens(message["content"]) for message in call.body["messages"])
    nano = (asked * price.input + call.sent_tokens * price.output) * _NANO_USD_A_TOKEN
    return int(nano.to_integral_value(ROUND_HALF_UP))
