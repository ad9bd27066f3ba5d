"""Opens connections to a database file and brings its tables up to date.

`store` enters here once at start. Migrations are numbered SQL files that only go forward, all pending ones in one
transaction; a database of a newer release or of another program is refused and left untouched.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack, closing
from importlib import resources
from pathlib import Path

from atp_grpc.store.contract import StoreFailure
from atp_grpc.store.sqlite.file_lock import locked

APPLICATION_ID = 0x41545053
"""Marks the file as a store of ATP (`PRAGMA application_id`)."""
BUSY_TIMEOUT_SECONDS = 5.0
"""How long to wait for another program that looks into the file, such as a shell."""


def migrations() -> list[str]:
    """The SQL of every migration, in order; the n-th leads to schema n."""
    files = resources.files(__package__).joinpath("migrations").iterdir()
    numbered = sorted((file for file in files if file.name.endswith(".sql")), key=lambda file: file.name)
    return [file.read_text("utf-8") for file in numbered]


def open_writer(path: Path, stack: ExitStack) -> sqlite3.Connection:
    """The one connection that writes, with the tables up to date. Creates what is missing, for the owner's eyes only.

    Raises:
        StoreFailure: the database is in use, newer than this release, or not a store.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    stack.enter_context(locked(path))
    # SQLite gives its side files the mode of the database.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = stack.enter_context(closing(_connect(path)))
    pending = _pending(connection, path)
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreFailure(f"the file system of {path} does not support SQLite's write-ahead log")
    # FULL: commits return after fsync. fullfsync matters on macOS only, where fsync alone stops short of the disk.
    connection.executescript("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;")
    # Some builds overwrite whatever is deleted. That takes a prune from 9 to 112 ms a step, and no record is a secret.
    connection.execute("PRAGMA secure_delete = FAST")
    if pending:
        _migrate(connection, pending)
    _sync_folder(path.parent)
    return connection


def open_reader(path: Path, stack: ExitStack) -> sqlite3.Connection:
    """A connection that cannot write."""
    connection = stack.enter_context(closing(_connect(path)))
    connection.execute("PRAGMA query_only = ON")
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _pending(connection: sqlite3.Connection, path: Path) -> list[str]:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    known = migrations()
    if application != APPLICATION_ID and connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise StoreFailure(f"{path} is a database of another program")
    if version > len(known):
        raise StoreFailure(f"{path} has schema {version}; this release knows schema {len(known)} and older")
    return known[version:]


def _migrate(connection: sqlite3.Connection, pending: list[str]) -> None:
    marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {len(migrations())};"
    try:
        connection.executescript("\n".join(["BEGIN IMMEDIATE;", *pending, marks, "COMMIT;"]))
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _sync_folder(folder: Path) -> None:
    # A new file survives a power cut only when its folder's entry does.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
