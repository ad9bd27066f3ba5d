"""How the tests of refusals provoke them, and what every refusal is checked for."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from atp_grpc.client import AtpCallError
from atp_grpc.client.messages import RouteRequest
from atp_grpc.config import CatalogSettings
from tests.rpc.serving import ACME, Serving, serving

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


async def refused_bytes(server: Serving, path: str, payload: bytes) -> grpc.aio.AioRpcError:
    """The refusal of a call that no client of ours would send."""
    async with grpc.aio.insecure_channel(server.target) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(path)(
                payload, metadata=(("authorization", f"Bearer {server.credentials[ACME]}"),)
            )
    error: grpc.aio.AioRpcError = caught.value
    return error


def told(reason: str, code: str, seen: Any, trailers: Any, *, pushback: str) -> None:
    """Checks a status that came without a client of ours."""
    trailers = dict(trailers)
    assert seen.name == code
    assert reason.encode() in trailers["grpc-status-details-bin"]
    assert trailers["grpc-retry-pushback-ms"] == pushback
    PROVOKED.add(reason)


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
