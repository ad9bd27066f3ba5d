"""How a process is asked to end, how the time for that is shared out, and what the log says of it.

A signal, the Drain call, a handler that wants the end and the death of a background task all ask here, and whoever
runs the app waits here and then closes the app; the door drains itself on that way. Nothing here ends a process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from structlog.typing import FilteringBoundLogger

from atp_grpc.config.rules import LEAVE_SHARE
from atp_grpc.transport.grpcio.server import GrpcioServer

CALLS_SHARE = 0.3
"""Part of the shutdown that is kept for the calls and streams that are inside when callers have left; what those did
not need comes on top. The rest is for writing down what was learned."""


class StopRequest:
    """Whether the process is to end, and why. Asking again changes nothing. Only the event loop touches it."""

    def __init__(self) -> None:
        self.cause = ""
        """Who asked first."""
        self.is_failure = False
        """Whether something broke, so that whoever watches the process should hear of it."""
        self._made = asyncio.Event()

    @property
    def is_made(self) -> bool:
        """Whether somebody asked."""
        return self._made.is_set()

    def make(self, cause: str, *, is_failure: bool = False) -> None:
        """Asks the process to end."""
        self.is_failure |= is_failure
        if not self.is_made:
            self.cause = cause
            self._made.set()

    async def wait(self) -> None:
        """Waits until somebody asks."""
        await self._made.wait()


@dataclass(frozen=True, slots=True)
class Shares:
    """How long each step of a drain may take."""

    leave_seconds: float
    calls_seconds: float

    @classmethod
    def of(cls, *, shutdown_seconds: float, drain_delay_seconds: float) -> Self:
        """The shares of the time from the first signal to the end."""
        leave = min(drain_delay_seconds, LEAVE_SHARE * shutdown_seconds)
        return cls(leave, (LEAVE_SHARE + CALLS_SHARE) * shutdown_seconds - leave)


async def drain(server: GrpcioServer, shares: Shares, stop: StopRequest, logger: FilteringBoundLogger) -> None:
    """Takes the listener out of service and says what became of its calls."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    logger.info("draining", cause=stop.cause or "closed", leave_seconds=shares.leave_seconds)
    drained = await server.drain(delay_seconds=shares.leave_seconds, grace_seconds=shares.calls_seconds)
    seconds = round(loop.time() - started, 3)
    if drained.cut:
        logger.warning("calls cut", calls=counted(drained.cut), grace_seconds=shares.calls_seconds)
    if drained.stuck:
        logger.error("calls ignore their cancellation", calls=counted(drained.stuck))
    logger.info("drained", seconds=seconds, callers_left=drained.have_left)


def counted(methods: Mapping[str, int]) -> list[str]:
    """For a log line: `method: number` for each."""
    return [f"{method}: {count}" for method, count in sorted(methods.items())]
