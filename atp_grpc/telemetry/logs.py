"""Log lines of everything but calls: one JSON object a line, through structlog; the lines of libraries join them.

The composition root opens it and hands `logger` to whoever has something to say. It never writes the text of an
exception: libraries put prompts, addresses and secrets in there; types and places are enough to find a fault.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

import structlog

from atp_grpc.domain.clock import Clock
from atp_grpc.telemetry.encoding import encode_line
from atp_grpc.telemetry.faults import describe_fault
from atp_grpc.telemetry.lines import LineWriter
from atp_grpc.telemetry.moments import Moments

LEVELS: Mapping[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


@dataclass(frozen=True, slots=True)
class Logs:
    """The open log: a logger for events, and the writer for those who encode by themselves."""

    logger: structlog.typing.FilteringBoundLogger
    writer: LineWriter
    level: int


@contextmanager
def open_logs(*, level: str, stream: TextIO, clock: Clock) -> Iterator[Logs]:
    """Opens the log and sends the lines of libraries (grpc, aiohttp, asyncio) there until it is closed.

    Args:
        level: `debug`, `info`, `warning` or `error`; what lies below is left out.
        stream: where lines go, usually standard error.
        clock: dates the lines.
    """
    threshold = LEVELS[level]
    with LineWriter(stream) as writer:
        handler = _LibraryLines(writer, Moments(clock))
        handler.setLevel(max(threshold, logging.WARNING))
        root = logging.getLogger()
        others = root.handlers[:]
        root.handlers[:] = [handler]
        try:
            yield Logs(logger=_logger(writer, Moments(clock), threshold), writer=writer, level=threshold)
        finally:
            root.handlers[:] = others


def _logger(writer: LineWriter, moments: Moments, threshold: int) -> structlog.typing.FilteringBoundLogger:
    def order(_: Any, level: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        return {"time": moments.now(), "level": level, "event": event.pop("event", ""), **event}

    def encode(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
        return encode_line(event)

    logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        _Way(writer),
        processors=[order, encode],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        cache_logger_on_first_use=True,
    )
    return logger


class _Way:
    """structlog ends here: every level goes the same way."""

    def __init__(self, writer: LineWriter) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = writer.write


class _LibraryLines(logging.Handler):
    """Writes what libraries log with the standard library."""

    def __init__(self, writer: LineWriter, moments: Moments) -> None:
        super().__init__()
        self._writer = writer
        self._moments = moments

    def emit(self, record: logging.LogRecord) -> None:
        """Encodes a record: the sentence as the library wrote it in its source, and the fault by type and place.

        What a library fills into its sentence may hold anything, so it stays out.
        """
        line: dict[str, object] = {
            "time": self._moments.now(),
            "level": record.levelname.lower(),
            "event": "library",
            "logger": record.name,
            "sentence": record.msg if isinstance(record.msg, str) and record.args else "",
            "place": f"{record.module}:{record.lineno}",
        }
        if record.exc_info is not None and record.exc_info[1] is not None:
            line |= describe_fault(record.exc_info[1])
        self._writer.write(encode_line(line))
