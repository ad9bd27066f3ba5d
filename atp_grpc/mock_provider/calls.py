"""What the stand-in was asked, by whom, and how each call ended.

The server writes here; tests and the control pages read. It keeps the last calls only, and counts all of them.
"""

from __future__ import annotations

import asyncio
import enum
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

from atp_grpc.mock_provider.script import Script

KEPT = 10_000
_NO_HEADERS: Mapping[str, str] = {}


class Ended(enum.StrEnum):
    """How a call ended."""

    ANSWERED = "answered"
    """The whole answer was written, right or wrong as the script wanted it."""
    REFUSED = "refused"
    """An error was answered."""
    CUT = "cut"
    """The script ended it before it was complete."""
    CANCELLED = "cancelled"
    """The client went away first."""
    STOPPED = "stopped"
    """The stand-in itself was closed."""


class Call:
    """One call.

    Attributes:
        number: counts from 1 since the last reset.
        dialect: `openai` or `anthropic`.
        model: the model that was asked for.
        key: the key it came with, empty for none.
        is_streamed: whether the answer was wanted as a stream.
        script: how it was played.
        body: the request; empty for instant answers, which keep nothing.
        headers: the request's headers; empty for instant answers.
        sent_tokens: output tokens written so far.
        status: the HTTP status answered, None before one was.
        began: when it came, in seconds of `time.monotonic`.
        ended: how it ended, None while it goes on.
        ended_at: when, in seconds of `time.monotonic`.
    """

    __slots__ = (
        "began",
        "body",
        "dialect",
        "ended",
        "ended_at",
        "headers",
        "is_streamed",
        "key",
        "model",
        "number",
        "script",
        "sent_tokens",
        "status",
    )

    def __init__(
        self,
        number: int,
        dialect: str,
        model: str,
        key: str,
        script: Script,
        *,
        is_streamed: bool,
        body: Mapping[str, Any],
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> None:
        self.number = number
        self.dialect = dialect
        self.model = model
        self.key = key
        self.script = script
        self.is_streamed = is_streamed
        self.body = body
        self.headers = headers
        self.sent_tokens = 0
        self.status: int | None = None
        self.began = time.monotonic()
        self.ended: Ended | None = None
        self.ended_at: float | None = None


class CallLog:
    """The calls since the last reset: all of them counted, the last ones kept."""

    def __init__(self) -> None:
        self.calls: deque[Call] = deque(maxlen=KEPT)
        self.counts: Counter[Ended] = Counter()
        self.begun = 0
        self.open = 0
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    def begin(
        self,
        dialect: str,
        model: str,
        key: str,
        script: Script,
        *,
        is_streamed: bool,
        body: Mapping[str, Any],
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> Call:
        """Writes down that a call came."""
        self.begun += 1
        self.open += 1
        call = Call(self.begun, dialect, model, key, script, is_streamed=is_streamed, body=body, headers=headers)
        self.calls.append(call)
        self.noticed()
        return call

    def end(self, call: Call, how: Ended, status: int | None = None) -> None:
        """Writes down how a call ended; the first word stands."""
        if call.ended is not None:
            return
        call.ended = how
        call.ended_at = time.monotonic()
        if status is not None:
            call.status = status
        self.open -= 1
        self.counts[how] += 1
        self.noticed()

    def reset(self) -> None:
        """Forgets every call and counts from zero; calls that go on are counted when they end."""
        self.calls.clear()
        self.counts.clear()
        self.begun = 0

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until something holds; it is asked after everything that happens to a call."""
        while not holds():
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((holds, future))
            await future

    def noticed(self) -> None:
        """Wakes whoever waits for what holds now."""
        if not self._waiting:
            return
        still: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        for holds, future in self._waiting:
            if future.done():
                continue
            if holds():
                future.set_result(None)
            else:
                still.append((holds, future))
        self._waiting = still
