"""An event loop whose time passes only while nobody has anything to do: waits cost nothing, and nothing is late."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class _Skipping(selectors.DefaultSelector):
    """Jumps to the next timer where others would sleep."""

    skipped = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise AssertionError("everybody waits for somebody else")
            self.skipped += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return 1000.0 + self._skipping.skipped


class LoopClock:
    """The loop's time for everybody else."""

    def __init__(self, now_nanos: int) -> None:
        self._now_nanos = now_nanos
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()

    def monotonic(self) -> float:
        return self._loop.time()

    def now_nanos(self) -> int:
        return self._now_nanos + round((self._loop.time() - self._began) * 1e9)


def play(story: Coroutine[Any, Any, Result]) -> Result:
    """Runs a story in time of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story)
