"""The door that most tests of this folder call, on the event loop that the server runs on."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvloop

from tests.rpc.door.probe import Door, open_door


@pytest.fixture
def event_loop_policy() -> asyncio.AbstractEventLoopPolicy:
    return uvloop.EventLoopPolicy()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door() as opened:
        yield opened
