"""A stream as its handler sees it: messages come, messages go, and at some point nothing more comes.

Servicers of streaming methods enter here; the door keeps the promises of `CallStream`. Nothing here knows a message.
"""

from __future__ import annotations

import enum
from typing import Protocol


class EndReason(enum.StrEnum):
    """Why no more messages come. One to one with `atp.v1.StreamEndReason`, by test."""

    CALLER_DONE = "caller_done"
    AGE = "age"
    DRAINING = "draining"


class CallStream(Protocol):
    """An open stream. Iterating gives the bytes of each message, until the caller is done or the server ends it.

    A handler answers what it was given, says how the stream ended, and returns; the status is then OK. One task reads
    and one task sends; they may be the same.
    """

    max_message_bytes: int
    """Largest message that the method takes; the handler answers a larger one in its place."""

    @property
    def end_reason(self) -> EndReason | None:
        """Why no more messages come; None as long as they do."""
        ...

    def __aiter__(self) -> CallStream:
        """The stream itself."""
        ...

    async def __anext__(self) -> bytes:
        """The next message."""
        ...

    async def send(self, message: bytes) -> None:
        """Sends a message; waits while the caller does not read.

        Raises:
            asyncio.CancelledError: the caller left, or has not read for too long; let it out.
        """
        ...

    async def rest(self, seconds: float) -> bool:
        """Waits before the next message is sent; returns at once, and then with True, when the server ends the stream.

        For handlers that read nothing while they wait.
        """
        ...

    async def send_last(self, message: bytes) -> None:
        """Sends the message after which the handler returns; lets a caller that still sends notice the end.

        Raises:
            asyncio.CancelledError: as `send`.
        """
        ...
