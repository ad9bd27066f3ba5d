"""How many calls are inside, how many came, and whether more are taken.

The door counts here and the drain waits here. It never ends a call.
"""

from __future__ import annotations

import asyncio

LOOK_EVERY_SECONDS = 0.01


class Traffic:
    """The calls of one process. Only its event loop touches it."""

    def __init__(self) -> None:
        self.open_calls = 0
        self.arrivals = 0
        self.is_refusing = False
        """Set by the drain: calls that come now are answered with DRAINING."""

    def enter(self) -> None:
        """A call arrived."""
        self.open_calls += 1
        self.arrivals += 1

    def leave(self) -> None:
        """A call was answered."""
        self.open_calls -= 1

    async def wait_until_quiet(self, quiet_seconds: float, limit_seconds: float) -> bool:
        """Waits until no call is inside and none came for a while; tells whether that happened within the limit."""
        loop = asyncio.get_running_loop()
        quiet_since, arrivals = loop.time(), self.arrivals
        end = quiet_since + limit_seconds
        while True:
            now = loop.time()
            if self.open_calls or self.arrivals != arrivals:
                quiet_since, arrivals = now, self.arrivals
            elif now - quiet_since >= quiet_seconds:
                return True
            if now >= end:
                return False
            await asyncio.sleep(LOOK_EVERY_SECONDS)
