"""One socket to a host, for one exchange at a time.

The pool opens it, an exchange writes to it and hears from it. It never reads on
while it is told to wait, an end that nobody asked for makes it useless, and it never begins again by itself.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from typing import Protocol, cast

from atp_grpc.providers.http.target import Origin


class Listener(Protocol):
    """Who hears what comes over a connection."""

    def on_data(self, data: bytes) -> None:
        """Something came."""
        ...

    def on_end(self, *, is_clean: bool) -> None:
        """Nothing more will come; `is_clean` when the peer said so, and the line did not break."""
        ...


class Connection(asyncio.Protocol):
    """A socket, with TLS or without."""

    def __init__(self, origin: Origin, on_gone: Callable[[Connection], None]) -> None:
        """`on_gone` hears, once, that it was closed from either side."""
        self.origin = origin
        self.idle_since = 0.0
        self.is_gone = False
        self._on_gone = on_gone
        self._listener: Listener | None = None
        self._transport: asyncio.Transport | None = None
        self._readable = select.poll()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        self._transport = cast("asyncio.Transport", transport)
        self._readable.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Hands on what came; words without a question end the connection."""
        if self._listener is None:
            self.abort()
        else:
            self._listener.on_data(data)

    def connection_lost(self, error: Exception | None) -> None:
        """Tells the listener and the pool."""
        self.is_gone = True
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.on_end(is_clean=error is None)
        self._on_gone(self)

    def begin(self, listener: Listener, request: bytes) -> None:
        """Sends a request; from now on `listener` hears what comes."""
        self._listener = listener
        self._open_transport().write(request)

    def release(self) -> None:
        """The exchange is over and left the connection as new."""
        self._listener = None

    def pause(self) -> None:
        """Lets the peer wait."""
        self._open_transport().pause_reading()

    def resume(self) -> None:
        """Reads on."""
        if not self.is_gone:
            self._open_transport().resume_reading()

    def abort(self) -> None:
        """Closes the socket at once; what was not sent yet is dropped, and nobody hears anything more."""
        self._listener = None
        self.is_gone = True
        if self._transport is not None:
            self._transport.abort()

    def drop(self) -> None:
        """The same, but whoever waits for an answer hears that there will be none."""
        listener = self._listener
        self.abort()
        if listener is not None:
            listener.on_end(is_clean=False)

    def is_written(self) -> bool:
        """Whether everything has left for the peer."""
        return self._open_transport().get_write_buffer_size() == 0

    def is_fit(self) -> bool:
        """Whether an idle connection may be used: the peer has neither closed it nor said a word.

        The socket itself is asked, because the loop may not have come to it yet.
        """
        return not self.is_gone and not self._open_transport().is_closing() and not self._readable.poll(0)

    def _open_transport(self) -> asyncio.Transport:
        if self._transport is None:
            raise RuntimeError("the connection was never made")
        return self._transport
