"""What an adapter says of its models, and who is waiting to hear it.

The server keeps one; watches read from it. It knows no wire and no clock.
"""

from __future__ import annotations

import asyncio

from atp_grpc.providers.standing import ServingState, Standing


class Board:
    """The standing of each model; READY until something else is said."""

    def __init__(self) -> None:
        self._standing: dict[str, Standing] = {}
        self._for_all = Standing(ServingState.READY)
        self._changed = asyncio.Event()
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will be said."""
        return self._is_closed

    def standing(self, model: str) -> Standing:
        """What is said of a model."""
        return self._standing.get(model, self._for_all)

    def say(self, standing: Standing, model: str = "") -> None:
        """Says something of a model, or without one of all of them."""
        if self._is_closed:
            return
        if model:
            self._standing[model] = standing
        else:
            self._standing.clear()
            self._for_all = standing
        self._wake()

    def close(self) -> None:
        """Says of all models that they are draining, and nothing after it."""
        self.say(Standing(ServingState.DRAINING))
        self._is_closed = True

    async def change(self, within_seconds: float) -> None:
        """Waits until something is said, or for so long."""
        try:
            async with asyncio.timeout(within_seconds):
                await self._changed.wait()
        except TimeoutError:
            pass

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
