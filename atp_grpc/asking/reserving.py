"""What is set aside for an answer beyond what its decision is expected to cost: some deviations more, then slices.

The story makes a reservation for every Ask of a tenant with a budget, and none for the others. It knows how far bills
of a model stray from what was expected of them. It never ends a call and never gives anything back: `settling` does,
when the bill is known.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Final

from atp_grpc.domain.errors import BudgetExhaustedError, StoreUnavailableError
from atp_grpc.tenancy.budgets.budgets import Budgets

_MEMORY: Final = 0.05
_MOST_SQUARE: Final = 16.0
"""A bill that strays further than four times what was expected counts as four times."""
_MOST_SLICES: Final = 64
"""The longest answer is paid in no more slices than about these, also where nothing was expected of its price."""


class Spreads:
    """How far the bills of each model's answers stray from what was expected, as a share of that; 1 at first."""

    __slots__ = ("_squares",)

    def __init__(self) -> None:
        self._squares: dict[str, float] = {}

    def of(self, model: str) -> float:
        """Standard deviation over expectation."""
        return math.sqrt(self._squares.get(model, 1.0))

    def learn(self, model: str, *, expected_nano_usd: int, actual_nano_usd: int) -> None:
        """Takes in the bill of one whole answer."""
        if expected_nano_usd <= 0:
            return
        square = min((actual_nano_usd / expected_nano_usd - 1.0) ** 2, _MOST_SQUARE)
        before = self._squares.get(model, 1.0)
        self._squares[model] = before + _MEMORY * (square - before)


class Reservation:
    """What is set aside for one Ask. `on_top` of the hold that its lesson carries, both in nano-US-dollars."""

    __slots__ = ("_budgets", "_decided_nanos", "_hold", "_slice", "_tenant", "on_top")

    def __init__(self, budgets: Budgets, tenant: str, decided_nanos: int, hold_nano_usd: int) -> None:
        """Begins with the hold that was made with the decision."""
        self._budgets = budgets
        self._tenant = tenant
        self._decided_nanos = decided_nanos
        self._hold = hold_nano_usd
        self._slice = max(1, hold_nano_usd)
        self.on_top = 0

    @property
    def total(self) -> int:
        """All that is set aside."""
        return self._hold + self.on_top

    async def begin(self, deviation_nano_usd: int) -> None:
        """Sets a deviation aside, as far as the budget has room; later slices are as large as both together."""
        self._slice = max(1, self._hold + deviation_nano_usd)
        await self._add(deviation_nano_usd)

    async def extend(self, needed_nano_usd: int, most_nano_usd: int) -> bool:
        """Sets the next slice aside; whether there was any room.

        Up to `most_nano_usd`, what the longest answer costs, and as much as is needed already. An answer that outgrows
        even its longest pays slice by slice.
        """
        missing = most_nano_usd - self.total
        least = max(self._slice, most_nano_usd // _MOST_SLICES)
        step = min(least, missing) if missing > 0 else least
        return await self._add(max(step, needed_nano_usd - self.total)) > 0

    async def cover(self, needed_nano_usd: int) -> bool:
        """Sees that so much is set aside in all; whether it is."""
        await self._add(needed_nano_usd - self.total)
        return self.total >= needed_nano_usd

    def refusal(self, needed_nano_usd: int) -> BudgetExhaustedError:
        """The refusal of a call that needs so much in all."""
        return self._budgets.refusal(self._tenant, needed_nano_usd - self.total, self._decided_nanos)

    async def _add(self, amount: int) -> int:
        """Sets aside as much of an amount as the budget has room for."""
        if amount <= 0:
            return 0
        # While the ledger is away, what it leased before may be used, and no more.
        with suppress(StoreUnavailableError):
            await self._budgets.prepare(self._tenant, amount, self._decided_nanos)
        room = self._budgets.headroom(self._tenant, self._decided_nanos)
        taken = amount if room is None else min(amount, room)
        if taken <= 0:
            return 0
        self._budgets.hold(self._tenant, taken, self._decided_nanos)
        self.on_top += taken
        return taken
