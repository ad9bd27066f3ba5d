"""Waiting for something to become true, and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

PATIENCE_SECONDS = 10.0
_LOOK_SECONDS = 0.01

Seen = TypeVar("Seen")


async def eventually(
    look: Callable[[], Awaitable[Seen]],
    *,
    is_it: Callable[[Seen], object],
    patience_seconds: float = PATIENCE_SECONDS,
) -> Seen:
    """Looks again and again until what is seen satisfies the condition; gives what was seen.

    Raises:
        AssertionError: it never did; says what was seen last.
    """
    end = asyncio.get_running_loop().time() + patience_seconds
    while not is_it(seen := await look()):
        if asyncio.get_running_loop().time() > end:
            raise AssertionError(f"waited {patience_seconds:g} s in vain; last seen: {seen}")
        await asyncio.sleep(_LOOK_SECONDS)
    return seen


async def until(is_true: Callable[[], object]) -> None:
    """Waits until something in this process holds.

    Raises:
        AssertionError: it never did.
    """

    async def look() -> object:
        return is_true()

    await eventually(look, is_it=bool)
