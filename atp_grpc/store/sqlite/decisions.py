"""The SQL of decisions: written many in one row, found one by one.

`store` calls these on its threads. A row for each decision would cost six times the CPU (a step through SQLite and two
turns of the interpreter's lock per row, and as many index entries), and nobody waits for them; so a batch becomes a few
*segments*, and a decision is looked for in the segments whose ids begin like its own. Ids begin with their time, so
those are the segments of four seconds; any other ids are found as well, only not as fast.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Sequence
from itertools import groupby
from zlib import crc32

from atp_grpc.domain.decision import Decision
from atp_grpc.domain.history import Place
from atp_grpc.store.contract import DecisionRecord, StoreFailure
from atp_grpc.store.decision_codec import DamagedDecisionError, decode_decision
from atp_grpc.store.sqlite.escaping import escaped

PREFIX_CHARACTERS = 9
"""Of an id that begins with 48 bits of milliseconds: a new prefix every 4.1 seconds."""
_SPAN_BITS = 32
"""A segment's moments lie within one span of 2^32 ns (4.3 s), so that none is forgotten much later than another."""
SPAN_NANOS = 1 << _SPAN_BITS
_ENTRY_BYTES = 8


def save_decisions(connection: sqlite3.Connection, records: Sequence[DecisionRecord]) -> None:
    """Writes decisions; belongs inside a transaction."""
    for (prefix, _), together in groupby(records, _place):
        segment = list(together)
        connection.execute(
            "INSERT INTO decision_segments (prefix, last_nanos, directory, records) VALUES (?, ?, ?, ?)",
            (
                escaped(prefix),
                max([record.decided_nanos for record in segment]),
                _directory(segment),
                b"".join([record.body for record in segment]),
            ),
        )


def find_decision(connection: sqlite3.Connection, tenant: str, decision_id: str) -> Decision | None:
    """A tenant's decision, or None; the one that was saved first.

    Raises:
        StoreFailure: what was kept is damaged.
    """
    found = _first(connection, tenant, decision_id)
    return None if found is None else found[1]


def was_kept_before(connection: sqlite3.Connection, place: Place, body: bytes) -> bool:
    """Whether the decision of a record stands at another place, where it was saved first.

    Raises:
        StoreFailure: what was kept is damaged.
    """
    made = decoded(body)
    found = _first(connection, made.tenant, made.decision_id)
    return found is not None and found[0] != place


def _first(connection: sqlite3.Connection, tenant: str, decision_id: str) -> tuple[Place, Decision] | None:
    """A tenant's decision where it was saved first."""
    segments = connection.execute(
        "SELECT number, directory FROM decision_segments WHERE prefix = ? ORDER BY number",
        (escaped(decision_id[:PREFIX_CHARACTERS]),),
    )
    for number, directory in segments.fetchall():
        for offset, start, length in _named(directory, decision_id):
            row = connection.execute(
                "SELECT substr(records, ?, ?) FROM decision_segments WHERE number = ?", (start + 1, length, number)
            ).fetchone()
            # Between the two looks a prune may have taken the segment.
            found = None if row is None else decoded(row[0])
            if found is not None and (found.tenant, found.decision_id) == (tenant, decision_id):
                return Place(number, offset), found
    return None


def prune_decisions(connection: sqlite3.Connection, before_nanos: int, most: int) -> int:
    """Deletes at most `most` segments whose decisions were all made before a moment; returns how many."""
    return connection.execute(
        "DELETE FROM decision_segments WHERE number IN "
        "(SELECT number FROM decision_segments WHERE last_nanos < ? LIMIT ?)",
        (before_nanos, most),
    ).rowcount


def _place(record: DecisionRecord) -> tuple[str, int]:
    return record.decision_id[:PREFIX_CHARACTERS], record.decided_nanos >> _SPAN_BITS


def _directory(segment: Sequence[DecisionRecord]) -> bytes:
    """CRC-32 of every id, then the length of every record; little-endian, 4 bytes each."""
    sums = [crc32(record.decision_id.encode()) for record in segment]
    return struct.pack(f"<{2 * len(segment)}I", *sums, *[len(record.body) for record in segment])


def sums_of(directory: bytes) -> tuple[int, ...]:
    """The CRC-32 of every id of a segment."""
    return struct.unpack_from(f"<{len(directory) // _ENTRY_BYTES}I", directory)


def lengths_of(directory: bytes) -> tuple[int, ...]:
    """The length of every record of a segment."""
    count = len(directory) // _ENTRY_BYTES
    return struct.unpack_from(f"<{count}I", directory, 4 * count)


def _named(directory: bytes, decision_id: str) -> list[tuple[int, int, int]]:
    """Which records may be the decision's: offset in the segment, start and length in bytes."""
    count = len(directory) // _ENTRY_BYTES
    wanted = struct.pack("<I", crc32(decision_id.encode()))
    found = []
    at = directory.find(wanted)
    while 0 <= at < 4 * count:
        if at % 4 == 0:
            lengths = struct.unpack_from(f"<{at // 4 + 1}I", directory, 4 * count)
            found.append((at // 4, sum(lengths[:-1]), lengths[-1]))
        at = directory.find(wanted, at + 1)
    return found


def decoded(body: bytes) -> Decision:
    """A decision from its record.

    Raises:
        StoreFailure: the record is damaged.
    """
    try:
        return decode_decision(body)
    except DamagedDecisionError as damage:
        raise StoreFailure("a stored decision is damaged") from damage
