"""The server and the channel that most tests of this folder use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from tests.rpc.serving import Serving, serving
from tests.rpc.streams.talking import channel_to


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving(tmp_path / "data") as running:
        yield running


@pytest.fixture
async def channel(server: Serving) -> AsyncIterator[grpc.aio.Channel]:
    async with channel_to(server.target) as opened:
        yield opened
