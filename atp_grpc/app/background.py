"""Tasks that run beside the serving of calls: each has a name, and its death is noticed.

The composition root starts them and ends them in order. Nothing here knows what a task does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine


class Background:
    """Named tasks on the running loop."""

    def __init__(self, on_death: Callable[[str, BaseException], None]) -> None:
        """`on_death` hears of a task that ended by an exception."""
        self._on_death = on_death
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str, work: Coroutine[object, object, None]) -> None:
        """Starts a task."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks[name] = task

    def running(self) -> list[str]:
        """Names of the tasks that have not ended. Other threads may ask too."""
        return [name for name, task in self._tasks.copy().items() if not task.done()]

    async def finish(self, name: str) -> None:
        """Waits until a task has ended by itself; it must have been told to."""
        task = self._tasks[name]
        await asyncio.wait([task])
        del self._tasks[name]

    async def cancel_all(self) -> None:
        """Cancels what still runs and waits for it."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._tasks.clear()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._on_death(task.get_name(), fault)


async def every(seconds: float, work: Callable[[], Coroutine[object, object, object]]) -> None:
    """Does something again and again, until cancelled."""
    while True:
        await asyncio.sleep(seconds)
        await work()
