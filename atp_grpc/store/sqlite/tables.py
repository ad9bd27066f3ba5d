"""The SQL of the embedded store: each function does one thing on a connection, inside or outside a transaction.

`store` calls these on its threads. They know tables and the codec, never threads, files or the event loop.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from atp_grpc.domain.decision import Decision
from atp_grpc.domain.outcome import Conflict, NewObservation, Observation, Recorded, Report
from atp_grpc.store import codec
from atp_grpc.store.codec import escaped
from atp_grpc.store.standing import DecisionKey, decision_of, settle

# One statement for any number of decisions, so that it is prepared once; CROSS JOIN keeps the asked ones outermost.
_STANDING = """
SELECT fields.tenant, fields.decision_id, fields.field, fields.value
FROM json_each(?) AS asked CROSS JOIN outcome_fields AS fields
    ON fields.tenant = json_extract(asked.value, '$[0]') AND fields.decision_id = json_extract(asked.value, '$[1]')
"""

# What `prune` forgets: a table, and which of its rows are old.
_OLD_FIELDS = """
DELETE FROM outcome_fields WHERE (tenant, decision_id, field) IN (
    SELECT tenant, decision_id, field FROM outcome_fields WHERE observed_nanos < ? LIMIT ?)
"""
_OLD_DECISIONS = """
DELETE FROM decisions WHERE rowid IN (SELECT rowid FROM decisions WHERE decided_nanos < ? LIMIT ?)
"""
_OLD_OBSERVATIONS = """
DELETE FROM observations WHERE sequence IN (
    SELECT sequence FROM observations WHERE observed_nanos < ? AND sequence <= ? LIMIT ?)
"""


def claim_for(connection: sqlite3.Connection, replica: str) -> str:
    """The replica whose database this is: the one that a new database is given, or the one that came first."""
    connection.execute(
        "INSERT INTO replica (name, last_sequence) SELECT ?, 0 WHERE NOT EXISTS (SELECT 1 FROM replica)",
        (escaped(replica),),
    )
    (name,) = connection.execute("SELECT name FROM replica").fetchone()
    return codec.unescaped(name)


def last_sequence(connection: sqlite3.Connection) -> int:
    """The highest sequence ever given."""
    (sequence,) = connection.execute("SELECT last_sequence FROM replica").fetchone()
    return int(sequence)


def record(
    connection: sqlite3.Connection, reports: Sequence[NewObservation], replica: str
) -> list[Recorded | Conflict]:
    """Writes what is new in a batch of reports; belongs inside a transaction."""
    standing = _standing(connection, reports)
    answers: list[Recorded | Conflict] = []
    fields: list[tuple[str, str, str, str, int]] = []
    observations: list[tuple[int, str, str, int, str]] = []
    settled = settle(reports, standing, replica=replica, last_sequence=last_sequence(connection))
    for report, outcome in zip(reports, settled, strict=True):
        answers.append(outcome.answer)
        if isinstance(outcome.answer, Conflict) or outcome.answer.observation is None:
            continue
        tenant, decision_id = escaped(report.lesson.tenant), escaped(report.lesson.decision_id)
        moment = report.observed_nanos
        fields += [(tenant, decision_id, field.key, field.value, moment) for field in outcome.new]
        body = codec.encode_observation(
            report, codec.joined((field.key, field.value) for field in outcome.new), codec.joined(outcome.before)
        )
        observations.append((outcome.answer.observation.sequence, tenant, decision_id, moment, body))
    if observations:
        connection.executemany("INSERT INTO outcome_fields VALUES (?, ?, ?, ?, ?)", fields)
        connection.executemany("INSERT INTO observations VALUES (?, ?, ?, ?, ?)", observations)
        connection.execute("UPDATE replica SET last_sequence = ?", (observations[-1][0],))
    return answers


def _standing(connection: sqlite3.Connection, reports: Sequence[NewObservation]) -> dict[DecisionKey, dict[str, str]]:
    asked = {
        (escaped(tenant), escaped(decision_id)): (tenant, decision_id)
        for tenant, decision_id in map(decision_of, reports)
    }
    standing: dict[DecisionKey, dict[str, str]] = {key: {} for key in asked.values()}
    for tenant, decision_id, field, value in connection.execute(_STANDING, (json.dumps(list(asked)),)):
        standing[asked[tenant, decision_id]][field] = value
    return standing


def observations_after(connection: sqlite3.Connection, sequence: int, limit: int, replica: str) -> list[Observation]:
    """Observations above a sequence, in order."""
    rows = connection.execute(
        "SELECT sequence, observed_nanos, body FROM observations WHERE sequence > ? ORDER BY sequence LIMIT ?",
        (sequence, max(limit, 0)),
    )
    return [
        codec.decode_observation(body, replica=replica, sequence=number, observed_nanos=moment)
        for number, moment, body in rows
    ]


def outcome_of(connection: sqlite3.Connection, tenant: str, decision_id: str) -> Report:
    """Every field that stands for a decision."""
    rows = connection.execute(
        "SELECT field, value FROM outcome_fields WHERE tenant = ? AND decision_id = ?",
        (escaped(tenant), escaped(decision_id)),
    )
    return codec.decode_fields(dict(rows.fetchall()))


def save_decisions(connection: sqlite3.Connection, decisions: Sequence[Decision]) -> None:
    """Writes the decisions that are new; belongs inside a transaction."""
    connection.executemany(
        "INSERT INTO decisions VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [
            (
                escaped(decision.tenant),
                escaped(decision.decision_id),
                decision.lesson.decided_nanos,
                codec.encode_decision(decision),
            )
            for decision in decisions
        ],
    )


def find_decision(connection: sqlite3.Connection, tenant: str, decision_id: str) -> Decision | None:
    """A tenant's decision, or None."""
    row = connection.execute(
        "SELECT body FROM decisions WHERE tenant = ? AND decision_id = ?", (escaped(tenant), escaped(decision_id))
    ).fetchone()
    return None if row is None else codec.decode_decision(row[0])


def save_checkpoint(connection: sqlite3.Connection, pool: str, data: bytes, now_nanos: int) -> None:
    """Replaces a pool's checkpoint; belongs inside a transaction."""
    connection.execute(
        "INSERT INTO checkpoints VALUES (?, ?, ?) "
        "ON CONFLICT (pool) DO UPDATE SET data = excluded.data, saved_nanos = excluded.saved_nanos",
        (escaped(pool), data, now_nanos),
    )


def load_checkpoint(connection: sqlite3.Connection, pool: str) -> bytes | None:
    """A pool's checkpoint, or None."""
    row = connection.execute("SELECT data FROM checkpoints WHERE pool = ?", (escaped(pool),)).fetchone()
    return None if row is None else bytes(row[0])


def write_fact(connection: sqlite3.Connection, key: str, value: str, now_nanos: int) -> None:
    """Sets a fact; belongs inside a transaction."""
    connection.execute(
        "INSERT INTO facts VALUES (?, ?, ?) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value, written_nanos = excluded.written_nanos",
        (escaped(key), escaped(value), now_nanos),
    )


def read_fact(connection: sqlite3.Connection, key: str) -> str | None:
    """A fact, or None."""
    row = connection.execute("SELECT value FROM facts WHERE key = ?", (escaped(key),)).fetchone()
    return None if row is None else codec.unescaped(row[0])


def prune_fields(connection: sqlite3.Connection, before_nanos: int, most: int) -> int:
    """Deletes at most `most` fields observed before a moment; returns how many."""
    return connection.execute(_OLD_FIELDS, (before_nanos, most)).rowcount


def prune_decisions(connection: sqlite3.Connection, before_nanos: int, most: int) -> int:
    """Deletes at most `most` decisions made before a moment; returns how many."""
    return connection.execute(_OLD_DECISIONS, (before_nanos, most)).rowcount


def prune_observations(connection: sqlite3.Connection, before_nanos: int, through: int, most: int) -> int:
    """Deletes at most `most` observations made before a moment, none above sequence `through`; returns how many."""
    return connection.execute(_OLD_OBSERVATIONS, (before_nanos, through, most)).rowcount
