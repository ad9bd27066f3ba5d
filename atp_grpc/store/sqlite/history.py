"""The SQL of history: the log of decisions from a place on, each with what stands for it.

`store` has one `Reading` for each page and lets it go on, step by step, on the thread that reads, so that nobody else
waits long for that thread or for the interpreter's lock. Segments that are too old or too young are passed over by
their index, and of a record that was not asked for no more is read than whose it is and when it was made. It never
holds a statement open between steps.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Final, cast

from atp_grpc.domain.history import HistoryPage, HistoryQuery, Logged, Place
from atp_grpc.store.contract import MOST_LISTED, MOST_LOOKED_AT, StoreFailure
from atp_grpc.store.decision_codec import DamagedDecisionError, glanced
from atp_grpc.store.sqlite import decisions, observations
from atp_grpc.store.standing import NOTHING
from atp_grpc.store.texts import packed

STEP_READ: Final = 64
"""Decisions decoded in a step: a millisecond or two."""
STEP_LOOKED_AT: Final = 1_024
"""Decisions looked at in a step."""
_NEAR: Final = 64
"""Segments beside the last one that are looked at before the index is asked where those of a time are."""

_EARLIEST, _LATEST = -(2**63), 2**63 - 1
_ENDS = "SELECT (SELECT min(number) FROM decision_segments), (SELECT max(number) FROM decision_segments)"
# Goes through all of a time, but only where a page meets a gap.
_FAR = """
SELECT {end}(number) FROM decision_segments INDEXED BY decision_segments_by_moment
WHERE number BETWEEN ? AND ? AND last_nanos BETWEEN ? AND ?
"""
_FIRST_FAR, _LAST_FAR = _FAR.format(end="min"), _FAR.format(end="max")
_NEXT = """
SELECT number, prefix, directory, records FROM decision_segments
WHERE number BETWEEN ? AND ? AND last_nanos BETWEEN ? AND ? ORDER BY number {direction} LIMIT 1
"""
_OLDEST, _NEWEST = _NEXT.format(direction="ASC"), _NEXT.format(direction="DESC")
_BEFORE = "SELECT directory FROM decision_segments WHERE prefix = ? AND number < ?"

_Found = tuple[Place, bytes | None]
"""A record that was looked at; None in its place when it was not asked for."""


class Reading:
    """One page of history in the making."""

    def __init__(self, query: HistoryQuery, after: Place | None, limit: int) -> None:
        self._query = query
        self._after = after
        self._limit = min(limit, MOST_LISTED)
        self._log: Iterator[_Found] | None = None
        self._left_to_look_at = MOST_LOOKED_AT
        self._entries: list[Logged] = []
        self._next_after: Place | None = None

    @property
    def page(self) -> HistoryPage:
        """What was read."""
        return HistoryPage(tuple(self._entries), self._next_after)

    def go_on(self, connection: sqlite3.Connection) -> bool:
        """Reads a step further; False when the page is whole.

        Raises:
            StoreFailure: a record on the way is damaged.
        """
        if self._log is None:
            self._log = _log(connection, self._query, self._after)
        try:
            read, is_whole = self._look(self._log)
        except (DamagedDecisionError, struct.error) as damage:
            raise StoreFailure("a stored decision is damaged") from damage
        made = [(place, decisions.decoded(body)) for place, body in read]
        standing = observations.standing_of(connection, [(one.tenant, one.decision_id) for _, one in made])
        self._entries += [
            Logged(place, one, standing.get((one.tenant, one.decision_id), NOTHING)) for place, one in made
        ]
        return not is_whole

    def _look(self, log: Iterator[_Found]) -> tuple[list[tuple[Place, bytes]], bool]:
        """The next records that were asked for, and whether the page is whole with them."""
        read: list[tuple[Place, bytes]] = []
        room = self._limit - len(self._entries)
        for _ in range(min(STEP_LOOKED_AT, self._left_to_look_at)):
            found = next(log, None)
            if found is None:
                self._next_after = None
                return read, True
            place, body = found
            if body is not None:
                if len(read) == room:
                    return read, True
                read.append((place, body))
            self._left_to_look_at -= 1
            self._next_after = place
            if len(read) == STEP_READ:
                break
        return read, self._left_to_look_at == 0


def _log(connection: sqlite3.Connection, query: HistoryQuery, after: Place | None) -> Iterator[_Found]:
    """Every record of the log from a place on, in the order that is asked for."""
    since, before = query.since_nanos, query.before_nanos
    earliest = _EARLIEST if since is None else since
    # The eldest of a segment is younger than its youngest by less than a span.
    latest = _LATEST if before is None else min(before - 1 + decisions.SPAN_NANOS, _LATEST)
    low, high = connection.execute(_ENDS).fetchone()
    if low is None:
        return
    if after is not None:
        low, high = (low, min(high, after.segment)) if query.newest_first else (max(low, after.segment), high)
    tenant = None if query.tenant is None else packed(query.tenant)
    while row := _next_segment(connection, (low, high), (earliest, latest), newest_first=query.newest_first):
        number, prefix, directory, records = row
        lengths = decisions.lengths_of(directory)
        bounds = list(pairwise(accumulate(lengths, initial=0)))
        offsets = range(len(bounds))
        if after is not None and after.segment == number:
            offsets = offsets[: after.offset] if query.newest_first else offsets[after.offset + 1 :]
        repeated = _is_repeated(connection, prefix, number, directory)
        for offset in reversed(offsets) if query.newest_first else offsets:
            start, end = bounds[offset]
            decided, tenant_at = glanced(records, start)
            place = Place(number, offset)
            is_asked = (
                (tenant is None or records.startswith(tenant, tenant_at))
                and (since is None or decided >= since)
                and (before is None or decided < before)
                and not (repeated and decisions.was_kept_before(connection, place, records[start:end]))
            )
            yield place, records[start:end] if is_asked else None
        low, high = (low, number - 1) if query.newest_first else (number + 1, high)


def _next_segment(
    connection: sqlite3.Connection, numbers: tuple[int, int], moments: tuple[int, int], *, newest_first: bool
) -> tuple[int, str, bytes, bytes] | None:
    """The first segment of a time in the order that is asked for, of those between two numbers."""
    low, high = numbers
    near = (max(low, high - _NEAR), high) if newest_first else (low, min(high, low + _NEAR))
    statement = _NEWEST if newest_first else _OLDEST
    row = connection.execute(statement, (*near, *moments)).fetchone()
    if row is None and near != numbers:
        far = _LAST_FAR if newest_first else _FIRST_FAR
        # Between the two looks a prune may take what was found; then the next one is looked for.
        while row is None and (number := connection.execute(far, (*numbers, *moments)).fetchone()[0]) is not None:
            row = connection.execute(statement, (number, number, *moments)).fetchone()
    return cast("tuple[int, str, bytes, bytes] | None", row)


def _is_repeated(connection: sqlite3.Connection, prefix: str, number: int, directory: bytes) -> bool:
    """Whether a decision of a segment may have been kept before: in the segment itself, or in an earlier one."""
    sums = decisions.sums_of(directory)
    different = set(sums)
    return len(different) < len(sums) or not all(
        different.isdisjoint(decisions.sums_of(earlier)) for (earlier,) in connection.execute(_BEFORE, (prefix, number))
    )
