"""The calls that wait for an id which another call holds, in the order in which they came.

Both implementations of claims keep one line for each id that is held. It never knows an id, a limit or a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from atp_grpc.shared.contract import Claim, Replay

Claimed = TypeVar("Claimed", bound=Claim)


class Line(Generic[Claimed]):
    """Those who wait. Only one event loop touches it."""

    __slots__ = ("_turns",)

    def __init__(self) -> None:
        # Ordered; a dictionary lets a cancelled waiter leave from the middle.
        self._turns: dict[asyncio.Future[Claimed | Replay], float] = {}

    def __len__(self) -> int:
        return len(self._turns)

    async def wait(self, ttl_seconds: float) -> Claimed | Replay:
        """Waits at the end of the line: for the answer, or for the id itself."""
        turn: asyncio.Future[Claimed | Replay] = asyncio.get_running_loop().create_future()
        self._turns[turn] = ttl_seconds
        try:
            return await turn
        except asyncio.CancelledError:
            self._turns.pop(turn, None)
            # Cancelled between being handed the id and waking up: the next in line gets it.
            is_handed = turn.done() and not turn.cancelled() and turn.exception() is None
            if is_handed and not isinstance(handed := turn.result(), Replay):
                handed.abandon()
            raise

    def answer(self, replay: Replay) -> None:
        """Gives everybody the answer."""
        for turn in self._turns:
            if not turn.done():
                turn.set_result(replay)
        self._turns.clear()

    def refuse(self, make_error: Callable[[], Exception]) -> None:
        """Sends everybody away, each with an error of its own."""
        for turn in self._turns:
            if not turn.done():
                turn.set_exception(make_error())
        self._turns.clear()

    def hand_on(self, claim: Callable[[float], Claimed]) -> bool:
        """Gives the id to whoever has waited longest; False when nobody waits. `claim` takes the time to live."""
        while self._turns:
            turn = next(iter(self._turns))
            ttl_seconds = self._turns.pop(turn)
            if not turn.done():
                turn.set_result(claim(ttl_seconds))
                return True
        return False
