"""The store and ledger contracts on a SQLite file: each call goes to the thread that writes or to the one that reads.

`app` opens it. Durable means fsynced: `record` answers after its commit is on disk. It never lets two processes use one
database, and never runs SQL on the event loop.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TypeVar

from atp_grpc.domain.budget import Account, Budget, Grant, Share
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.decision import Decision
from atp_grpc.domain.history import HistoryPage, HistoryQuery, Place
from atp_grpc.domain.outcome import Conflict, NewObservation, Observation, Recorded, Report
from atp_grpc.store.contract import DecisionRecord, StoreFailure
from atp_grpc.store.observation_codec import encode_observation
from atp_grpc.store.sqlite import budgets, claims, decisions, observations, schema, tables
from atp_grpc.store.sqlite.claim_keeper import SqliteClaims
from atp_grpc.store.sqlite.connection_thread import ConnectionThread, transaction, unhurried
from atp_grpc.store.sqlite.group_commit import GroupCommit
from atp_grpc.store.sqlite.history import Reading

Result = TypeVar("Result")

PRUNE_STEP_SEGMENTS = 32
"""Segments, or claims, forgotten per transaction, so that a report waits milliseconds behind a prune, not seconds."""


async def open_sqlite_store(
    path: Path, *, replica: str, clock: Clock, encode: observations.Encode = encode_observation
) -> SqliteStore:
    """Opens or creates the database at `path` and holds it until `close`.

    Args:
        path: the database file; SQLite keeps two more beside it while it is open, and we a lock.
        replica: the name that a new database takes. One that has a name keeps it (`SqliteStore.replica`): its
            observations are numbered under that name for good.
        clock: dates checkpoints and facts, for whoever looks into the file, and tells which claims have expired.
        encode: writes an observation down.

    Raises:
        StoreFailure: the database is in use, cannot be opened, was written by a newer release or is not a store.
    """
    writer = await ConnectionThread.open("store-writer", partial(schema.open_writer, path))
    reader: ConnectionThread | None = None
    try:
        name = await writer.run(lambda connection: tables.claim_for(connection, replica))
        reader = await ConnectionThread.open("store-reader", partial(schema.open_reader, path))
        place = await writer.run(lambda _: _identity(path))
    except BaseException:
        if reader is not None:
            await reader.close()
        await writer.close()
        raise
    return SqliteStore(path, replica=name, clock=clock, encode=encode, writer=writer, reader=reader, identity=place)


class SqliteStore:
    """An open database. Build it with `open_sqlite_store`."""

    def __init__(
        self,
        path: Path,
        *,
        replica: str,
        clock: Clock,
        encode: observations.Encode,
        writer: ConnectionThread,
        reader: ConnectionThread,
        identity: tuple[int, int],
    ) -> None:
        self.replica = replica
        self._path = path
        self._clock = clock
        self._encode = encode
        self._writer = writer
        self._reader = reader
        self._identity = identity
        self._group = GroupCommit(self._write)
        self.claims = SqliteClaims(self._group)
        """Ids that were claimed; as the contract says."""

    @property
    def kind(self) -> str:
        """`sqlite`."""
        return "sqlite"

    async def record(self, reports: Sequence[NewObservation]) -> list[Recorded | Conflict]:
        """As the contract says: one transaction, one fsync."""
        return await self._write(
            lambda connection: observations.record(connection, reports, self.replica, self._encode)
        )

    async def observations_after(self, sequence: int, limit: int) -> list[Observation]:
        """As the contract says."""
        return await self._reader.run(
            lambda connection: observations.observations_after(connection, sequence, limit, self.replica)
        )

    async def last_sequence(self) -> int:
        """As the contract says."""
        return await self._reader.run(tables.last_sequence)

    async def save_decisions(self, records: Sequence[DecisionRecord]) -> None:
        """As the contract says."""
        await self._write(lambda connection: decisions.save_decisions(connection, records), is_promise=False)

    async def find_decision(self, tenant: str, decision_id: str) -> Decision | None:
        """As the contract says."""
        return await self._reader.run(lambda connection: decisions.find_decision(connection, tenant, decision_id))

    async def history(self, query: HistoryQuery, *, after: Place | None, limit: int) -> HistoryPage:
        """As the contract says, in steps that let other reads pass."""
        reading = Reading(query, after, limit)
        while await self._reader.run(reading.go_on):
            pass
        return reading.page

    async def outcome_of(self, tenant: str, decision_id: str) -> Report:
        """As the contract says."""
        return await self._reader.run(lambda connection: observations.outcome_of(connection, tenant, decision_id))

    async def save_checkpoint(self, pool: str, data: bytes) -> None:
        """As the contract says."""
        now_nanos = self._clock.now_nanos()
        await self._write(lambda connection: tables.save_checkpoint(connection, pool, data, now_nanos))

    async def load_checkpoint(self, pool: str) -> bytes | None:
        """As the contract says."""
        return await self._reader.run(lambda connection: tables.load_checkpoint(connection, pool))

    async def read_fact(self, key: str) -> str | None:
        """As the contract says."""
        return await self._reader.run(lambda connection: tables.read_fact(connection, key))

    async def write_fact(self, key: str, value: str) -> None:
        """As the contract says."""
        now_nanos = self._clock.now_nanos()
        await self._write(lambda connection: tables.write_fact(connection, key, value, now_nanos))

    async def budgets(self) -> list[Budget]:
        """As the contract says."""
        return await self._reader.run(budgets.budgets)

    async def replace_budget(self, tenant: str, before: Budget | None, after: Budget | None) -> bool:
        """As the contract says."""
        return await self._write(lambda connection: budgets.replace_budget(connection, tenant, before, after))

    async def lease(self, account: Account, replica: str, share: Share, wanted_nano_usd: int) -> Grant:
        """As the contract says."""
        return await self._write(lambda connection: budgets.lease(connection, account, replica, share, wanted_nano_usd))

    async def report_shares(self, replica: str, shares: Mapping[Account, Share], settled_through: int) -> None:
        """As the contract says."""
        await self._write(lambda connection: budgets.report_shares(connection, replica, shares, settled_through))

    async def shares_of(self, replica: str) -> tuple[dict[Account, Share], int]:
        """As the contract says."""
        return await self._reader.run(lambda connection: budgets.shares_of(connection, replica))

    async def exposures(self, accounts: Sequence[Account]) -> dict[Account, Share]:
        """As the contract says."""
        return await self._reader.run(lambda connection: budgets.exposures(connection, accounts))

    async def forget_shares(self, ended_before_nanos: int) -> None:
        """As the contract says."""
        await self._write(lambda connection: budgets.forget_shares(connection, ended_before_nanos), is_promise=False)

    async def prune(self, *, fields_before_nanos: int, decisions_before_nanos: int, learned_through: int) -> None:
        """As the contract says, in steps that let reports pass; cancelled, it keeps the steps it finished."""
        steps: tuple[Callable[[sqlite3.Connection], int], ...] = (
            lambda connection: decisions.prune_decisions(connection, decisions_before_nanos, PRUNE_STEP_SEGMENTS),
            lambda connection: observations.prune_observations(
                connection, fields_before_nanos, learned_through, PRUNE_STEP_SEGMENTS
            ),
            lambda connection: claims.prune_claims(connection, self._clock.now_nanos(), PRUNE_STEP_SEGMENTS),
        )
        for step in steps:
            while await self._write(step, is_promise=False) == PRUNE_STEP_SEGMENTS:
                pass

    async def ping(self) -> None:
        """As the contract says: both threads answer, and the file is still where it was opened."""
        await asyncio.gather(
            self._reader.run(tables.last_sequence),
            self._writer.run(lambda _: self._check_in_place()),
        )

    async def close(self) -> None:
        """As the contract says."""
        await self._group.settle()
        # The writer goes last: it takes the log back into the file, and lets go of the lock.
        await self._reader.close()
        await self._writer.close()

    async def _write(self, work: Callable[[sqlite3.Connection], Result], *, is_promise: bool = True) -> Result:
        """One transaction; a promise is on disk when this returns."""

        def whole(connection: sqlite3.Connection) -> Result:
            with nullcontext() if is_promise else unhurried(connection), transaction(connection):
                result = work(connection)
                # SQLite would go on writing into a file that was removed, and a restart would find nothing.
                self._check_in_place()
            return result

        return await self._writer.run(whole)

    def _check_in_place(self) -> None:
        if _identity(self._path) != self._identity:
            raise StoreFailure("the database file was replaced while it was open")


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino
