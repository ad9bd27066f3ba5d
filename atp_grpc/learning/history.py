"""The log of decisions as people ask for it: filtered, page by page, and one decision of it.

Services enter here. It reads a bounded number of decisions for a page however few of them are asked for, and hands back
what was found with the place to go on from. It never learns and never writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final, NamedTuple

from atp_grpc.domain.errors import StoreUnavailableError
from atp_grpc.domain.history import HistoryPage, HistoryQuery, Logged, Place
from atp_grpc.domain.outcome import NO_LABELS, Report
from atp_grpc.learning.journal import RETRY_SECONDS
from atp_grpc.store.contract import Store, StoreFailure

STRETCH: Final = 100
"""Decisions read at a time before others get their turn: a few milliseconds where a store reads on the loop."""
MOST_READ: Final = 2_000
"""Decisions read for a page at most."""

_NOTHING = Report()


class Filter(NamedTuple):
    """What must hold of a decision; empty and None ask for nothing."""

    model: str = ""
    policy: str = ""
    task_type: str = ""
    session_id: str = ""
    labels: Mapping[str, str] = NO_LABELS
    is_observed: bool | None = None

    def holds(self, logged: Logged) -> bool:
        """Whether all of it holds."""
        decision = logged.decision
        lesson = decision.lesson
        return (
            self.model in ("", lesson.model)
            and self.policy in ("", lesson.revisions.policy)
            and self.task_type in ("", decision.task_type)
            and self.session_id in ("", decision.session_id)
            and (not self.labels or self.labels.items() <= decision.labels.items())
            and self.is_observed in (None, logged.outcome != _NOTHING)
        )


EVERYTHING: Final = Filter()


class History:
    """Reads the log of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def replica(self) -> str:
        """Whose log it is: places mean nothing in another one."""
        return self._store.replica

    async def page(self, query: HistoryQuery, where: Filter, *, after: Place | None, size: int) -> HistoryPage:
        """At most `size` decisions of the log for which a filter holds, from a place on.

        Fewer, or none, when they are rare; `next_after` says where to go on.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        entries: list[Logged] = []
        left = MOST_READ
        while True:
            wanted = min(STRETCH, size - len(entries) if where == EVERYTHING else left)
            stretch = await self._read(query, after, wanted)
            for logged in stretch.entries:
                if len(entries) == size:
                    return HistoryPage(tuple(entries), entries[-1].place)
                if where.holds(logged):
                    entries.append(logged)
            after = stretch.next_after
            left -= len(stretch.entries)
            # A short stretch has looked at as many decisions as the store looks at for anybody.
            if after is None or left <= 0 or len(stretch.entries) < wanted:
                return HistoryPage(tuple(entries), after)
            if len(entries) == size:
                return HistoryPage(tuple(entries), entries[-1].place)
            await asyncio.sleep(0)

    async def _read(self, query: HistoryQuery, after: Place | None, limit: int) -> HistoryPage:
        try:
            return await self._store.history(query, after=after, limit=limit)
        except StoreFailure:
            raise StoreUnavailableError(RETRY_SECONDS) from None
