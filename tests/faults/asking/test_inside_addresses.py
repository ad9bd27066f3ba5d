"""Providers at addresses inside: written down, redirected to, or resolved to a moment later, nothing is sent there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.faults.asking.world import Place, asked, world
from tests.faults.battery import report


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[int, list[int]]]:
    """A port where nobody may come; gives it and how many bytes were sent there each time somebody did."""
    bytes_seen = list[int]()

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bytes_seen.append(0)
        with contextlib.suppress(OSError):
            bytes_seen[-1] = len(await reader.read(65_536))
        writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], bytes_seen


async def test_an_address_inside_is_refused_when_the_catalogue_is_read(tmp_path: Path) -> None:
    refused = list[str]()
    async with listening() as (port, met):
        addresses = (
            "http://169.254.169.254/latest",
            "https://169.254.169.254/v1",
            f"http://127.0.0.1:{port}/v1",
            f"http://localhost:{port}/v1",
            f"http://[::1]:{port}/v1",
            f"http://0177.0.0.1:{port}/v1",
            f"http://2130706433:{port}/v1",
            "https://metadata.google.internal/v1",
            "https://10.0.0.1/v1",
            "https://[::ffff:169.254.169.254]/v1",
        )
        for number, address in enumerate(addresses):
            folder = tmp_path / str(number)
            folder.mkdir()
            try:
                async with world(folder, (Place("one-a", base_url=address),)) as at:
                    told = await asked(at, streamed=True)
                    refused.append(told.status)
            except Exception as fault:  # noqa: BLE001 - any refusal to start will do
                refused.append(type(fault).__name__)

    assert set(refused) <= {"CatalogueFault", "CatalogFault", "PROVIDERS_UNAVAILABLE"}, refused
    assert met == []
    report("F10.addresses", n=len(addresses), figure={"bytes_sent": sum(met)}, bar={"bytes_sent": 0}, passed=not met)


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    async with listening() as (inside, met):

        async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(
                f"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:{inside}/v1\r\n"
                "content-length: 0\r\nconnection: close\r\n\r\n".encode()
            )
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(redirect, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        place = Place("one-a", base_url=f"http://127.0.0.1:{port}/v1")
        async with server, world(tmp_path, (place,), ask={"private_targets": (f"127.0.0.1:{port}",)}) as at:
            told = [await asked(at, streamed=streamed) for streamed in (True, False)]

    assert {one.status for one in told} == {"PROVIDERS_UNAVAILABLE"}
    assert met == []
    report("F10.redirect", n=2, figure={"bytes_sent": sum(met)}, bar={"bytes_sent": 0}, passed=not met)


async def test_a_name_that_resolves_inside_is_not_connected_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that was public when the catalogue was read, and is not when it is called."""
    loop = asyncio.get_running_loop()
    real = loop.getaddrinfo

    async def rebound(host: Any, port: Any, **more: Any) -> Any:
        return await real("127.0.0.1" if host == "models.example.com" else host, port, **more)

    async with listening() as (port, met):
        monkeypatch.setattr(loop, "getaddrinfo", rebound)
        place = Place("one-a", base_url=f"https://models.example.com:{port}/v1")
        async with world(tmp_path, (place,)) as at:
            told = await asked(at, streamed=True)

    assert told.status == "PROVIDERS_UNAVAILABLE"
    assert met == []
    report("F10.rebinding", n=1, figure={"bytes_sent": sum(met)}, bar={"bytes_sent": 0}, passed=not met)
