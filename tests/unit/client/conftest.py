"""A running server whose answers the test writes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.client.scripted_server import Scripted, serving


@pytest.fixture
async def server() -> AsyncIterator[Scripted]:
    async with serving(Scripted()) as scripted:
        yield scripted
