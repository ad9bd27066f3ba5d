"""How many calls and streams are inside, how many came, whether somebody polls the health, and whether more are taken.

The door counts here, the health service and the ops port report who polls, and the drain waits here. It never ends a
call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

LOOK_EVERY_SECONDS = 0.01
QUIET_SHARE = 0.2
"""Where nobody polls the health, callers count as gone when none came for this share of the time they get to leave."""
POLL_MEMORY_SECONDS = 60.0
"""Who polled the health this recently is taken for a balancer that will poll again: twice the usual interval."""


@dataclass(frozen=True, slots=True)
class Drained:
    """What a drain left behind, as numbers of calls and streams by method."""

    have_left: bool
    """Whether callers were seen to have left before the time for it was over."""
    cut: Mapping[str, int]
    """Had to be cancelled, because their time was over."""
    stuck: Mapping[str, int]
    """Go on although they were cancelled; they end with the process."""


class Traffic:
    """The calls of one process. Only its event loop changes it; other threads may look."""

    def __init__(self) -> None:
        self.open_calls = 0
        self.open_streams = 0
        self.arrivals = 0
        self.is_refusing = False
        """Set by the drain: calls that come now are answered with DRAINING."""
        self._open: dict[str, int] = {}
        self._last_poll: float | None = None

    def enter(self, method: str) -> None:
        """A call arrived."""
        self.open_calls += 1
        self.arrivals += 1
        self._open[method] = self._open.get(method, 0) + 1

    def leave(self, method: str) -> None:
        """A call was answered."""
        self.open_calls -= 1
        self._open[method] -= 1

    def enter_stream(self, method: str) -> None:
        """A stream was opened."""
        self.open_streams += 1
        self.arrivals += 1
        self._open[method] = self._open.get(method, 0) + 1

    def leave_stream(self, method: str) -> None:
        """A stream ended."""
        self.open_streams -= 1
        self._open[method] -= 1

    def open_methods(self) -> dict[str, int]:
        """What is inside now: calls and streams by method."""
        return {method: count for method, count in self._open.copy().items() if count}

    def polled(self) -> None:
        """Somebody asked after the health, as balancers do again and again."""
        self._last_poll = asyncio.get_running_loop().time()

    async def wait_until_callers_left(self, delay_seconds: float) -> bool:
        """Gives callers the time to leave; tells whether they were seen to have left before it was over.

        A balancer that polls learns of the end at its next poll, and one whose callers happen to be silent now would
        send the next one here: where somebody polls, the whole delay passes. Callers who watch are told at once; where
        nobody polls, none inside and none for a while means that they have gone. Open streams do not count: they go on
        until they are ended.
        """
        return await self._wait_until_quiet(QUIET_SHARE * delay_seconds, delay_seconds, lambda: not self._is_polled())

    async def wait_until_quiet(self, quiet_seconds: float, limit_seconds: float) -> bool:
        """Waits until no call is inside and none came for a while; tells whether that happened within the limit."""
        return await self._wait_until_quiet(quiet_seconds, limit_seconds, lambda: True)

    async def wait_until_empty(self, limit_seconds: float) -> bool:
        """Waits until no call and no stream is inside; tells whether that happened within the limit."""
        return await _until(lambda: not (self.open_calls or self.open_streams), limit_seconds)

    async def _wait_until_quiet(
        self, quiet_seconds: float, limit_seconds: float, may_be_quiet: Callable[[], bool]
    ) -> bool:
        loop = asyncio.get_running_loop()
        quiet_since, arrivals = loop.time(), self.arrivals

        def is_quiet() -> bool:
            nonlocal quiet_since, arrivals
            if self.open_calls or self.arrivals != arrivals:
                quiet_since, arrivals = loop.time(), self.arrivals
                return False
            return loop.time() - quiet_since >= quiet_seconds and may_be_quiet()

        return await _until(is_quiet, limit_seconds)

    def _is_polled(self) -> bool:
        now = asyncio.get_running_loop().time()
        return self._last_poll is not None and now - self._last_poll <= POLL_MEMORY_SECONDS


async def _until(is_so: Callable[[], bool], limit_seconds: float) -> bool:
    loop = asyncio.get_running_loop()
    end = loop.time() + limit_seconds
    while not is_so():
        if loop.time() >= end:
            return False
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    return True
