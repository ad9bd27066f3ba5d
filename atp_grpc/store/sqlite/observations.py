"""The SQL of observations: a commit is one row of records, and every decision reported on points at its latest.

`store` calls these on its threads. What stands for a decision is read from its latest observation, which holds what it
recorded and what stood before; so a report writes one small row beside its record, and no value is kept twice.
"""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

from atp_grpc.domain.outcome import Conflict, NewObservation, Observation, Recorded, Report
from atp_grpc.store.contract import StoreFailure
from atp_grpc.store.observation_codec import DamagedObservationError, decode_observation, decode_reports
from atp_grpc.store.sqlite.escaping import escaped, unescaped
from atp_grpc.store.sqlite.tables import last_sequence
from atp_grpc.store.standing import NOTHING, DecisionKey, decision_of, settle, together

Encode = Callable[[Observation], bytes]
"""`store.observation_codec.encode_observation`, or what does the same faster."""

# One statement for any number of decisions, so that it is prepared once; CROSS JOIN keeps the asked ones outermost.
_SEQUENCES = """
SELECT outcomes.sequence, outcomes.decision FROM json_each(?) AS asked
    CROSS JOIN outcomes ON outcomes.decision = asked.value
"""
# A segment is read once, however many of its records are wanted.
_SEGMENTS = """
SELECT first_sequence, lengths, records FROM observation_segments WHERE first_sequence IN (
    SELECT (SELECT max(first_sequence) FROM observation_segments WHERE first_sequence <= asked.value)
    FROM json_each(?) AS asked)
"""
_NEW_SEGMENT = """
INSERT INTO observation_segments (first_sequence, last_nanos, decisions, lengths, records) VALUES (?, ?, ?, ?, ?)
"""
# The key of an element of a JSON array is its place in it.
_POINT = """
INSERT OR REPLACE INTO outcomes (decision, sequence) SELECT value, ? + key FROM json_each(?)
"""
_PAGE = """
SELECT first_sequence, decisions, lengths, records FROM observation_segments
WHERE first_sequence >= (SELECT coalesce(max(first_sequence), 0) FROM observation_segments WHERE first_sequence <= ?)
ORDER BY first_sequence
"""
_OLD = """
SELECT first_sequence, decisions, first_sequence + length(lengths) / 4 - 1 AS through FROM observation_segments
WHERE last_nanos < ? AND through <= ? LIMIT ?
"""
_FORGET = """
DELETE FROM outcomes WHERE decision IN (SELECT value FROM json_each(?)) AND sequence <= ?
"""


def record(
    connection: sqlite3.Connection, reports: Sequence[NewObservation], replica: str, encode: Encode
) -> list[Recorded | Conflict]:
    """Writes what is new in a batch of reports; belongs inside a transaction."""
    names = [_name(*decision_of(report)) for report in reports]
    standing = standing_of(connection, map(decision_of, reports))
    answers = settle(reports, standing, replica=replica, last_sequence=last_sequence(connection))
    made: list[Observation] = []
    decisions: list[str] = []
    for name, answer in zip(names, answers, strict=True):
        if isinstance(answer, Recorded) and answer.observation is not None:
            made.append(answer.observation)
            decisions.append(name)
    if made:
        _write(connection, made, json.dumps(decisions), encode)
    return answers


def _write(connection: sqlite3.Connection, made: Sequence[Observation], decisions: str, encode: Encode) -> None:
    first, last = made[0].sequence, made[-1].sequence
    records = [encode(observation) for observation in made]
    lengths = struct.pack(f"<{len(records)}I", *map(len, records))
    last_nanos = max([observation.observed_nanos for observation in made])
    connection.execute(_NEW_SEGMENT, (first, last_nanos, decisions, lengths, b"".join(records)))
    connection.execute(_POINT, (first, decisions))
    connection.execute("UPDATE replica SET last_sequence = ?", (last,))


def observations_after(connection: sqlite3.Connection, sequence: int, limit: int, replica: str) -> list[Observation]:
    """Observations above a sequence, in order."""
    found: list[Observation] = []
    if limit <= 0:
        return found
    for first, decisions, lengths, records in connection.execute(_PAGE, (sequence + 1,)):
        names = json.loads(decisions)
        for number, (start, end) in enumerate(_bounds(lengths)):
            if first + number > sequence:
                found.append(_decoded(records[start:end], names[number], replica, first + number))
                if len(found) == limit:
                    return found
    return found


def outcome_of(connection: sqlite3.Connection, tenant: str, decision_id: str) -> Report:
    """Every field that stands for a decision."""
    key = tenant, decision_id
    return standing_of(connection, [key]).get(key, NOTHING)


def standing_of(connection: sqlite3.Connection, asked: Iterable[DecisionKey]) -> dict[DecisionKey, Report]:
    """Every field that stands for decisions; one that nothing was reported on is left out.

    Raises:
        StoreFailure: a record is damaged.
    """
    keys = {_name(*key): key for key in asked}
    latest = dict(connection.execute(_SEQUENCES, (json.dumps(list(keys)),)).fetchall())
    standing: dict[DecisionKey, Report] = {}
    if not latest:
        return standing
    for first, lengths, records in connection.execute(_SEGMENTS, (json.dumps(list(latest)),)):
        for number, (start, end) in enumerate(_bounds(lengths)):
            if (name := latest.get(first + number)) is not None:
                standing[keys[name]] = _reported(records[start:end])
    return standing


def prune_observations(connection: sqlite3.Connection, before_nanos: int, through: int, most: int) -> int:
    """Deletes at most `most` segments that are wholly old and not above sequence `through`; returns how many.

    With each goes what stands for the decisions whose latest observation it held.
    """
    old = connection.execute(_OLD, (before_nanos, through, most)).fetchall()
    for first, decisions, last in old:
        connection.execute(_FORGET, (decisions, last))
        connection.execute("DELETE FROM observation_segments WHERE first_sequence = ?", (first,))
    return len(old)


def _name(tenant: str, decision_id: str) -> str:
    # What is escaped has no line feed, so no two decisions share a name.
    return f"{escaped(tenant)}\n{escaped(decision_id)}"


def _bounds(lengths: bytes) -> list[tuple[int, int]]:
    """Where each record of a segment begins and ends."""
    ends = list(accumulate(struct.unpack(f"<{len(lengths) // 4}I", lengths)))
    return list(zip([0, *ends], ends, strict=False))


def _decoded(body: bytes, name: str, replica: str, sequence: int) -> Observation:
    tenant, _, decision_id = name.partition("\n")
    try:
        return decode_observation(
            body, tenant=unescaped(tenant), decision_id=unescaped(decision_id), replica=replica, sequence=sequence
        )
    except DamagedObservationError as damage:
        raise StoreFailure("a stored observation is damaged") from damage


def _reported(body: bytes) -> Report:
    try:
        return together(*decode_reports(body))
    except DamagedObservationError as damage:
        raise StoreFailure("a stored observation is damaged") from damage
