"""What is examined: a provider, a question that it answers, and ways to look behind it where there are any.

Whoever runs the checks describes his provider with it. What is left out is not examined, and the findings say so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from atp_grpc.providers.contract import Event, FaultKind, Generation, Provider


class NotApplicable(Exception):
    """A check does not apply to the subject; the text says why."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A provider under examination.

    Attributes:
        provider: the provider.
        generation: a streamed generation that is answered with some text, a few dozen tokens at least.
        open_calls: how many calls are running upstream, as the upstream counts them.
        tokens_of: the tokenizer of the answers, where it is known exactly.
        tool_generation: a generation whose answer must be the call of a tool.
        endless_generation: a generation whose answer does not end.
        made_so_far: how many bytes the upstream has made of the endless answer.
        failing: for each kind of fault a generation that runs into it.
        leave_seconds: within how long an upstream call has to end when its reader leaves.
    """

    provider: Provider
    generation: Generation
    open_calls: Callable[[], Awaitable[int]] | None = None
    tokens_of: Callable[[str], int] | None = None
    tool_generation: Generation | None = None
    endless_generation: Generation | None = None
    made_so_far: Callable[[], int] | None = None
    failing: Mapping[FaultKind, Generation] = field(default_factory=dict)
    leave_seconds: float = 0.1

    async def answer(self, generation: Generation | None = None) -> list[Event]:
        """All events of one answer.

        Raises:
            ProviderFault: the call failed.
        """
        return [event async for event in self.provider.generate(generation or self.generation)]
