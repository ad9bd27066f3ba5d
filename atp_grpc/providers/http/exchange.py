"""One request and its answer, read as fast as it is asked for.

The client makes one for each call, the callings read it. Lines and heads are parsed by llhttp; bounds, time limits and
the question of whether an answer is whole are kept here. It never follows a redirect, never unpacks, never repeats.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httptools

from atp_grpc.providers.hearing import judge_when_all_is_heard
from atp_grpc.providers.http.connection import Connection
from atp_grpc.providers.http.errors import ExchangeError, Lost, NotHttp, TimedOut

MAX_OVERHEAD_BYTES = 64 * 1024
"""Most bytes in a row that bring no body: a head, chunk extensions, trailers."""
LINGER_SECONDS = 0.25
"""How long the end of a body may take after the end of what it says."""
_FIRST_FINAL_STATUS = 200


class Exchange:
    """What came back for one request."""

    def __init__(self, connection: Connection, *, total_seconds: float, keep: Callable[[Connection], None]) -> None:
        """Begins to count time.

        Args:
            connection: one that is fit.
            total_seconds: most seconds until the answer is read to its end.
            keep: takes the connection back when it may be used again.
        """
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        """Names in lower case. Of a header that came twice, the last."""
        self.is_complete = False
        self._connection = connection
        self._keep = keep
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._has_head = False
        self._overhead_bytes = 0
        self._pieces: list[bytes] = []
        self._is_paused = False
        self._paused_at = 0.0
        self._is_reusable = False
        self._is_lingering = False
        self._is_closed = False
        self._failure: ExchangeError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._end = self._limit = self._loop.time() + total_seconds
        self._timer = self._loop.call_at(self._end, self._look_at_the_time)

    def send(self, request: bytes) -> None:
        """Writes the whole request."""
        self._connection.begin(self, request)

    def expect_within(self, seconds: float) -> None:
        """Sets how long the next waiting may last, from now, whatever else comes meanwhile."""
        self._limit = min(self._end, self._loop.time() + seconds)

    async def head(self) -> None:
        """Waits until `status` and `headers` are there.

        Raises:
            ExchangeError: they will not be.
        """
        while not self._has_head:
            if self._failure is not None:
                raise self._failure
            await self._wait()

    async def read(self) -> bytes:
        """The next bytes of the body, as many as are there; nothing at its end.

        Raises:
            ExchangeError: the body did not come to its end.
        """
        while not self._pieces:
            if self._failure is not None:
                raise self._failure
            if self.is_complete:
                return b""
            await self._wait()
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        if self._is_paused:
            # What the peer said meanwhile could not be heard.
            self._limit = min(self._end, self._limit + self._loop.time() - self._paused_at)
            self._is_paused = False
            self._connection.resume()
        return data

    async def read_all(self, most_bytes: int) -> bytes:
        """The rest of the body.

        Raises:
            ExchangeError: it did not come to its end, or is longer than `most_bytes`.
        """
        pieces, size = [], 0
        while piece := await self.read():
            pieces.append(piece)
            size += len(piece)
            if size > most_bytes:
                raise NotHttp("a body is too long")
        return b"".join(pieces)

    def close(self) -> None:
        """Ends it: a whole answer frees its connection for the next, anything else closes the socket at once."""
        if self._is_closed:
            return
        self._is_closed = True
        self._timer.cancel()
        # It knows the exchange: together they would stay until the collector comes by.
        del self._parser
        if self.is_complete and self._is_reusable and self._connection.is_written():
            self._keep(self._connection)
        else:
            self._connection.abort()

    def finish(self) -> None:
        """Ends it when all that matters was read: the rest of the body may still come, and frees the connection."""
        if self.is_complete or self._failure is not None:
            self.close()
            return
        self._is_lingering = True
        self._timer.cancel()
        self._timer = self._loop.call_later(LINGER_SECONDS, self.close)
        if self._is_paused:
            self._connection.resume()

    def on_data(self, data: bytes) -> None:
        """Takes what came; lets the peer wait when nobody is waiting for more."""
        if self._is_beyond():
            return
        body_pieces = len(self._pieces)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._is_reusable = False
            self._fail(NotHttp("the answer is no HTTP"))
            self._wake()
            return
        if len(self._pieces) > body_pieces:
            self._overhead_bytes = 0
        else:
            self._overhead_bytes += len(data)
            if self._overhead_bytes > MAX_OVERHEAD_BYTES:
                self._fail(NotHttp("a head is too long"))
                return
        if self._is_lingering:
            self._pieces.clear()
            if self.is_complete:
                self.close()
        elif not self._wake() and not self._is_paused and not self.is_complete and self._pieces:
            self._is_paused = True
            self._paused_at = self._loop.time()
            self._connection.pause()

    def on_end(self, *, is_clean: bool) -> None:
        """The peer is gone: the end of a body that has no other, and a loss of any other."""
        self._is_reusable = False
        has_no_other_end = b"content-length" not in self.headers and b"transfer-encoding" not in self.headers
        if self._has_head and is_clean and has_no_other_end:
            self.is_complete = True
            self._wake()
        else:
            self._fail(Lost("the connection ended first"))

    def on_message_begin(self) -> None:
        """Another answer than the one that was asked for spoils the connection, not the answer."""
        if self.is_complete:
            self._is_reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Notes a header; those that follow the body are read over."""
        if not self._has_head:
            self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """The head is there, unless it only announces another."""
        if self.is_complete:
            return
        status = self._parser.get_status_code()
        if status < _FIRST_FINAL_STATUS:
            self.headers.clear()
            return
        self.status = status
        self._has_head = True
        if self.headers.get(b"content-encoding", b"identity") != b"identity":
            self._fail(NotHttp("the body is packed"))

    def on_body(self, piece: bytes) -> None:
        """Keeps a piece of the body until it is read."""
        if not self.is_complete:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """The answer is whole, unless it was only announced."""
        if self._has_head and not self.is_complete:
            self.is_complete = True
            self._is_reusable = self._parser.should_keep_alive()

    def _is_beyond(self) -> bool:
        """Whether more came than the answer; that spoils the connection, not the answer."""
        if self.is_complete:
            self._is_reusable = False
        return self.is_complete

    async def _wait(self) -> None:
        if self._limit < self._timer.when():
            self._timer.cancel()
            self._timer = self._loop.call_at(self._limit, self._look_at_the_time)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> bool:
        """Whether somebody was waiting."""
        if self._waiter is None or self._waiter.done():
            return False
        self._waiter.set_result(None)
        return True

    def _fail(self, failure: ExchangeError) -> None:
        if self._failure is None and not self.is_complete:
            self._failure = failure
            self._connection.abort()
            self._wake()

    def _look_at_the_time(self) -> None:
        """One timer a call, set anew when it fires: moving the limit costs nothing.

        A reader that takes its time is not the peer's delay, so that only the total counts while nobody waits.
        """
        if self._loop.time() >= self._limit_now():
            judge_when_all_is_heard(self._timer.when(), self._judge_the_time)
        else:
            self._judge_the_time()

    def _judge_the_time(self) -> None:
        if self._is_closed or self._is_lingering:
            return
        if self._loop.time() >= (limit := self._limit_now()):
            self._fail(TimedOut("a time limit passed"))
        else:
            self._timer = self._loop.call_at(limit, self._look_at_the_time)

    def _limit_now(self) -> float:
        return self._end if self._waiter is None else self._limit
