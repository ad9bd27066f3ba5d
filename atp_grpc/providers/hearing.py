"""Before a time limit is judged, what came in time is heard.

Everyone who limits the time of a provider enters here when a limit has passed. A loop that stood still finds limits
that have passed and answers that lie unread in its sockets, and comes to the limits first. Nothing here says whether
a limit has passed, and nothing is put off for longer than a loop needs to turn a few times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

_TURNS: Final = 3
"""In the first the loop comes back to its sockets, in the second whoever waited for them goes on, then it is judged."""
_STOOD_STILL_SECONDS: Final = 0.01
"""A timer that is later than this was not heard because the loop stood still."""
_OTHERS_SECONDS: Final = 0.02
"""What threads that bring answers to the loop, and stood still with it, are given to do so."""


def judge_when_all_is_heard(due: float, judge: Callable[[], None]) -> None:
    """Calls `judge` after all that has reached this machine by now; it has to see for itself whether it still matters.

    Args:
        due: the moment of the running loop at which the limit passed.
        judge: may be called after the wait in question, or the call, has ended.
    """
    loop = asyncio.get_running_loop()
    if loop.time() - due > _STOOD_STILL_SECONDS:
        loop.call_later(_OTHERS_SECONDS, _turn, loop, _TURNS, judge)
    else:
        _turn(loop, _TURNS, judge)


def _turn(loop: asyncio.AbstractEventLoop, turns: int, judge: Callable[[], None]) -> None:
    if turns:
        loop.call_soon(_turn, loop, turns - 1, judge)
    else:
        judge()
