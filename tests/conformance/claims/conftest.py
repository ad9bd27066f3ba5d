"""The claims under test, and a clock that stands still."""

from __future__ import annotations

import pytest

from atp_grpc.domain.clock import ManualClock
from atp_grpc.shared.contract import Claims
from atp_grpc.shared.local import LocalClaims

IDS_PER_TENANT = 4
BYTES_PER_TENANT = 100


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def claims(clock: ManualClock) -> Claims:
    return LocalClaims(clock, ids_per_tenant=IDS_PER_TENANT, bytes_per_tenant=BYTES_PER_TENANT)
