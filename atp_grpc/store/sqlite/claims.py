"""The SQL of claims: ids that were claimed, their answers, and what they take.

`store` calls these on its thread, inside a transaction. They know tables, never threads, files or the event loop.
"""

from __future__ import annotations

import sqlite3

from atp_grpc.domain.claim import ClaimKey, Full, Standing
from atp_grpc.store.sqlite.escaping import escaped, unescaped

SWEEP = 4
"""Expired ids dropped per claim: more than one claim can add, so that full room holds nothing expired."""
_DROP = "DELETE FROM claims WHERE name IN (SELECT name FROM claims WHERE {which} LIMIT ?) RETURNING tenant, response"
_DROP_TENANTS_EXPIRED = _DROP.format(which="tenant = ? AND is_answered IN (0, 1) AND expires_nanos <= ?")
_DROP_EXPIRED = _DROP.format(which="expires_nanos <= ?")


def keep(
    connection: sqlite3.Connection,
    key: ClaimKey,
    digest: bytes,
    *,
    holder: int,
    now_nanos: int,
    expires_nanos: int,
    most_ids: int,
) -> Standing | Full | None:
    """Claims an id, unless it stands or there are too many."""
    name, tenant = _name(key), escaped(key.tenant)
    _dropped(connection, _DROP_TENANTS_EXPIRED, (tenant, now_nanos, SWEEP))
    row = connection.execute(
        "SELECT digest, response, tombstone, expires_nanos FROM claims WHERE name = ?", (name,)
    ).fetchone()
    if row is not None and row[3] > now_nanos:
        if row[1] is not None and row[0] == digest:
            _use(connection, name, tenant)
        return Standing(row[0], row[1], unescaped(row[2]))
    if row is not None:
        _free(connection, name)
    ids, _ = _totals(connection, tenant)
    if ids >= most_ids:
        return Full(_first_expiry(connection, tenant))
    connection.execute(
        "INSERT INTO claims VALUES (?, ?, ?, ?, ?, 0, '', NULL, 0)", (name, tenant, digest, holder, expires_nanos)
    )
    _add(connection, tenant, ids=1, size=0)
    return None


def answer(
    connection: sqlite3.Connection,
    key: ClaimKey,
    response: bytes,
    *,
    holder: int,
    tombstone: str,
    now_nanos: int,
    expires_nanos: int,
    most_bytes: int,
) -> None:
    """Puts the answer to a claim that was made by that holder, and makes room for it."""
    name, tenant = _name(key), escaped(key.tenant)
    # What has expired makes room before anything alive does.
    while _totals(connection, tenant)[1] + len(response) > most_bytes:
        if not _dropped(connection, _DROP_TENANTS_EXPIRED, (tenant, now_nanos, SWEEP)):
            break
    changed = connection.execute(
        "UPDATE claims SET is_answered = 1, response = ?, tombstone = ?, expires_nanos = ? "
        "WHERE name = ? AND holder = ? AND is_answered = 0",
        (response, escaped(tombstone), expires_nanos, name, holder),
    )
    if not changed.rowcount:
        return
    _use(connection, name, tenant)
    _add(connection, tenant, ids=0, size=len(response))
    while _totals(connection, tenant)[1] > most_bytes:
        _evict_oldest(connection, tenant)


def release(connection: sqlite3.Connection, key: ClaimKey, *, holder: int) -> None:
    """Frees an id that was claimed by that holder and not answered."""
    name = _name(key)
    held = connection.execute(
        "SELECT 1 FROM claims WHERE name = ? AND holder = ? AND is_answered = 0", (name, holder)
    ).fetchone()
    if held is not None:
        _free(connection, name)


def prune_claims(connection: sqlite3.Connection, now_nanos: int, limit: int) -> int:
    """Forgets ids that have expired, everybody's; tells how many."""
    return _dropped(connection, _DROP_EXPIRED, (now_nanos, limit))


def _name(key: ClaimKey) -> str:
    return "\n".join([escaped(word) for word in key])


def _free(connection: sqlite3.Connection, name: str) -> None:
    _dropped(connection, _DROP.format(which="name = ?"), (name, 1))


def _dropped(connection: sqlite3.Connection, statement: str, parameters: tuple[object, ...]) -> int:
    """Deletes rows and takes them out of their tenants' totals; tells how many."""
    rows = connection.execute(statement, parameters).fetchall()
    for tenant, response in rows:
        _add(connection, tenant, ids=-1, size=-len(response or b""))
    return len(rows)


def _evict_oldest(connection: sqlite3.Connection, tenant: str) -> None:
    """Lets go of the answer that was used least recently; its id stays."""
    name, size = connection.execute(
        "SELECT name, length(response) FROM claims WHERE tenant = ? AND response IS NOT NULL ORDER BY used LIMIT 1",
        (tenant,),
    ).fetchone()
    connection.execute("UPDATE claims SET response = NULL WHERE name = ?", (name,))
    _add(connection, tenant, ids=0, size=-size)


def _use(connection: sqlite3.Connection, name: str, tenant: str) -> None:
    connection.execute(
        "UPDATE claims SET used = 1 + (SELECT coalesce(max(used), 0) FROM claims WHERE tenant = ? "
        "AND response IS NOT NULL) WHERE name = ?",
        (tenant, name),
    )


def _first_expiry(connection: sqlite3.Connection, tenant: str) -> int | None:
    """When the first answer of a tenant expires."""
    found: tuple[int | None] = connection.execute(
        "SELECT min(expires_nanos) FROM claims WHERE tenant = ? AND is_answered = 1", (tenant,)
    ).fetchone()
    return found[0]


def _totals(connection: sqlite3.Connection, tenant: str) -> tuple[int, int]:
    row = connection.execute("SELECT ids, response_bytes FROM claim_totals WHERE tenant = ?", (tenant,)).fetchone()
    return (0, 0) if row is None else (row[0], row[1])


def _add(connection: sqlite3.Connection, tenant: str, *, ids: int, size: int) -> None:
    connection.execute(
        "INSERT INTO claim_totals VALUES (?, ?, ?) ON CONFLICT (tenant) DO UPDATE SET "
        "ids = ids + excluded.ids, response_bytes = response_bytes + excluded.response_bytes",
        (tenant, ids, size),
    )
