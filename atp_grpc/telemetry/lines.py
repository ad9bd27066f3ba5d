"""A bounded way out for log lines: whoever logs never waits for the disk, the pipe or the terminal.

The loggers of this room write here; one thread moves the lines to the stream. When the stream is slower than the lines
come, lines are dropped and counted, and the server goes on.
"""

from __future__ import annotations

import queue
import threading
from types import TracebackType
from typing import Self, TextIO

LINES_PER_WRITE = 256


class LineWriter:
    """Writes lines to a stream from its own thread. Use it as a context manager, or close it."""

    def __init__(self, stream: TextIO, *, capacity_lines: int = 8_192) -> None:
        self._stream = stream
        self._capacity = capacity_lines
        self._lines: queue.SimpleQueue[str | threading.Event | None] = queue.SimpleQueue()
        self._lost = 0
        self._refused = 0
        self._thread = threading.Thread(target=self._run, name="log-lines", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def dropped(self) -> int:
        """Lines that were never written: the way out was full, or the stream broken."""
        return self._refused + self._lost

    def write(self, line: str) -> None:
        """Hands a line over; never waits. The line break is added."""
        if self._lines.qsize() >= self._capacity:
            self._refused += 1
        else:
            self._lines.put(line)

    def flush(self, timeout_seconds: float = 1.0) -> bool:
        """Waits until everything handed over so far is written; tells whether it was."""
        written = threading.Event()
        self._lines.put(written)
        return written.wait(timeout_seconds)

    def close(self, timeout_seconds: float = 1.0) -> None:
        """Writes what is left and ends the thread; gives up on a stream that does not move."""
        self._lines.put(None)
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while True:
            batch: list[str] = []
            entry = self._lines.get()
            while isinstance(entry, str):
                batch.append(entry)
                if len(batch) == LINES_PER_WRITE or self._lines.empty():
                    break
                entry = self._lines.get()
            if batch:
                self._put_out(batch)
            if entry is None:
                return
            if isinstance(entry, threading.Event):
                entry.set()

    def _put_out(self, batch: list[str]) -> None:
        try:
            self._stream.write("\n".join(batch) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            # A closed pipe or stream: logging must not take the server with it.
            self._lost += len(batch)
