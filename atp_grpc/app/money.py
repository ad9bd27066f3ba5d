"""What a process keeps of its tenants' money: budgets, and the prices of the pacers, which outlast a restart.

The rooms open it before the first observation is learned, and write it down on their ticks and at the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.outcome import Observation
from atp_grpc.domain.request import Routable
from atp_grpc.learning.rewards import total_cost_nano_usd
from atp_grpc.routing.nominal import Stakes
from atp_grpc.store.contract import LedgerStore
from atp_grpc.tenancy.budgets.budgets import Budgets
from atp_grpc.tenancy.pacing import Pacers

_FACT = "pacing"


class Money:
    """Budgets and pacers of one process."""

    def __init__(
        self,
        *,
        store: LedgerStore,
        clock: Clock,
        snapshot_at: Callable[[int], Snapshot],
        tenants: int,
        on_fault: Callable[[Exception], None],
    ) -> None:
        """`tenants` bounds the pacers; `on_fault` hears of a lease that could not be fetched."""
        self._store = store
        self._clock = clock
        self._stakes = Stakes(snapshot_at)
        self._written = ""
        self.pacers = Pacers(tenants)
        self.budgets = Budgets(
            ledger=store, store=store, replica=store.replica, bill_of=total_cost_nano_usd, on_fault=on_fault
        )

    async def restore(self) -> None:
        """Takes up what was kept; prices that cannot be read begin anew.

        Raises:
            StoreFailure: the store does not answer.
        """
        self._written = await self._store.read_fact(_FACT) or ""
        if self._written:
            try:
                self.pacers.restore(json.loads(self._written))
            except (ValueError, AttributeError):
                self._written = ""
        await self.budgets.restore(self._clock.now_nanos())

    async def prepare(self, tenant: str, requests: Iterable[Routable]) -> None:
        """Sees that what the requests of a tenant may cost is at hand, if its budget has room for it.

        Raises:
            StoreUnavailableError: it is not, and the ledger does not answer.
        """
        now = self._clock.now_nanos()
        if self.budgets.headroom(tenant, now) is not None:
            await self.budgets.prepare(tenant, self._stakes.of(requests, now), now)

    def settle(self, observation: Observation) -> None:
        """Puts the bill that an observation brings in place of what was set aside."""
        self.budgets.settle(observation)

    async def expire(self) -> None:
        """Counts as spent what was set aside long ago and never billed."""
        self.budgets.expire(self._clock.now_nanos())

    async def checkpoint(self) -> int:
        """Writes down what changed; returns the observation through which a restart would find everything settled.

        Raises:
            StoreFailure: it could not be written.
        """
        if (state := json.dumps(self.pacers.state())) != self._written:
            await self._store.write_fact(_FACT, state)
            self._written = state
        return await self.budgets.checkpoint()

    async def close(self) -> None:
        """Writes everything down, and gives back what was leased and not used.

        Raises:
            StoreFailure: it could not be written; a restart then counts the leases as spent, after a while.
        """
        await self.checkpoint()
        await self.budgets.close()
