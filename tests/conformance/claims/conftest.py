"""Every test that asks for `claims` runs on every implementation; the clock stands still."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from atp_grpc.domain.clock import ManualClock
from atp_grpc.shared.contract import Claims
from atp_grpc.shared.local import LocalClaims
from atp_grpc.store.memory import MemoryStore
from atp_grpc.store.sqlite import open_sqlite_store
from tests.conformance.claims.calls import durable

IDS_PER_TENANT = 4
BYTES_PER_TENANT = 100


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["local", "memory", "sqlite"])
async def claims(request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Claims]:
    if request.param == "local":
        yield LocalClaims(clock, ids_per_tenant=IDS_PER_TENANT, bytes_per_tenant=BYTES_PER_TENANT)
        return
    if request.param == "memory":
        keeper = MemoryStore("replica-1").claims
        yield durable(clock, keeper, ids_per_tenant=IDS_PER_TENANT, bytes_per_tenant=BYTES_PER_TENANT)
        return
    store = await open_sqlite_store(tmp_path / "atp.db", replica="replica-1", clock=clock)
    yield durable(clock, store.claims, ids_per_tenant=IDS_PER_TENANT, bytes_per_tenant=BYTES_PER_TENANT)
    await store.close()
