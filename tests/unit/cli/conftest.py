"""A server beside the test, in a loop of its own: a command runs to its end before the test goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from tests.unit.client.scripted_server import Scripted, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Scripted]:
    """A scripted server that the commands find through `ATP_TARGET`, in an otherwise empty directory."""
    scripted, ready, done = Scripted(), Future[None](), Future[None]()

    async def serve() -> None:
        async with serving(scripted):
            ready.set_result(None)
            await asyncio.wrap_future(done)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.result(timeout=10)
    monkeypatch.setenv("ATP_TARGET", scripted.target)
    monkeypatch.setenv("ATP_KEY", "atp_dev_1_secret")
    monkeypatch.chdir(tmp_path)
    yield scripted
    done.set_result(None)
    thread.join(timeout=10)
    assert not thread.is_alive()
