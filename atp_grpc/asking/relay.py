"""The answer as it stands: events of a provider become events of an Ask, with totals.

The story adds every delta here. The answer itself is kept only for those who need it whole: unary calls, the cache,
answers that are held back or may be gone on with. It never waits and never judges an answer.
"""

from __future__ import annotations

from atp_grpc.domain.ask import Delta
from atp_grpc.providers.contract import TextDelta, ToolCallDelta


class _ToolCall:
    """A tool call in the making."""

    __slots__ = ("arguments", "call_id", "name")

    def __init__(self) -> None:
        self.call_id = self.name = ""
        self.arguments: list[str] = []


class Relay:
    """One answer, from its first delta on."""

    __slots__ = ("_calls", "_keeps", "_texts", "has_tool_calls", "total_characters")

    def __init__(self, *, keeps: bool) -> None:
        """`keeps` says whether somebody will want the answer whole."""
        self._keeps = keeps
        self.restart()

    def restart(self) -> None:
        """The answer begins anew."""
        self.total_characters = 0
        self.has_tool_calls = False
        self._texts: list[str] = []
        self._calls: dict[int, _ToolCall] = {}

    def add(self, event: TextDelta | ToolCallDelta) -> Delta:
        """Takes in more of the answer."""
        if isinstance(event, TextDelta):
            text = event.text
            self.total_characters += len(text)
            if self._keeps:
                self._texts.append(text)
            return Delta(text, total_characters=self.total_characters)
        self.has_tool_calls = True
        if self._keeps:
            self._keep(event)
        return Delta("", *event, self.total_characters)

    @property
    def text(self) -> str:
        """The text so far; kept ones only."""
        return "".join(self._texts)

    def whole(self) -> list[Delta]:
        """The answer in as few deltas as can be: its text, then its tool calls; kept ones only."""
        characters = self.total_characters
        deltas = [Delta(self.text, total_characters=characters)] if characters else []
        for index, call in sorted(self._calls.items()):
            deltas.append(Delta("", index, call.call_id, call.name, "".join(call.arguments), characters))
        return deltas

    def _keep(self, event: ToolCallDelta) -> None:
        call = self._calls.get(event.index)
        if call is None:
            call = self._calls[event.index] = _ToolCall()
        call.call_id += event.call_id
        call.name += event.name
        call.arguments.append(event.arguments)
