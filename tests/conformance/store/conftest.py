"""Every test that asks for `store` runs on every store there is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings

from atp_grpc.domain.clock import ManualClock
from atp_grpc.store.contract import Store
from atp_grpc.store.memory import MemoryStore
from atp_grpc.store.sqlite import SqliteStore, open_sqlite_store

REPLICA = "replica-1"

# A busy machine is no bug.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened: Store
    if request.param == "memory":
        opened = MemoryStore(REPLICA)
    else:
        opened = await open_sqlite_store(tmp_path / "atp.db", replica=REPLICA, clock=ManualClock())
    assert opened.kind == request.param
    yield opened
    await opened.close()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "data" / "atp.db"


@pytest.fixture
async def sqlite_store(database: Path) -> AsyncIterator[SqliteStore]:
    opened = await open_sqlite_store(database, replica=REPLICA, clock=ManualClock())
    yield opened
    await opened.close()
