"""Every test that asks for `ledger` runs on every ledger there is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from atp_grpc.domain.clock import ManualClock
from atp_grpc.store.contract import Ledger
from atp_grpc.store.memory import MemoryStore
from atp_grpc.store.sqlite import open_sqlite_store


@pytest.fixture(params=["memory", "sqlite"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    if request.param == "memory":
        yield MemoryStore("north")
        return
    opened = await open_sqlite_store(tmp_path / "atp.db", replica="north", clock=ManualClock())
    yield opened
    await opened.close()
