from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from atp_grpc.mock_provider import MockProvider, open_mock_provider


@pytest.fixture
async def mock() -> AsyncIterator[MockProvider]:
    async with open_mock_provider() as mock:
        yield mock
