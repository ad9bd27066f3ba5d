"""The one line that a call leaves: failures always, successes a few each second.

The door writes here after every call. The line is encoded by hand, because it stands on the path of every call: 2
microseconds where structlog takes 20. It never holds anything of the request but its method.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from atp_grpc.domain.clock import Clock
from atp_grpc.domain.tenant import Principal
from atp_grpc.telemetry.encoding import encode_text
from atp_grpc.telemetry.lines import LineWriter
from atp_grpc.telemetry.moments import Moments

_LEVEL_NAMES = {logging.INFO: "info", logging.WARNING: "warning", logging.ERROR: "error"}


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
        """Successes without a line."""

    def succeeded(
        self, method: str, seconds: float, *, principal: Principal | None, trace_id: str, peer: Callable[[], str]
    ) -> None:
        """Writes the line of a good call, if its second still has room for one."""
        if self._level > logging.INFO or not self._has_room():
            self.left_out += 1
            return
        self._write("info", method, "OK", seconds, principal, trace_id, peer, "")

    def failed(
        self,
        method: str,
        seconds: float,
        *,
        code: str,
        reason: str,
        level: int,
        principal: Principal | None,
        trace_id: str,
        peer: Callable[[], str],
        incident: str = "",
    ) -> None:
        """Writes the line of a refused, cancelled or broken call."""
        if level < self._level:
            return
        rest = f',"reason":{encode_text(reason)}' if reason else ""
        if incident:
            rest += f',"incident":{encode_text(incident)}'
        self._write(_LEVEL_NAMES[level], method, code, seconds, principal, trace_id, peer, rest)

    def _has_room(self) -> bool:
        """A token bucket: filled at the rate, never above one second's worth."""
        now = self._clock.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._refilled) * self._rate)
        self._refilled = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def _write(
        self,
        level: str,
        method: str,
        code: str,
        seconds: float,
        principal: Principal | None,
        trace_id: str,
        peer: Callable[[], str],
        rest: str,
    ) -> None:
        who = ""
        if principal is not None:
            who = f',"tenant":{encode_text(principal.tenant)},"key_id":{encode_text(principal.key_id)}'
        self._writer.write(
            f'{{"time":"{self._moments.now()}","level":"{level}","event":"call","method":{encode_text(method)},'
            f'"code":"{code}","duration_ms":{seconds * 1_000:.3f}{who},"trace_id":{encode_text(trace_id)},'
            f'"peer":{encode_text(peer())}{rest}}}'
        )
