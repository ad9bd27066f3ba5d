"""What a caller asks, and what he is told, as tests look at both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atp_grpc.domain.ask import AskEvent, AskRequest, Decided, Delta, Final, Spent, Switch
from atp_grpc.domain.conversation import Prompt, Role, TextPart, Turn
from atp_grpc.domain.errors import AtpError
from atp_grpc.domain.request import NO_CONSTRAINTS, Constraints, RouteRequest


@dataclass
class Told:
    """What a caller was told."""

    events: list[AskEvent]
    error: AtpError | None

    @property
    def final(self) -> Final:
        assert self.error is None, self.error
        assert isinstance(self.events[-1], Final)
        return self.events[-1]

    @property
    def reason(self) -> str:
        return "" if self.error is None else self.error.reason

    @property
    def text(self) -> str:
        """The text as a caller has it who minds every switch."""
        text = ""
        for event in self.events:
            if isinstance(event, Switch) and event.restarts:
                text = ""
            elif isinstance(event, Delta):
                text += event.text
                assert event.total_characters == len(text)
        return text

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def decided(self) -> Decided:
        (decided,) = self.of(Decided)
        assert self.events[0] is decided
        assert isinstance(decided, Decided)
        return decided

    @property
    def said_cost(self) -> int:
        """The last word on money."""
        told = [
            event.total_cost_nano_usd if isinstance(event, Spent) else event.cost_nano_usd
            for event in self.events
            if isinstance(event, (Spent, Final))
        ]
        return told[-1] if told else 0


def asking(
    text: str = "What is one and two and three? ", *, constraints: Constraints = NO_CONSTRAINTS, **changes: Any
) -> AskRequest:
    """A streamed request of one user turn, 32 bytes."""
    prompt_changes = {name: changes.pop(name) for name in ("max_output_tokens", "tools", "sampling") if name in changes}
    prompt = Prompt((Turn(Role.USER, (TextPart(text),)),), **prompt_changes)
    routing = RouteRequest(
        text=text,
        constraints=constraints,
        max_output_tokens=prompt.max_output_tokens,
        session_id=changes.pop("session_id", ""),
    )
    return AskRequest(**{"prompt": prompt, "routing": routing, "is_streamed": True, **changes})
