"""Which model a conversation was last served by, and what it is worth to stay with it.

The router enters here before a decision, for a bonus in the utility of the conversation's model, and after it. It never
picks a model: a bonus can be outweighed. It keeps no text, has no clock of its own, and forgets.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

from atp_grpc.domain.money import TOKENS_PER_PRICE, TokenPrices

HOUR_NANOS: Final = 3_600_000_000_000
"""How long a conversation is remembered by default after its last request."""

MOST_VALUE: Final = 1e9
"""More than any utility can make up for; engines take no more."""

CACHED_SHARE: Final = 0.5
"""Share of a prompt that the provider is taken to have in its cache from the conversation's last turn."""


def value_of_staying(
    affinity_weight: float,
    *,
    cost_weight: float,
    cost_scale_nano_usd: float,
    prices: TokenPrices,
    input_tokens: float,
    cached_share: float = CACHED_SHARE,
) -> float:
    """What staying with the conversation's model adds to its utility.

    The quality that a change of model costs, and the money that the provider's prompt cache saves, weighed like every
    other money: cost_weight * saving / cost_scale_nano_usd.

    Args:
        affinity_weight: the policy's constant, quality given up to stay.
        cost_weight: weight of scaled cost in the utility, as the decision is made with it.
        cost_scale_nano_usd: the policy's scale of cost, c_hi, above 0.
        prices: those of the model's deployment; without a lower price for cached input nothing is saved.
        input_tokens: length of the prompt.
        cached_share: share of the prompt that the provider is expected to have in its cache, 0..1.
    """
    if prices.cached_input is None:
        return affinity_weight
    saved_nano_usd = max(0, prices.input - prices.cached_input) * input_tokens * cached_share / TOKENS_PER_PRICE
    return min(MOST_VALUE, affinity_weight + cost_weight * saved_nano_usd / cost_scale_nano_usd)


class _Served(NamedTuple):
    model: str
    at_nanos: int


class Sessions:
    """The latest `capacity` conversations of all tenants; the one served longest ago leaves first."""

    def __init__(self, capacity: int, ttl_nanos: int = HOUR_NANOS) -> None:
        self._capacity = capacity
        self._ttl_nanos = ttl_nanos
        self._served: OrderedDict[tuple[str, str], _Served] = OrderedDict()

    def favour(self, tenant: str, session_id: str, now_nanos: int) -> str | None:
        """The model that last served the conversation; None without one, or when it was longer ago than is kept."""
        served = self._served.get((tenant, session_id))
        if served is None:
            return None
        if now_nanos - served.at_nanos > self._ttl_nanos:
            del self._served[tenant, session_id]
            return None
        return served.model

    def served(self, tenant: str, session_id: str, model: str, now_nanos: int) -> None:
        """Remembers by whom a conversation was served. An empty id is no conversation."""
        if not session_id:
            return
        key = tenant, session_id
        self._served[key] = _Served(model, now_nanos)
        self._served.move_to_end(key)
        if len(self._served) > self._capacity:
            self._served.popitem(last=False)

    def __len__(self) -> int:
        return len(self._served)
