"""The watch follows the content of the file, survives every accident to it, and leaves a half-written one alone."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from atp_grpc.catalog.loader import CatalogueFault, digest_of
from atp_grpc.store.contract import StoreFailure
from atp_grpc.store.memory import MemoryStore
from tests.unit.catalog.desk import BAD, FIRST, SECOND, Desk


async def test_a_change_is_taken_once_two_looks_agree(desk: Desk) -> None:
    live = await desk.open()
    desk.path.write_bytes(SECOND)

    await live.look()
    assert live.snapshot.revision == 1
    await live.look()
    assert live.snapshot.revision == 2


async def test_a_file_being_written_is_left_alone_until_it_rests(desk: Desk) -> None:
    live = await desk.open()
    for length in range(0, len(SECOND), 97):
        desk.path.write_bytes(SECOND[:length])
        await live.look()
    desk.path.write_bytes(SECOND)
    await desk.look_twice(live)

    assert [snapshot.digest for snapshot in desk.changes] == [digest_of(SECOND)]
    assert desk.failures == []


def _remove(path: Path) -> None:
    path.unlink()


def _make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _write(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content)

    return write


def _replace(path: Path, content: bytes) -> None:
    if path.is_dir():
        path.rmdir()
    path.write_bytes(content)


ACCIDENTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "vanished": (_remove, "catalog.toml: cannot be read: No such file or directory"),
    "folder": (_make_folder, "catalog.toml: not a regular file"),
    "empty": (_write(b""), "catalog.toml: provider: there is no [[provider]]"),
    "cut": (_write(FIRST[:60]), "catalog.toml: Expected '=' after a key"),
    "bad_utf8": (_write(b"# \xff\n" + FIRST), "catalog.toml:1: not UTF-8 text"),
    "bad_price": (_write(BAD), "catalog.toml: deployment[0].price[0].input_usd_per_million_tokens: "),
}


@pytest.mark.parametrize("accident", ACCIDENTS)
async def test_the_watch_survives_an_accident_and_takes_the_file_when_it_is_good_again(
    desk: Desk, accident: str
) -> None:
    happen, complaint = ACCIDENTS[accident]
    live = await desk.open()
    before = live.snapshot

    happen(desk.path)
    await desk.look_twice(live)
    await desk.look_twice(live)

    assert live.snapshot is before
    assert len(desk.failures) == 1
    assert live.last_failure is desk.failures[0]
    assert live.last_failure.complaints[0].startswith(complaint)

    _replace(desk.path, SECOND)
    await desk.look_twice(live)

    assert live.snapshot.digest == digest_of(SECOND)
    assert live.last_failure is None


@pytest.mark.parametrize("accident", ACCIDENTS)
@pytest.mark.parametrize("is_noticed_by", ["watch", "reload"])
async def test_a_file_that_turns_back_to_what_is_in_force_ends_the_failure(
    desk: Desk, accident: str, is_noticed_by: str
) -> None:
    live = await desk.open()
    before = live.snapshot
    ACCIDENTS[accident][0](desk.path)
    if is_noticed_by == "watch":
        await desk.look_twice(live)
    else:
        with pytest.raises(CatalogueFault):
            await live.reload()
    assert live.last_failure is not None

    _replace(desk.path, FIRST)
    await desk.look_twice(live)

    assert live.last_failure is None
    assert live.snapshot is before


async def test_a_change_is_seen_by_its_content_even_when_size_and_time_are_the_same(desk: Desk) -> None:
    live = await desk.open()
    status = desk.path.stat()
    changed = FIRST.replace(b"0.10", b"0.20")
    desk.path.write_bytes(changed)
    os.utime(desk.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (desk.path.stat().st_size, desk.path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)

    await desk.look_twice(live)

    assert live.snapshot.digest == digest_of(changed)


async def test_a_file_that_is_touched_only_changes_nothing(desk: Desk) -> None:
    live = await desk.open()
    before = live.snapshot
    desk.path.touch()

    await desk.look_twice(live)

    assert live.snapshot is before
    assert desk.changes == []


class FickleFacts(MemoryStore):
    """A store whose facts cannot be written for a while."""

    is_away = False

    async def write_fact(self, key: str, value: str) -> None:
        if self.is_away:
            raise StoreFailure("the disk is full")
        await super().write_fact(key, value)


async def test_the_watch_tries_again_until_the_store_can_remember(desk: Desk) -> None:
    facts = desk.facts = FickleFacts("replica")
    live = await desk.open()
    facts.is_away = True
    desk.path.write_bytes(SECOND)

    await desk.look_twice(live)
    await desk.look_twice(live)
    assert live.snapshot.revision == 1
    assert [failure.complaints for failure in desk.failures] == [
        ("catalog.toml: the store could not remember the new revision",)
    ]

    facts.is_away = False
    await live.look()
    assert live.snapshot.revision == 2
    assert live.last_failure is None


async def test_a_change_taken_back_while_the_store_was_away_ends_the_failure(desk: Desk) -> None:
    facts = desk.facts = FickleFacts("replica")
    live = await desk.open()
    facts.is_away = True
    desk.path.write_bytes(SECOND)
    await desk.look_twice(live)

    desk.path.write_bytes(FIRST)
    await desk.look_twice(live)

    assert live.last_failure is None
    assert live.snapshot.revision == 1


async def test_the_watch_looks_after_each_interval_until_it_is_cancelled(desk: Desk) -> None:
    live = await desk.open()
    contents = iter([BAD, BAD, SECOND, SECOND])
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        content = next(contents, None)
        if content is None:
            raise asyncio.CancelledError
        desk.path.write_bytes(content)

    with contextlib.suppress(asyncio.CancelledError):
        await live.watch(0.25, sleep=sleep)

    assert slept == [0.25] * 5
    assert len(desk.failures) == 1
    assert live.snapshot.digest == digest_of(SECOND)


async def test_reloads_at_the_same_time_take_a_change_once(desk: Desk) -> None:
    live = await desk.open()
    desk.path.write_bytes(SECOND)

    changed = await asyncio.gather(*(live.reload() for _ in range(8)), *(live.look() for _ in range(8)))

    assert changed[:8].count(True) == 1
    assert live.snapshot.revision == 2
    assert len(desk.changes) == 1
