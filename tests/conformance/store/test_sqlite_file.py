"""What the SQLite store adds to the contract: it survives its process, guards its file and fails without lying."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.outcome import Recorded, Report
from atp_grpc.store.contract import StoreFailure
from atp_grpc.store.sqlite import SqliteStore, open_sqlite_store, schema
from tests.conformance.store.samples import NOW, about, decision, kept

ROOT = Path(__file__).resolve().parents[3]


async def opened(database: Path, replica: str = "replica-1") -> SqliteStore:
    return await open_sqlite_store(database, replica=replica, clock=ManualClock())


def on_disk(database: Path, query: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


def altered(database: Path, statement: str) -> bytes:
    """What the file holds after another program ran a statement on it."""
    database.parent.mkdir(exist_ok=True)
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute(statement)
    return database.read_bytes()


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.db"
    path.write_text("Dear reader, this is a letter and not a database. " * 100)
    return path


def contents(database: Path) -> bytes:
    return database.read_bytes()


async def test_everything_is_there_after_a_restart(database: Path) -> None:
    first = await opened(database)
    await first.record([about(quality=0.5), about("two", labels={"a": "1"})])
    await first.save_decisions([kept()])
    await first.save_checkpoint("default", b"state")
    await first.write_fact("key", "value")
    seen = await first.observations_after(0, 10)
    await first.close()

    again = await opened(database)

    assert await again.observations_after(0, 10) == seen
    assert await again.last_sequence() == 2
    assert await again.outcome_of("acme", "decision-1") == Report(quality=0.5)
    assert await again.find_decision("acme", "decision-1") == decision()
    assert await again.load_checkpoint("default") == b"state"
    assert await again.read_fact("key") == "value"
    [answer] = await again.record([about("three", quality=1.0)])
    assert isinstance(answer, Recorded)
    assert answer.observation is not None
    assert answer.observation.sequence == 3
    await again.close()


async def test_sequences_go_on_after_pruning_and_a_restart(database: Path) -> None:
    first = await opened(database)
    await first.record([about(f"decision-{number}", quality=0.5) for number in range(5)])
    await first.prune(fields_before_nanos=NOW + 1, decisions_before_nanos=NOW + 1, learned_through=5)
    await first.close()

    again = await opened(database)

    assert await again.last_sequence() == 5
    [answer] = await again.record([about(quality=0.5)])
    assert isinstance(answer, Recorded)
    assert answer.observation is not None
    assert answer.observation.sequence == 6
    await again.close()


async def test_a_database_keeps_the_replica_it_was_made_for(database: Path) -> None:
    first = await opened(database, replica="north\x00🦉")
    await first.record([about(quality=0.5)])
    await first.close()

    again = await opened(database, replica="south")

    assert again.replica == "north\x00🦉"
    [observation] = await again.observations_after(0, 1)
    assert observation.replica == "north\x00🦉"
    await again.close()


async def test_a_commit_waits_for_the_disk(sqlite_store: SqliteStore) -> None:
    def settings(connection: sqlite3.Connection) -> dict[str, object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names}

    assert await sqlite_store._writer.run(settings) == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 5000,
    }


async def test_the_reader_cannot_write(sqlite_store: SqliteStore) -> None:
    with pytest.raises(StoreFailure, match="SQLITE_READONLY"):
        await sqlite_store._reader.run(lambda connection: connection.execute("DELETE FROM replica"))


async def test_the_files_are_for_their_owner_only(sqlite_store: SqliteStore, database: Path) -> None:
    await sqlite_store.record([about(quality=0.5)])

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in database.parent.iterdir()}

    assert modes == {"atp.db": 0o600, "atp.db-wal": 0o600, "atp.db-shm": 0o600, "atp.db.lock": 0o600}
    assert stat.S_IMODE(database.parent.stat().st_mode) == 0o700


async def test_a_database_in_use_is_refused_in_the_same_process(sqlite_store: SqliteStore, database: Path) -> None:
    with pytest.raises(StoreFailure, match=f"in use by process {os.getpid()}"):
        await opened(database)

    await sqlite_store.ping()


async def test_a_database_in_use_is_refused_in_another_process(sqlite_store: SqliteStore, database: Path) -> None:
    program = (
        "import asyncio, pathlib, sys\n"
        "from atp_grpc.domain.clock import SystemClock\n"
        "from atp_grpc.store.sqlite import open_sqlite_store\n"
        "asyncio.run(open_sqlite_store(pathlib.Path(sys.argv[1]), replica='other', clock=SystemClock()))\n"
    )

    second = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(database), cwd=ROOT, stderr=subprocess.PIPE
    )
    _, complaint = await second.communicate()

    assert second.returncode == 1
    assert f"StoreFailure: the database {database} is in use by process {os.getpid()}" in complaint.decode()
    await sqlite_store.record([about(quality=0.5)])


async def test_a_closed_database_can_be_opened_again_at_once(database: Path) -> None:
    for _ in range(3):
        store = await opened(database)
        await store.close()
    assert sorted(path.name for path in database.parent.iterdir()) == ["atp.db", "atp.db.lock"]


def test_migrations_are_numbered_without_gaps() -> None:
    folder = Path(schema.__file__).with_name("migrations")
    numbers = sorted(int(path.name.split("_")[0]) for path in folder.glob("*.sql"))

    assert numbers == list(range(1, len(schema.migrations()) + 1))


async def test_a_new_database_has_the_newest_schema(sqlite_store: SqliteStore, database: Path) -> None:
    assert on_disk(database, "PRAGMA user_version") == [(len(schema.migrations()),)]
    assert on_disk(database, "PRAGMA application_id") == [(schema.APPLICATION_ID,)]


async def test_a_newer_schema_is_refused_and_left_alone(database: Path) -> None:
    await (await opened(database)).close()
    before = altered(database, "PRAGMA user_version = 999")

    with pytest.raises(StoreFailure, match="has schema 999; this release knows schema"):
        await opened(database)

    assert contents(database) == before


async def test_a_later_migration_keeps_what_was_stored(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await opened(database)
    await first.record([about(quality=0.5)])
    await first.close()
    later = [*schema.migrations(), "CREATE TABLE later (one TEXT); INSERT INTO later VALUES ('grown');"]
    monkeypatch.setattr(schema, "migrations", lambda: later)

    again = await opened(database)

    assert await again.outcome_of("acme", "decision-1") == Report(quality=0.5)
    assert on_disk(database, "SELECT one FROM later") == [("grown",)]
    assert on_disk(database, "PRAGMA user_version") == [(len(later),)]
    await again.close()


async def test_a_migration_that_fails_changes_nothing(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await opened(database)
    await first.record([about(quality=0.5)])
    await first.close()
    known = schema.migrations()
    with monkeypatch.context() as patched:
        patched.setattr(
            schema, "migrations", lambda: [*known, "DROP TABLE facts; CREATE TABLE facts2 (one); NONSENSE;"]
        )
        with pytest.raises(StoreFailure, match="SQLITE_ERROR"):
            await opened(database)

    again = await opened(database)

    assert await again.read_fact("nothing") is None
    assert await again.last_sequence() == 1
    assert on_disk(database, "PRAGMA user_version") == [(len(known),)]
    await again.close()


async def test_a_file_that_is_no_database_is_refused(letter: Path) -> None:
    with pytest.raises(StoreFailure, match="SQLITE_NOTADB"):
        await opened(letter)


async def test_a_database_of_another_program_is_refused_and_left_alone(database: Path) -> None:
    before = altered(database, "CREATE TABLE theirs (one TEXT)")

    with pytest.raises(StoreFailure, match="is a database of another program"):
        await opened(database)

    assert contents(database) == before


async def test_a_path_that_cannot_be_a_file_is_refused(letter: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreFailure, match="the file system failed with"):
        await opened(letter / "atp.db")
    with pytest.raises(StoreFailure, match="the file system failed with IsADirectoryError"):
        await opened(tmp_path)
