"""A catalogue file on disk and the catalogue that follows it, to build tests on."""

from __future__ import annotations

from pathlib import Path

from atp_grpc.catalog.live import LiveCatalogue, ReloadFailure
from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.domain.clock import ManualClock
from atp_grpc.store.memory import MemoryStore

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "catalog"
FIRST = (FIXTURES / "good_smallest.toml").read_bytes()
SECOND = (FIXTURES / "good_everything.toml").read_bytes()
BAD = (FIXTURES / "price_negative.toml").read_bytes()


class Desk:
    """A catalogue file on disk, the catalogue that follows it, and what it told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = ManualClock()
        self.facts = MemoryStore("replica")
        self.changes: list[Snapshot] = []
        self.failures: list[ReloadFailure] = []

    async def open(self) -> LiveCatalogue:
        return await LiveCatalogue.open(
            self.path, self.clock, self.facts, on_change=self.changes.append, on_failure=self.failures.append
        )

    async def look_twice(self, live: LiveCatalogue) -> None:
        await live.look()
        await live.look()
