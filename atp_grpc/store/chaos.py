"""A store with faults on purpose: it fails or is late as a store may, before its work is done or after.

`app` wraps the store in one where the configuration allows chaos. An error after the commit is the nasty one: the work
is done and nobody is told. It keeps the contract's promise in every case, and closing is never struck.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from atp_grpc.chaos import Chaos
from atp_grpc.domain.budget import Account, Budget, Grant, Share
from atp_grpc.domain.claim import ClaimKeeper, ClaimKey, Full, Standing
from atp_grpc.domain.decision import Decision
from atp_grpc.domain.history import HistoryPage, HistoryQuery, Place
from atp_grpc.domain.outcome import Conflict, NewObservation, Observation, Recorded, Report
from atp_grpc.store.contract import DecisionRecord, LedgerStore, StoreFailure

Result = TypeVar("Result")

SHARE_AFTER = 0.5
"""Share of strikes that come when the work is done."""


async def _done(chaos: Chaos, work: Callable[[], Awaitable[Result]]) -> Result:
    """Does the work, and lets the store's rules strike before it or after it.

    Raises:
        StoreFailure: the work's own, or one on purpose.
    """
    site = chaos.store
    strike = None if site is None else site.strike()
    if site is None or strike is None:
        return await work()
    is_after = site.chance.random() < SHARE_AFTER
    if not is_after:
        await asyncio.sleep(strike.delay_seconds)
        if strike.fault is not None:
            raise StoreFailure("injected before the work")
    result = await work()
    if is_after:
        await asyncio.sleep(strike.delay_seconds)
        if strike.fault is not None:
            raise StoreFailure("injected after the work")
    return result


class ChaosClaims:
    """Another keeper of claims, under the rules for stores."""

    def __init__(self, claims: ClaimKeeper, chaos: Chaos) -> None:
        self._claims = claims
        self._chaos = chaos

    async def keep(
        self, key: ClaimKey, digest: bytes, *, holder: int, now_nanos: int, expires_nanos: int, most_ids: int
    ) -> Standing | Full | None:
        """As the contract says."""
        return await _done(
            self._chaos,
            lambda: self._claims.keep(
                key, digest, holder=holder, now_nanos=now_nanos, expires_nanos=expires_nanos, most_ids=most_ids
            ),
        )

    async def answer(
        self,
        key: ClaimKey,
        response: bytes,
        *,
        holder: int,
        tombstone: str,
        now_nanos: int,
        expires_nanos: int,
        most_bytes: int,
    ) -> None:
        """As the contract says."""
        await _done(
            self._chaos,
            lambda: self._claims.answer(
                key,
                response,
                holder=holder,
                tombstone=tombstone,
                now_nanos=now_nanos,
                expires_nanos=expires_nanos,
                most_bytes=most_bytes,
            ),
        )

    def release(self, key: ClaimKey, *, holder: int) -> None:
        """As the contract says; never struck, since nobody waits for it."""
        self._claims.release(key, holder=holder)


class ChaosStore:
    """Another store, under the rules for stores."""

    def __init__(self, store: LedgerStore, chaos: Chaos) -> None:
        self._store = store
        self._chaos = chaos
        self._claims = ChaosClaims(store.claims, chaos)

    @property
    def kind(self) -> str:
        """The other store's."""
        return self._store.kind

    @property
    def replica(self) -> str:
        """The other store's."""
        return self._store.replica

    @property
    def claims(self) -> ClaimKeeper:
        """The other store's, under the same rules."""
        return self._claims

    async def record(self, reports: Sequence[NewObservation]) -> list[Recorded | Conflict]:
        """As the contract says."""
        return await _done(self._chaos, lambda: self._store.record(reports))

    async def observations_after(self, sequence: int, limit: int) -> list[Observation]:
        """As the contract says."""
        return await _done(self._chaos, lambda: self._store.observations_after(sequence, limit))

    async def last_sequence(self) -> int:
        """As the contract says."""
        return await _done(self._chaos, self._store.last_sequence)

    async def save_decisions(self, records: Sequence[DecisionRecord]) -> None:
        """As the contract says."""
        await _done(self._chaos, lambda: self._store.save_decisions(records))

    async def find_decision(self, tenant: str, decision_id: str) -> Decision | None:
        """As the contract says."""
        return await _done(self._chaos, lambda: self._store.find_decision(tenant, decision_id))

    async def history(self, query: HistoryQuery, *, after: Place | None, limit: int) -> HistoryPage:
        """As the contract says."""
        return await _done(self._chaos, lambda: self._store.history(query, after=after, limit=limit))

    async def outcome_of(self, tenant: str, decision_id: str) -> Report:
        """As the contract says."""
        return await _done(self._chaos, lambda: self._store.outcome_of(tenant, decision_id))

    async def save_checkpoint(self, pool: str, data: bytes) -> None:
        """As the contract says."""
        await _done(self._chaos, lambda: self._store.save_checkpoint(pool, data))

    async def load_checkpoint(self, pool: str) -> bytes | None:
        """As the contract says."""
        return await _done(self._chaos, lambda: self._store.load_checkpoint(pool))

    async def read_fact(self, key: str) -> str | None:
        """As the contract says."""
        return await _done(self._chaos, lambda: self._store.read_fact(key))

    async def write_fact(self, key: str, value: str) -> None:
        """As the contract says."""
        await _done(self._chaos, lambda: self._store.write_fact(key, value))

    async def prune(self, *, fields_before_nanos: int, decisions_before_nanos: int, learned_through: int) -> None:
        """As the contract says."""
        await _done(
            self._chaos,
            lambda: self._store.prune(
                fields_before_nanos=fields_before_nanos,
                decisions_before_nanos=decisions_before_nanos,
                learned_through=learned_through,
            ),
        )

    async def ping(self) -> None:
        """As the contract says: health sees a store that is down on purpose as one that is down."""
        await _done(self._chaos, self._store.ping)

    async def close(self) -> None:
        """Closes the other store."""
        await self._store.close()

    async def budgets(self) -> list[Budget]:
        """As the contract says."""
        return await _done(self._chaos, self._store.budgets)

    async def replace_budget(self, tenant: str, before: Budget | None, after: Budget | None) -> bool:
        """As the contract says."""
        return await _done(self._chaos, lambda: self._store.replace_budget(tenant, before, after))

    async def lease(self, account: Account, replica: str, share: Share, wanted_nano_usd: int) -> Grant:
        """As the contract says."""
        return await _done(self._chaos, lambda: self._store.lease(account, replica, share, wanted_nano_usd))

    async def report_shares(self, replica: str, shares: Mapping[Account, Share], settled_through: int) -> None:
        """As the contract says."""
        await _done(self._chaos, lambda: self._store.report_shares(replica, shares, settled_through))

    async def shares_of(self, replica: str) -> tuple[dict[Account, Share], int]:
        """As the contract says."""
        return await _done(self._chaos, lambda: self._store.shares_of(replica))

    async def exposures(self, accounts: Sequence[Account]) -> dict[Account, Share]:
        """As the contract says."""
        return await _done(self._chaos, lambda: self._store.exposures(accounts))

    async def forget_shares(self, ended_before_nanos: int) -> None:
        """As the contract says."""
        await _done(self._chaos, lambda: self._store.forget_shares(ended_before_nanos))
