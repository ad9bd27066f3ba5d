"""The door that most tests of this folder call."""

from collections.abc import AsyncIterator

import pytest

from tests.rpc.door.probe import Door, open_door


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door() as opened:
        yield opened
