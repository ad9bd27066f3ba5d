"""Faults nobody foresaw: each is logged once under an id, and the id is all that leaves the process.

The door reports what its wall caught, background tasks report how they died. It never raises, whatever it is given.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

from structlog.typing import FilteringBoundLogger

from atp_grpc.telemetry.faults import describe_fault


class Incidents:
    """The book of incidents."""

    def __init__(self, logger: FilteringBoundLogger, source: random.Random, *, on_incident: Callable[[], None]) -> None:
        """Args: `source` makes ids, `on_incident` counts."""
        self._logger = logger
        self._source = source
        self._on_incident = on_incident

    def report(self, fault: BaseException, *, method: str = "", trace_id: str = "") -> str:
        """Logs a fault under a fresh id of 16 hex digits and returns the id.

        Args:
            fault: what was caught.
            method: the method of the call, or the name of the task, that failed.
            trace_id: the call's trace, if there was a call.
        """
        incident = f"{self._source.getrandbits(64):016x}"
        try:
            self._on_incident()
            self._logger.error("incident", incident=incident, method=method, trace_id=trace_id, **describe_fault(fault))
        except Exception:  # noqa: BLE001, S110 - whoever reports is already handling a fault and must be able to go on
            pass
        return incident

    def loop_handler(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """For `loop.set_exception_handler`: reports what fell out of a task or a callback."""
        fault = context.get("exception")
        if isinstance(fault, BaseException):
            self.report(fault, method="event loop")
        else:
            self._logger.error("event loop", sentence=str(context.get("message", "")))
