"""The composition root: rooms, then the door, torn down in reverse.

The command line, the demo and the tests enter here; this room alone picks implementations.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TextIO

from atp_grpc.app.door import Door, open_door
from atp_grpc.app.rooms import Rooms, open_rooms
from atp_grpc.config import Settings
from atp_grpc.domain.clock import Clock


@dataclass(frozen=True, slots=True)
class App:
    """A serving process: its rooms and its door."""

    rooms: Rooms
    door: Door
    failed: asyncio.Event
    """Set when a background task died: the process should be replaced."""


@asynccontextmanager
async def open_app(
    settings: Settings, *, clock: Clock | None = None, log_stream: TextIO | None = None
) -> AsyncIterator[App]:
    """A serving process: rooms, then the door, health SERVING last; drained and closed in reverse.

    Log lines go to `log_stream`, standard error by default.

    Raises:
        what `open_rooms` raises; AddressInUseError: a port is taken; CredentialsMissingError: nobody could ever call.
    """
    async with open_rooms(settings, clock=clock, log_stream=log_stream) as rooms, open_door(rooms) as door:
        failed = asyncio.Event()
        rooms.instruments.on_death(failed.set)
        yield App(rooms=rooms, door=door, failed=failed)
