"""How the tests of refusals provoke them, and what every refusal is checked for."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from atp_grpc.client import AtpCallError
from atp_grpc.client.messages import RouteRequest
from atp_grpc.config import CatalogSettings
from tests.rpc.serving import Serving, serving

PROVOKED: set[str] = set()


async def refused(call: Awaitable[Any], reason: str, code: str, *, retry: bool = False) -> AtpCallError:
    """The call's refusal, checked for what every refusal must carry."""
    with pytest.raises(AtpCallError) as caught:
        await call
    error = caught.value
    assert (error.reason, error.code) == (reason, code), error.message
    assert (error.retry_after_seconds is not None) == retry
    assert error.retry_after_seconds is None or error.retry_after_seconds >= 0.01
    assert int(error.trace_id, 16), "no name for the call"
    PROVOKED.add(reason)
    return error


def prompt(text: str = "What is 2 + 2?", **fields: Any) -> RouteRequest:
    return RouteRequest(prompt=text, **fields)


@asynccontextmanager
async def on_catalogue(tmp_path: Path, text: str) -> AsyncIterator[Serving]:
    path = tmp_path / "catalog.toml"
    path.write_text(text)
    # The watch is slow on purpose: the tests reload by hand.
    async with serving(tmp_path / "data", catalog=CatalogSettings(str(path), watch_interval_seconds=3600.0)) as server:
        yield server


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Holds the write lock of a database, as a backup or another program might."""
    holder = sqlite3.connect(database, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()
