"""The SQL of what a replica keeps one of: its name, its checkpoints and its facts.

`store` calls these on its threads. They know tables, never threads, files or the event loop.
"""

from __future__ import annotations

import sqlite3

from atp_grpc.store.sqlite.escaping import escaped, unescaped


def claim_for(connection: sqlite3.Connection, replica: str) -> str:
    """The replica whose database this is: the one that a new database is given, or the one that came first."""
    connection.execute(
        "INSERT INTO replica (name, last_sequence) SELECT ?, 0 WHERE NOT EXISTS (SELECT 1 FROM replica)",
        (escaped(replica),),
    )
    (name,) = connection.execute("SELECT name FROM replica").fetchone()
    return unescaped(name)


def last_sequence(connection: sqlite3.Connection) -> int:
    """The highest sequence ever given."""
    (sequence,) = connection.execute("SELECT last_sequence FROM replica").fetchone()
    return int(sequence)


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
    return None if row is None else unescaped(row[0])
