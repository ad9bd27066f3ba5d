"""That one tenant does not hold a whole deployment while others want it.

A permit enters and leaves here, beside the limiter. Nobody waits here and nothing is set aside: a tenant alone may take
every place, and must leave some only while others are there. It has no clock and knows no priorities.

Places are shared by a dynamic threshold (Choudhury and Hahne, *Dynamic queue length thresholds for shared-memory packet
switches*, IEEE/ACM Transactions on Networking 6, 1998): one may hold at most twice what is free.
"""

from __future__ import annotations

from typing import Final

FREE_SHARES: Final = 2
"""A tenant among others holds at most so many times the free places: n greedy ones get 2/(2n + 1) of them each."""

WANTING_SECONDS: Final = 10.0
"""How long after a refusal a tenant still counts as wanting a place."""


class Bulkhead:
    """Who holds the places of one deployment, and who was refused one lately."""

    __slots__ = ("_held", "_wanting")

    def __init__(self) -> None:
        self._held: dict[str, int] = {}
        self._wanting: dict[str, float] = {}

    def may_take(self, tenant: str, free: int, now: float) -> bool:
        """Whether the tenant may take one of the free places, of which there is at least one."""
        held = self._held
        mine = held.get(tenant, 0)
        if mine < FREE_SHARES * free:
            return True
        return len(held) == 1 and not (self._wanting and self._others_want(tenant, now))

    def take(self, tenant: str) -> None:
        """The tenant takes a place."""
        held = self._held
        held[tenant] = held.get(tenant, 0) + 1
        if self._wanting:
            self._wanting.pop(tenant, None)

    def give_back(self, tenant: str) -> None:
        """The tenant gives a place back."""
        held = self._held
        left = held[tenant] - 1
        if left:
            held[tenant] = left
        else:
            del held[tenant]

    def refuse(self, tenant: str, now: float) -> None:
        """The tenant found no place; for a while it counts as wanting one."""
        self._wanting[tenant] = now + WANTING_SECONDS

    def _others_want(self, tenant: str, now: float) -> bool:
        self._wanting = {name: until for name, until in self._wanting.items() if now < until}
        return any(name != tenant for name in self._wanting)
