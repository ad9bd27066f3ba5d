"""The one line that a call leaves: failures always, successes and the victims of a crowd a few each second.

The door writes here after every call. The line is encoded by hand, because it stands on the path of every call: 2
microseconds where structlog takes 20. It never holds anything of the request but its method.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple

from atp_grpc.domain.call import Note
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.tenant import Principal
from atp_grpc.telemetry.encoding import encode_text, encode_value
from atp_grpc.telemetry.lines import LineWriter
from atp_grpc.telemetry.moments import Moments

_LEVEL_NAMES = {logging.INFO: "info", logging.WARNING: "warning", logging.ERROR: "error"}


class Facts(NamedTuple):
    """What is known of a finished call, however it ended. A tuple, because one is made for every call."""

    method: str
    seconds: float
    principal: Principal | None
    trace_id: str
    peer: Callable[[], str]
    """Names the caller's address; asked only for a line that is written."""
    attempt: int = 0
    notes: Mapping[str, Note] = {}
    """What the handler said of it."""


class CallLog:
    """Writes lines of calls."""

    def __init__(self, writer: LineWriter, clock: Clock, *, level: int, success_logs_per_second: float) -> None:
        """Args: `level` as in `logging`; successes are level info, so a higher level leaves them all out."""
        self._writer = writer
        self._clock = clock
        self._moments = Moments(clock)
        self._level = level
        self._rate = success_logs_per_second
        self._burst = max(1.0, success_logs_per_second)
        self._tokens = self._burst if success_logs_per_second > 0 else 0.0
        self._refilled = clock.monotonic()
        self.left_out = 0
        """Successes, and calls of a crowd, without a line."""

    def succeeded(self, facts: Facts) -> None:
        """Writes the line of a good call, if its second still has room for one."""
        if self._level > logging.INFO or not self._has_room():
            self.left_out += 1
            return
        self._write("info", "OK", facts, "")

    def one_of_many(self, facts: Facts, *, code: str, reason: str, level: int) -> None:
        """Writes the line of a call that came when there was too much to do, if its second still has room for one.

        Thousands of them come a second and all say the same: sent away, or given up before anybody looked. A line for
        each would take the time of the calls that are answered; the metrics count every one.
        """
        if level < self._level or not self._has_room():
            self.left_out += 1
            return
        self.failed(facts, code=code, reason=reason, level=level)

    def failed(self, facts: Facts, *, code: str, reason: str, level: int, incident: str = "") -> None:
        """Writes the line of a refused, cancelled or broken call."""
        if level < self._level:
            return
        rest = f',"reason":{encode_text(reason)}' if reason else ""
        if incident:
            rest += f',"incident":{encode_text(incident)}'
        self._write(_LEVEL_NAMES[level], code, facts, rest)

    def _has_room(self) -> bool:
        """A token bucket: filled at the rate, never above one second's worth."""
        now = self._clock.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._refilled) * self._rate)
        self._refilled = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def _write(self, level: str, code: str, facts: Facts, rest: str) -> None:
        method, seconds, principal, trace_id, peer, attempt, notes = facts
        who = ""
        if principal is not None:
            who = f',"tenant":{encode_text(principal.tenant)},"key_id":{encode_text(principal.key_id)}'
        if attempt:
            rest += f',"attempt":{attempt}'
        if notes:
            rest += "".join([f",{encode_text(key)}:{encode_value(value)}" for key, value in notes.items()])
        self._writer.write(
            f'{{"time":"{self._moments.now()}","level":"{level}","event":"call","method":{encode_text(method)},'
            f'"code":"{code}","duration_ms":{seconds * 1_000:.3f}{who},"trace_id":{encode_text(trace_id)},'
            f'"peer":{encode_text(peer())}{rest}}}'
        )
