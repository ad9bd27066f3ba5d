"""Event streams, read as the WHATWG text says (HTML, 9.2.6), as far as providers use them: the data of each event.

`calling` enters with what the socket gave, cut anywhere. Names of events, ids and retry times are read over, because
providers repeat in the data what matters. A line is kept until its end is there, up to a bound. It decodes nothing.
"""

from __future__ import annotations

from atp_grpc.providers.http.errors import NotHttp

MAX_EVENT_BYTES = 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class EventStream:
    """Turns bytes as they come into the data of whole events."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._is_at_start = True
        self._was_carriage_return = False

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of the events that `piece` completes; lines of one event are joined by a line feed.

        Raises:
            NotHttp: a line or an event is above the bound.
        """
        if self._was_carriage_return and piece:
            self._was_carriage_return = False
            piece = piece.removeprefix(b"\n")
        if b"\n" not in piece and b"\r" not in piece:
            self._hold(piece)
            return []
        if self._held:
            piece = b"".join((*self._held, piece))
            self._held.clear()
            self._held_bytes = 0
        self._was_carriage_return = piece.endswith(b"\r")
        lines = piece.splitlines()
        if not piece.endswith((b"\n", b"\r")):
            self._hold(lines.pop())
        if self._is_at_start:
            self._is_at_start = False
            lines[0] = lines[0].removeprefix(_BOM)
        return self._events(lines)

    def _hold(self, piece: bytes) -> None:
        self._held.append(piece)
        self._held_bytes += len(piece)
        if self._held_bytes > MAX_EVENT_BYTES:
            raise NotHttp("a line is too long")

    def _events(self, lines: list[bytes]) -> list[bytes]:
        events = []
        data = self._data
        for line in lines:
            if not line:
                if data:
                    events.append(data[0] if len(data) == 1 else b"\n".join(data))
                    data.clear()
                    self._data_bytes = 0
            elif line.startswith(b"data:") or line == b"data":
                self._data_bytes += len(line)
                if self._data_bytes > MAX_EVENT_BYTES:
                    raise NotHttp("an event is too long")
                data.append(line[6:] if line[5:6] == b" " else line[5:])
        return events
