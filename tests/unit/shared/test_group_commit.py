"""Writes that share a commit: who waits is told of every failure, and what nobody waits for is done in the end."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from atp_grpc.store.contract import StoreFailure
from atp_grpc.store.sqlite.group_commit import GroupCommit


class Disk:
    """Does works, or fails before them; with a fault that no store should raise, if so told."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:")
        self.failures: list[Exception] = []
        self.groups = 0

    async def write(self, work: Callable[[sqlite3.Connection], list[Any]]) -> list[Any]:
        await asyncio.sleep(0)
        self.groups += 1
        if self.failures:
            raise self.failures.pop(0)
        return work(self.connection)


async def test_what_nobody_waits_for_is_done_with_the_next_group_when_its_own_failed() -> None:
    disk, done = Disk(), list[str]()
    group = GroupCommit(disk.write)
    disk.failures = [StoreFailure("away"), StoreFailure("away")]
    group.later(lambda _: done.append("left"))
    await group.settle()
    with pytest.raises(StoreFailure):
        await group.do(lambda _: done.append("never"))
    assert (done, disk.groups) == ([], 2)
    await group.do(lambda _: done.append("next"))
    assert done == ["left", "next"]
    await group.do(lambda _: done.append("last"))
    assert done == ["left", "next", "last"]


async def test_a_fault_that_is_no_failure_of_the_store_leaves_nobody_waiting() -> None:
    disk = Disk()
    group = GroupCommit(disk.write)
    disk.failures = [RuntimeError("secret words")]
    async with asyncio.timeout(5.0):
        with pytest.raises(StoreFailure) as raised:
            await group.do(lambda _: None)
    assert "secret" not in str(raised.value)
    assert await group.do(lambda _: 3) == 3
