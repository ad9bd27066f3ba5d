"""Ends the work of one call when its time is over, without a task of its own.

The door sets an alarm only where no transport watches the deadline: a caller that named none, or one too far away.
Setting and clearing it costs about a microsecond; `asyncio.timeout` costs more and cannot tell its own cancellation
from the caller's here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from atp_grpc.domain.errors import DeadlineExceededError


class Alarm:
    """Cancels the task it was made in, once, and remembers that it did."""

    __slots__ = ("_has_rung", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("an alarm needs a task that it can cancel")
        self._task = task
        self._has_rung = False
        self._timer = task.get_loop().call_later(seconds, self._ring)

    def clear(self) -> bool:
        """Ends the watch and takes the alarm's own cancellation back; tells whether it alone cancelled the task."""
        self._timer.cancel()
        return self._has_rung and self._task.uncancel() == 0

    def _ring(self) -> None:
        self._has_rung = True
        self._task.cancel()


async def within(seconds: float, work: Coroutine[Any, Any, Any]) -> Any:
    """Does the work, or cancels it when its time is over.

    Raises:
        DeadlineExceededError: it was not done in time.
    """
    alarm = Alarm(seconds)
    try:
        reply = await work
    except asyncio.CancelledError:
        if alarm.clear():
            raise DeadlineExceededError from None
        raise
    except BaseException:
        alarm.clear()
        raise
    alarm.clear()
    return reply
