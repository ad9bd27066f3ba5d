"""Whether the events of one answer come as the contract promises.

Whoever reads events of a stranger enters here: the client of remote adapters, the kit that adapters are written with,
and the conformance checks. It looks at order and bounds only, keeps no text, and mends nothing.
"""

from __future__ import annotations

import math

from atp_grpc.domain.ask import FinishReason
from atp_grpc.domain.outcome import Usage
from atp_grpc.providers.contract import Allowance, Certainty, Event, Finished, TextDelta, ToolCallDelta, Used


class OutOfOrder(Exception):
    """An event breaks the promise; the text names the rule and holds nothing of the event."""


class EventOrder:
    """The rules of one answer. Every event is shown to it once, in order."""

    __slots__ = ("_calls", "_is_finished", "_usage")

    def __init__(self) -> None:
        self._calls: set[int] = set()
        self._is_finished = False
        self._usage = Usage()

    @property
    def is_finished(self) -> bool:
        """Whether the answer is complete."""
        return self._is_finished

    def check(self, event: Event) -> None:
        """Takes the next event.

        Raises:
            OutOfOrder: it may not come, or not now.
        """
        if self._is_finished:
            raise OutOfOrder("nothing comes after the finish")
        match event:
            case TextDelta():
                pass
            case ToolCallDelta():
                self._check_call(event)
            case Certainty(log_probability, tokens):
                if not (math.isfinite(log_probability) and log_probability <= 0 and tokens > 0):
                    raise OutOfOrder("a certainty is a log probability, not above zero, of at least one token")
            case Used(usage):
                self._check_usage(usage)
            case Allowance():
                if any(left is not None and not left >= 0 for left in event):
                    raise OutOfOrder("an allowance is never below zero")
            case Finished(reason):
                self._check_finish(reason)

    def _check_call(self, delta: ToolCallDelta) -> None:
        if delta.index in self._calls:
            if delta.call_id or delta.name:
                raise OutOfOrder("id and name of a tool call come once, with its first piece")
            return
        if delta.index < 0 or not delta.call_id or not delta.name:
            raise OutOfOrder("the first piece of a tool call carries its id and name")
        self._calls.add(delta.index)

    def _check_usage(self, usage: Usage) -> None:
        for before, now in zip(self._usage, usage, strict=True):
            if now is not None and now < (before or 0):
                raise OutOfOrder("usage is told in all: no class is below zero, and none shrinks")
        self._usage = usage

    def _check_finish(self, reason: FinishReason) -> None:
        if reason is FinishReason.BUDGET:
            raise OutOfOrder("only the story of Ask ends an answer for money")
        if reason is FinishReason.TOOL_CALLS and not self._calls:
            raise OutOfOrder("an answer that waits for tools has called one")
        self._is_finished = True
