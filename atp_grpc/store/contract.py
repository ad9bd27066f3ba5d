"""The promise of a store: observations are durable before they are acknowledged and recorded once; the rest is history.

A ledger, which may be the same object, promises as much of money. `learning`, `tenancy` and `app` speak to this module
only. A store never learns, never judges and never sees a prompt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from atp_grpc.domain.budget import Account, Budget, Grant, Share
from atp_grpc.domain.claim import ClaimKeeper
from atp_grpc.domain.decision import Decision
from atp_grpc.domain.history import HistoryPage, HistoryQuery, Place
from atp_grpc.domain.outcome import Conflict, NewObservation, Observation, Recorded, Report

MOST_LISTED = 2_000
"""Decisions on one page of history at most."""
MOST_LOOKED_AT = 4_096
"""Decisions looked at for one page of history at most: a tenant's few among everybody's many come on short pages."""


class StoreFailure(RuntimeError):
    """The store could not do its work (disk full, file gone, locked).

    What was asked for did not happen, or may be asked for again: every operation is idempotent.
    """


class DecisionRecord(NamedTuple):
    """A decision on its way to a store; `body` is laid out as `store.decision_layout` says.

    The names and the moment are the body's own, so that nobody has to read it to keep and to forget it.
    """

    tenant: str
    decision_id: str
    decided_nanos: int
    body: bytes


class Store(Protocol):
    """One replica's store.

    Methods are safe to call concurrently from one event loop; cancelling a call never tears what it started: the work
    is done wholly or not at all.
    """

    @property
    def kind(self) -> str:
        """`memory` or `sqlite`."""
        ...

    @property
    def replica(self) -> str:
        """The replica whose observations these are; a store keeps the name it was made with."""
        ...

    async def record(self, reports: Sequence[NewObservation]) -> list[Recorded | Conflict]:
        """Makes reports durable, all in one commit, and answers for each in order.

        For each report, against what stands for (tenant, decision_id): a field that is new is recorded; the same value
        again is unchanged; another value refuses that whole report (and only it). Reports of one batch see each other.
        A report with at least one new field becomes the replica's next observation: sequences are 1, 2, 3... without
        gaps, also across restarts. Returns only after the commit is on disk (fsync).

        Raises:
            StoreFailure: nothing of this batch is acknowledged. (It may be durable if the failure came after the
                commit; recording it again is then a no-op.)
        """
        ...

    async def observations_after(self, sequence: int, limit: int) -> list[Observation]:
        """This replica's observations above a sequence, in order, at most `limit`."""
        ...

    async def last_sequence(self) -> int:
        """The replica's highest sequence, 0 before the first observation. Survives pruning."""
        ...

    async def save_decisions(self, records: Sequence[DecisionRecord]) -> None:
        """Keeps decisions, all or none; a power cut may take the latest. Saving one again changes nothing.

        Decisions are found fastest when their ids begin with the moment they were made at, as those of `app` do.
        """
        ...

    async def find_decision(self, tenant: str, decision_id: str) -> Decision | None:
        """A tenant's decision, or None: also when it is another tenant's.

        Raises:
            StoreFailure: it cannot be had, or what was kept of it is damaged.
        """
        ...

    async def history(self, query: HistoryQuery, *, after: Place | None, limit: int) -> HistoryPage:
        """Decisions in the order they were kept, or newest first, each with what stands for it, from a place on.

        At most `limit` of them, 1 to `MOST_LISTED`; fewer, or none, once `MOST_LOOKED_AT` have been looked at, with
        the place to go on from. What is kept meanwhile comes last and moves nobody's place; what is pruned meanwhile
        is left out. Each decision comes once, however often it was saved.

        Raises:
            StoreFailure: it cannot be had, or what was kept on the way is damaged.
        """
        ...

    async def outcome_of(self, tenant: str, decision_id: str) -> Report:
        """Every field that stands for a decision; an empty report when none does."""
        ...

    async def save_checkpoint(self, pool: str, data: bytes) -> None:
        """Replaces the learner checkpoint of a pool, durably."""
        ...

    async def load_checkpoint(self, pool: str) -> bytes | None:
        """The last checkpoint of a pool, or None."""
        ...

    async def read_fact(self, key: str) -> str | None:
        """A small fact this replica remembers across restarts (catalogue revision, replica name)."""
        ...

    async def write_fact(self, key: str, value: str) -> None:
        """Remembers a fact, durably."""
        ...

    async def prune(self, *, fields_before_nanos: int, decisions_before_nanos: int, learned_through: int) -> None:
        """Forgets what is old enough, and nothing else.

        Old enough are decisions made before `decisions_before_nanos`, and observations made before
        `fields_before_nanos` that are not above sequence `learned_through`. The fields that stand for a decision go
        with the latest observation about it, all together. What was written together may be kept until the youngest of
        it is old enough: a commit's observations, and decisions of the same few seconds.
        """
        ...

    async def ping(self) -> None:
        """Proves that the store answers.

        Raises:
            StoreFailure: it does not.
        """
        ...

    async def close(self) -> None:
        """Finishes what was started and lets go of every resource. Calling it again is fine."""
        ...


class Ledger(Protocol):
    """What may have been spent of every budget, by every replica.

    Several replicas may share one ledger. Each is the only writer of its own shares, states them whole, and has one
    write on its way at a time; so a write whose answer was lost is put right by the next. Every write is durable
    (fsync) when it returns, done wholly or not at all, and raises StoreFailure when that is not certain.
    """

    async def budgets(self) -> list[Budget]:
        """Every budget, by tenant."""
        ...

    async def replace_budget(self, tenant: str, before: Budget | None, after: Budget | None) -> bool:
        """Puts one budget of a tenant in place of another, where None is no budget; False when `before` does not stand.

        The shares of a budget end with it: those whose `since_nanos` is not that of `after` go.
        """
        ...

    async def lease(self, account: Account, replica: str, share: Share, wanted_nano_usd: int) -> Grant:
        """Adds to a replica's exposure as much of what is wanted as the limit has room for, all replicas together.

        `share` is the replica's as it stands; with the grant added, exposed and held, it is what is kept. Nothing is
        granted or kept of an account whose budget no longer stands.
        """
        ...

    async def report_shares(self, replica: str, shares: Mapping[Account, Share], settled_through: int) -> None:
        """Keeps shares of a replica, and through which of its observations all of its shares are settled.

        What belongs to a budget that no longer stands is passed over.
        """
        ...

    async def shares_of(self, replica: str) -> tuple[dict[Account, Share], int]:
        """A replica's shares, and through which of its observations all of them are settled (0: not any)."""
        ...

    async def exposures(self, accounts: Sequence[Account]) -> dict[Account, Share]:
        """What all replicas together may have spent of accounts; an account nobody has a share of is left out.

        Sequences of different replicas say nothing together: they come as 0.
        """
        ...

    async def forget_shares(self, ended_before_nanos: int) -> None:
        """Forgets the shares of periods that ended before a moment, everybody's."""
        ...


class LedgerStore(Store, Ledger, Protocol):
    """A store that keeps the ledger of budgets too, and what was claimed, as those of one machine do."""

    @property
    def claims(self) -> ClaimKeeper:
        """Keeps ids that are executed once. It raises StoreFailure, and forgets at `prune` what has expired."""
        ...
