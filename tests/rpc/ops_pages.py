"""Pages of the ops port of a server, over real HTTP."""

from __future__ import annotations

import aiohttp


async def page(port: int | None, path: str) -> tuple[int, str]:
    """The status and the text of a page."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as response:
        return response.status, await response.text()
