"""A disk that fails: nothing is acknowledged, nothing is half written, and the store works again when the disk does."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import sqlite3
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.outcome import Recorded, Report
from atp_grpc.store.contract import StoreFailure
from atp_grpc.store.sqlite import SqliteStore, open_sqlite_store, schema
from tests.conformance.store.samples import about, kept

SECRET = "sk-a-secret-in-a-label"
WRITES: dict[str, Callable[[SqliteStore], Awaitable[object]]] = {
    "record": lambda store: store.record(
        [about(f"decision-{number}", labels={"note": SECRET * 40}) for number in range(40)]
    ),
    "save_decisions": lambda store: store.save_decisions([kept(f"decision-{number}") for number in range(100)]),
    "save_checkpoint": lambda store: store.save_checkpoint("default", bytes(200_000)),
    "write_fact": lambda store: store.write_fact("key", SECRET * 4000),
}


async def set_pragma(store: SqliteStore, name: str, value: object) -> None:
    await store._writer.run(lambda connection: connection.execute(f"PRAGMA {name} = {value}").fetchall())


async def fill_disk(store: SqliteStore) -> None:
    """No page can be added from here on: what a full disk does to SQLite."""
    await set_pragma(store, "max_page_count", 1)


async def free_disk(store: SqliteStore) -> None:
    await set_pragma(store, "max_page_count", 1_000_000)


@pytest.mark.parametrize("write", WRITES)
async def test_a_full_disk_refuses_and_tells_no_content(sqlite_store: SqliteStore, write: str) -> None:
    await fill_disk(sqlite_store)

    with pytest.raises(StoreFailure) as refused:
        await WRITES[write](sqlite_store)

    assert str(refused.value) == "SQLite failed with SQLITE_FULL"
    assert SECRET not in str(refused.value.__cause__)


@pytest.mark.parametrize("write", WRITES)
async def test_a_full_disk_leaves_nothing_behind_and_the_store_goes_on(sqlite_store: SqliteStore, write: str) -> None:
    await sqlite_store.record([about("before", quality=0.5)])
    await fill_disk(sqlite_store)
    with pytest.raises(StoreFailure):
        await WRITES[write](sqlite_store)

    assert await sqlite_store.last_sequence() == 1
    assert await sqlite_store.outcome_of("acme", "decision-0") == Report()
    assert await sqlite_store.find_decision("acme", "decision-0") is None
    assert await sqlite_store.load_checkpoint("default") is None
    assert await sqlite_store.read_fact("key") is None
    await sqlite_store.ping()

    await free_disk(sqlite_store)
    await WRITES[write](sqlite_store)
    [answer] = await sqlite_store.record([about("after", quality=0.5)])
    assert isinstance(answer, Recorded)
    assert answer.observation is not None
    assert answer.observation.sequence == (42 if write == "record" else 2)


async def test_a_file_that_cannot_be_written_refuses_until_it_can(sqlite_store: SqliteStore) -> None:
    await set_pragma(sqlite_store, "query_only", 1)
    with pytest.raises(StoreFailure, match="SQLite failed with SQLITE_READONLY"):
        await sqlite_store.record([about(quality=0.5)])
    assert await sqlite_store.last_sequence() == 0

    await set_pragma(sqlite_store, "query_only", 0)
    await sqlite_store.record([about(quality=0.5)])

    assert await sqlite_store.last_sequence() == 1


async def test_one_failed_batch_does_not_fail_its_neighbours(sqlite_store: SqliteStore) -> None:
    await fill_disk(sqlite_store)
    small = [about("small", quality=0.5)]

    answers = await asyncio.gather(
        sqlite_store.record(small),
        WRITES["record"](sqlite_store),
        sqlite_store.record([about("small", quality=0.5)]),
        return_exceptions=True,
    )

    assert isinstance(answers[1], StoreFailure)
    assert isinstance(answers[0], list)
    assert answers[2] == [Recorded(None, (), ("quality",))]


async def test_a_report_that_has_no_room_in_a_record_leaves_nothing_of_its_batch(sqlite_store: SqliteStore) -> None:
    with pytest.raises(struct.error):
        await sqlite_store.record([about("whole", quality=0.5), about("long", labels={"key": "x" * 65_536})])

    assert await sqlite_store.outcome_of("acme", "whole") == Report()
    assert await sqlite_store.last_sequence() == 0
    await sqlite_store.record([about("whole", quality=0.5)])
    assert await sqlite_store.last_sequence() == 1


async def test_a_damaged_observation_is_a_failure_and_no_outcome(sqlite_store: SqliteStore) -> None:
    await sqlite_store.record([about(quality=0.5)])
    await sqlite_store._writer.run(
        lambda connection: connection.execute("UPDATE observation_segments SET records = zeroblob(length(records))")
    )

    with pytest.raises(StoreFailure, match="a stored observation is damaged"):
        await sqlite_store.outcome_of("acme", "decision-1")
    with pytest.raises(StoreFailure, match="a stored observation is damaged"):
        await sqlite_store.observations_after(0, 1)
    with pytest.raises(StoreFailure, match="a stored observation is damaged"):
        await sqlite_store.record([about(quality=0.6)])


async def test_reports_wait_for_the_disk_again_after_decisions_that_did_not(sqlite_store: SqliteStore) -> None:
    async def synchronous() -> int:
        return await sqlite_store._writer.run(lambda connection: connection.execute("PRAGMA synchronous").fetchone()[0])

    await sqlite_store.save_decisions([kept()])
    assert await synchronous() == 2

    await fill_disk(sqlite_store)
    with pytest.raises(StoreFailure):
        await WRITES["save_decisions"](sqlite_store)
    assert await synchronous() == 2


def move_away(database: Path, *, leave_another: bool) -> None:
    database.rename(database.with_name("moved.db"))
    if leave_another:
        database.write_bytes(b"")


@pytest.mark.parametrize("fate", ["removed", "replaced"])
async def test_a_file_that_is_gone_acknowledges_nothing(database: Path, fate: str) -> None:
    store = await open_sqlite_store(database, replica="replica-1", clock=ManualClock())
    move_away(database, leave_another=fate == "replaced")

    with pytest.raises(StoreFailure):
        await store.record([about(quality=0.5)])
    with pytest.raises(StoreFailure):
        await store.ping()

    await store.close()


async def test_another_program_that_holds_the_file_makes_a_failure_not_a_wait_without_end(
    sqlite_store: SqliteStore, database: Path
) -> None:
    await set_pragma(sqlite_store, "busy_timeout", 1)
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreFailure, match="SQLite failed with SQLITE_BUSY"):
        await sqlite_store.record([about(quality=0.5)])
    assert await sqlite_store.last_sequence() == 0

    other.close()
    await sqlite_store.record([about(quality=0.5)])
    assert await sqlite_store.last_sequence() == 1


async def test_a_cancelled_opening_lets_go_of_the_database(database: Path) -> None:
    opening = asyncio.ensure_future(open_sqlite_store(database, replica="replica-1", clock=ManualClock()))
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening

    store = await open_sqlite_store(database, replica="replica-1", clock=ManualClock())

    await store.ping()
    await store.close()


async def test_an_opening_that_fails_halfway_lets_go_of_the_database(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more_files(path: Path, stack: contextlib.ExitStack) -> sqlite3.Connection:
        raise OSError(errno.EMFILE, f"too many open files: {path}, {stack}")

    with monkeypatch.context() as patched:
        patched.setattr(schema, "open_reader", no_more_files)
        with pytest.raises(StoreFailure, match="the file system failed with OSError"):
            await open_sqlite_store(database, replica="replica-1", clock=ManualClock())

    store = await open_sqlite_store(database, replica="replica-1", clock=ManualClock())
    await store.ping()
    await store.close()


async def test_a_file_system_without_a_write_ahead_log_is_refused(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A database in memory has no log either, and SQLite says so in the same words.
    monkeypatch.setattr(schema, "_connect", lambda _: sqlite3.connect(":memory:", isolation_level=None))

    with pytest.raises(StoreFailure, match="does not support SQLite's write-ahead log"):
        await open_sqlite_store(database, replica="replica-1", clock=ManualClock())
