"""Walks a paginated list to its end, one page at a time.

Callers of the `list_*` methods enter here. It never holds more than one page and never looks into a page token.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar


class Page(Protocol):
    """The response of a `List*` method."""

    next_page_token: str


AnyPage = TypeVar("AnyPage", bound=Page)


async def pages(read: Callable[[str], Awaitable[AnyPage]]) -> AsyncIterator[AnyPage]:
    """Every page of a list: `pages(lambda token: atp.list_models(ListModelsRequest(page_token=token)))`.

    Raises:
        AtpCallError: As `read` does.
    """
    page = await read("")
    yield page
    while page.next_page_token:
        page = await read(page.next_page_token)
        yield page
