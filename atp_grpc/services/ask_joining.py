"""Calls with the same request id share one run of the story: it is executed once, billed once, and read by all.

`AskServicer` enters here for requests that have an id. A run is a task of its own that keeps what it told, so that who
joins late reads it from the first event on; what it keeps is bounded, and a reader that falls behind makes it wait. The
id is claimed durably before the story begins, and its answer is durable before anybody is given the end. It lasts as
long as the most patient of its readers, but once the answer is whole it goes to its end without any, for it is paid
for. A failure before that is told to every reader and never kept. Nothing here knows a message.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

from atp_grpc.domain.ask import AskEvent, Audience, Decided, Delta, Final
from atp_grpc.domain.claim import ClaimKey
from atp_grpc.domain.errors import (
    AtpError,
    DrainingError,
    RequestIdForgottenError,
    RequestIdReusedError,
)
from atp_grpc.services.convert.answers import UnfinishedAnswerError, WholeAnswer
from atp_grpc.shared.contract import Claims, Replay

BUFFER_BYTES = 1_048_576
EVENT_BYTES = 256
"""What an event takes beside its texts."""
DRAINING_RETRY_SECONDS = 0.05
LAST_SECONDS = 6.0
"""What whole answers get at the end of the process; a bill that the store does not take is given up earlier."""

Begin = Callable[[Audience], AsyncGenerator[AskEvent, None]]
Told = AskEvent | Replay


class AskRuns:
    """The runs of one process. Only its event loop touches it."""

    def __init__(
        self,
        *,
        claims: Claims,
        ttl_seconds: float,
        on_joined: Callable[[], None],
        buffer_bytes: int = BUFFER_BYTES,
        write: Callable[[WholeAnswer], bytes] = WholeAnswer.response,
    ) -> None:
        """Takes what runs have in common.

        Args:
            claims: remembers ids, also when the process ends.
            ttl_seconds: how long an answer can be had again.
            on_joined: counts a call that joined a run.
            buffer_bytes: most that a run keeps for those who join it.
            write: gives the bytes of an answer that is kept.
        """
        self._claims = claims
        self._ttl_seconds = ttl_seconds
        self._on_joined = on_joined
        self._buffer_bytes = buffer_bytes
        self._write = write
        self._runs: dict[ClaimKey, _Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._runs)

    async def events(self, key: ClaimKey, digest: bytes, deadline: float, begin: Begin) -> AsyncGenerator[Told, None]:
        """The events of the one run of an id, from the first on, or the `Replay` of an earlier one.

        `begin` starts the story if nobody has. Closing the generator leaves the run, which a caller does at his
        `deadline` (on `Clock.monotonic`) at the latest; the last to leave ends it, unless its answer is whole.

        Raises:
            RequestIdReusedError: the id stands for another body.
            RequestIdForgottenError: the id was served and its answer was evicted, or the beginning of a run under way
                is not kept any more, or a process ended while it executed the id.
            RequestIdsExhaustedError, StoreUnavailableError: see `shared.contract.Claims`.
            AtpError: the story's own.
        """
        run = self._runs.get(key)
        if run is None:
            run = self._runs[key] = _Run(digest, self._buffer_bytes)
            self._start(run, self._execute(run, key, begin))
        elif run.digest != digest:
            raise RequestIdReusedError(key.request_id)
        elif run.has_let_go:
            raise RequestIdForgottenError(key.request_id, run.whole.decision_id)
        else:
            self._on_joined()
        try:
            async with aclosing(run.read(deadline)) as told:
                async for event in told:
                    yield event
        finally:
            if run.is_given_up:
                # Whoever comes now begins anew, and waits for the id until this run has let go of it.
                self._forget(run, key)
                run.task.cancel()

    async def close(self) -> None:
        """Ends the runs that are left. Whoever still reads is told that the server is going down.

        Whole answers are kept first, as far as the store takes them.
        """
        # A task that is cancelled before its first step never tells its readers that it is over.
        await asyncio.sleep(0)
        last = {run.task for run in self._runs.values() if run.audience.has_answer}
        for task in self._tasks - last:
            task.cancel()
        if last:
            await asyncio.wait(last, timeout=LAST_SECONDS)
        for task in last:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, run: _Run, work: Coroutine[Any, Any, None]) -> None:
        run.task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(run.task)
        run.task.add_done_callback(self._tasks.discard)

    def _forget(self, run: _Run, key: ClaimKey) -> None:
        if self._runs.get(key) is run:
            del self._runs[key]

    async def _execute(self, run: _Run, key: ClaimKey, begin: Begin) -> None:
        try:
            await self._tell(run, key, begin)
        except asyncio.CancelledError:
            run.fault = DrainingError(DRAINING_RETRY_SECONDS)
            raise
        except AtpError as error:
            run.fault = error.kept()
        except Exception as fault:  # noqa: BLE001 - the wall behind each reader makes an incident of it
            run.fault = fault
        finally:
            self._forget(run, key)
            run.end()

    async def _tell(self, run: _Run, key: ClaimKey, begin: Begin) -> None:
        claim = await self._claims.claim(key, run.digest, ttl_seconds=self._ttl_seconds)
        if isinstance(claim, Replay):
            await run.tell(claim)
            return
        try:
            async with aclosing(begin(run.audience)) as events:
                async for event in events:
                    run.whole.add(event)
                    if type(event) is Final:
                        await claim.succeed(self._write(run.whole), tombstone=run.whole.decision_id)
                    await run.tell(event)
            if run.whole.final is None:
                raise UnfinishedAnswerError
        finally:
            if run.audience.has_answer:
                # It is billed, or its bill is on its way: done again, it would be billed again.
                claim.forget()
            claim.abandon()


class _Reader:
    """How far one reader has come, and until when he reads."""

    __slots__ = ("deadline", "position")

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.position = 0


class _Run:
    """One execution: what it told and is still kept, and who reads it."""

    task: asyncio.Task[None]

    def __init__(self, digest: bytes, buffer_bytes: int) -> None:
        self.digest = digest
        self.audience = Audience(-math.inf)
        self.whole = WholeAnswer()
        self.fault: Exception | None = None
        """Why it failed; what every reader is told."""
        self._buffer_bytes = buffer_bytes
        self._kept: list[Told] = []
        self._kept_bytes = 0
        self._let_go = 0
        self._readers: set[_Reader] = set()
        self._is_over = False
        self._came = asyncio.Event()
        self._went = asyncio.Event()

    @property
    def has_let_go(self) -> bool:
        """Whether the beginning is not kept any more, so that nobody can join."""
        return self._let_go > 0

    @property
    def is_given_up(self) -> bool:
        """Whether it goes on, and nobody is there any more for whom."""
        return not self._readers and not self._is_over and not self.audience.has_answer

    async def tell(self, event: Told) -> None:
        """Tells the readers, if there are any; waits while what is kept is too much and the slowest has not read it."""
        self._kept.append(event)
        self._kept_bytes += _bytes_of(event)
        self._came.set()
        while self._readers and self._kept_bytes > self._buffer_bytes and not self._let_go_of_what_was_read():
            self._went.clear()
            await self._went.wait()

    def end(self) -> None:
        """Nothing more will be told."""
        self._is_over = True
        self._came.set()

    async def read(self, deadline: float) -> AsyncGenerator[Told, None]:
        """What was told from the first event on, then what is told."""
        reader = _Reader(deadline)
        self._readers.add(reader)
        self._count_audience()
        try:
            while True:
                while reader.position < self._let_go + len(self._kept):
                    event = self._kept[reader.position - self._let_go]
                    reader.position += 1
                    self._went.set()
                    yield event
                if self._is_over:
                    break
                self._came.clear()
                await self._came.wait()
        finally:
            self._readers.discard(reader)
            self._count_audience()
            self._went.set()
        if self.fault is not None:
            raise self.fault

    def _count_audience(self) -> None:
        self.audience.until = max([reader.deadline for reader in self._readers], default=-math.inf)

    def _let_go_of_what_was_read(self) -> bool:
        """Drops what every reader has; tells whether what is left is little enough."""
        read = min([reader.position for reader in self._readers]) - self._let_go
        count = 0
        while count < read and self._kept_bytes > self._buffer_bytes:
            self._kept_bytes -= _bytes_of(self._kept[count])
            count += 1
        del self._kept[:count]
        self._let_go += count
        return self._kept_bytes <= self._buffer_bytes


def _bytes_of(event: Told) -> int:
    """About what an event takes in memory."""
    if type(event) is Delta:
        return EVENT_BYTES + len(event.text) + len(event.arguments)
    if isinstance(event, Decided | Replay):
        return EVENT_BYTES + len(event.response)
    return EVENT_BYTES
