"""A conversation as the stand-in counts it: its texts in order, its pictures, and where the assistant's own turn began.

Both dialects' readers write here, so that the same conversation counts the same in either.
"""

from __future__ import annotations

from collections.abc import Sequence

from atp_grpc.mock_provider.answer import OfferedTool
from atp_grpc.mock_provider.dialect import compact
from atp_grpc.mock_provider.tokens import IMAGE_TOKENS, count_tokens


class Conversation:
    """Turns, one after another. `begun` is the text of a last turn that the answer goes on with, `last` of any last."""

    def __init__(self) -> None:
        self.images = 0
        self.begun = ""
        self.last = ""
        self._earlier: list[str] = []
        self._turn: list[str] = []
        self._offered: list[str] = []

    def turn(self, texts: Sequence[str], calls: Sequence[str] = (), *, is_own: bool) -> None:
        """Adds a turn: its texts, the tool calls in it, and whether it is the assistant's own."""
        self._earlier += self._turn
        self._turn = [*texts, *calls]
        self.last = "\n".join(texts)
        self.begun = self.last if is_own and not calls else ""

    def offer(self, tools: Sequence[OfferedTool]) -> None:
        """Adds the tools that may be called."""
        self._offered = [f"{tool.name} {compact(tool.schema).decode()}" for tool in tools]

    def asked(self) -> tuple[str, ...]:
        """Every text, but for the answer's own beginning."""
        return (*self._earlier, *(() if self.begun else self._turn), *self._offered)

    def tokens(self) -> int:
        """What all of it counts: each text by itself, and the pictures."""
        return sum(map(count_tokens, (*self._earlier, *self._turn, *self._offered))) + self.images * IMAGE_TOKENS
