"""A time limit on waiting that is moved at every event of a stream for the price of two assignments.

An attempt holds one. Only one timer stands at a time, and only while it fires is it looked at whether the moment was
moved meanwhile: `asyncio.timeout` would cancel and make a timer at every event. While nobody waits it does nothing, so
a reader who takes his time is never cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from atp_grpc.providers.hearing import judge_when_all_is_heard

_EARLY_SECONDS: Final = 0.001
"""How much before its moment a timer may fire: event loops round to milliseconds."""


class TimeLimit:
    """Cancels the running task's wait when its time is over; `end` says that it did, and takes that back."""

    __slots__ = ("_armed_for", "_cancellations", "_is_over", "_loop", "_moment", "_prolonged", "_task", "_timer")

    def __init__(self, prolonged: Callable[[], float]) -> None:
        """`prolonged` is asked when the time of a wait seems to be over, and tells how many seconds it has more."""
        self._prolonged = prolonged
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[Any] | None = None
        self._armed_for = self._moment = 0.0
        self._cancellations = 0
        self._is_over = False

    def begin(self, seconds: float) -> None:
        """A wait of the running task begins, and may last so long."""
        task = self._task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can wait")
        self._cancellations = task.cancelling()
        moment = self._moment = self._loop.time() + seconds
        if self._timer is None or moment < self._armed_for:
            self._arm(moment)

    def end(self) -> bool:
        """The wait is over. True when its time was: then the cancellation that is on its way is no one else's."""
        task, self._task = self._task, None
        if task is None or not self._is_over:
            return False
        self._is_over = False
        return task.uncancel() <= self._cancellations

    def close(self) -> None:
        """Takes the timer away."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed_for = moment
        self._timer = self._loop.call_at(moment, self._fire)

    def _fire(self) -> None:
        self._timer = None
        if self._task is not None:
            judge_when_all_is_heard(self._armed_for, self._judge)

    def _judge(self) -> None:
        if self._task is None or self._timer is not None:
            # What came meanwhile ended the wait; a later one has a timer of its own.
            return
        if self._loop.time() + _EARLY_SECONDS < self._moment:
            self._arm(self._moment)
            return
        if (more := self._prolonged()) > 0.0:
            self._moment += more
            self._arm(self._moment)
            return
        self._is_over = True
        self._task.cancel()
