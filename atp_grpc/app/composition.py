"""The composition root: rooms, then the door, torn down in reverse.

The command line, the demo and the tests enter here; this room alone picks implementations.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TextIO

from atp_grpc.app.condition import Condition, open_ops
from atp_grpc.app.door import Door, open_door
from atp_grpc.app.instruments import open_instruments
from atp_grpc.app.rooms import Rooms, open_rooms
from atp_grpc.app.stopping import StopRequest
from atp_grpc.config import Settings
from atp_grpc.domain.clock import Clock, SystemClock


@dataclass(frozen=True, slots=True)
class App:
    """A serving process: its rooms and its door."""

    rooms: Rooms
    door: Door
    stop: StopRequest
    """Made by the Drain call, by the death of a background task, or by whoever runs the app, who then closes it."""


@asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    log_stream: TextIO | None = None,
    stop: StopRequest | None = None,
) -> AsyncIterator[App]:
    """A serving process: rooms, then the door, health SERVING last; drained and closed in reverse.

    Log lines go to `log_stream`, standard error by default. `stop` is where others may already have asked for the end.

    Raises:
        what `open_rooms` raises; AddressInUseError: a port is taken; CredentialsMissingError: nobody could ever call.
    """
    stop = stop or StopRequest()
    clock = clock or SystemClock()
    condition = Condition(clock)
    async with AsyncExitStack() as stack:
        instruments = stack.enter_context(
            open_instruments(settings.telemetry, stream=log_stream or sys.stderr, clock=clock)
        )
        # First up and last down: whoever asks is told that the process is starting, or leaving.
        ops_port = await stack.enter_async_context(open_ops(settings.ops, instruments, condition))
        rooms = await stack.enter_async_context(open_rooms(settings, clock=clock, instruments=instruments))
        door = await stack.enter_async_context(open_door(rooms, stop, condition, ops_port))
        rooms.instruments.on_death(lambda: stop.make("a background task died", is_failure=True))
        yield App(rooms=rooms, door=door, stop=stop)
