"""What is known of one call between its arrival and its answer.

The edge makes one as soon as a call is known by its headers, before its message is there. It holds the call's place
in the server and gives it back when it is dropped, whatever became of the call; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from atp_grpc.domain.call import Note
from atp_grpc.domain.tenant import Principal
from atp_grpc.telemetry.spans import Begun


class Passage:
    """A call on its way through. `fault` is what it must be refused with, found before its message was looked at."""

    __slots__ = (
        "_release",
        "attempt",
        "fault",
        "is_noted",
        "notes",
        "principal",
        "span",
        "started",
        "trace_id",
        "waited_seconds",
    )

    def __init__(self, started: float, release: Callable[[Passage], None]) -> None:
        """Args: `started` on the monotonic clock; `release` is called exactly once, at the end of the passage."""
        self.started = started
        self.trace_id = ""
        self.span: Begun | None = None
        """None for a call that is not traced."""
        self.attempt = 0
        self.principal: Principal | None = None
        self.fault: BaseException | None = None
        self.waited_seconds: float | None = None
        """From arrival until the message was there and its handling began."""
        self.notes: dict[str, Note] = {}
        """What the handler says of the call."""
        self.is_noted = False
        """Whether the call has left its line and its sample."""
        self._release: Callable[[Passage], None] | None = release

    def leave(self) -> None:
        """Gives the place back; a second time does nothing."""
        release, self._release = self._release, None
        if release is not None:
            release(self)

    def __del__(self) -> None:
        # A caller that leaves before its message came never reaches the edge again: the transport drops the passage.
        self.leave()
