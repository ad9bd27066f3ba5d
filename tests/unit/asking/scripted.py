"""A provider that does what a script says, event by event, and knows what became of each of its calls."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from atp_grpc.domain.ask import FinishReason
from atp_grpc.domain.endpoint import Endpoint
from atp_grpc.domain.outcome import Usage
from atp_grpc.providers.contract import (
    Certainty,
    Event,
    FaultKind,
    Finished,
    Generation,
    ProviderFault,
    TextDelta,
    ToolCallDelta,
    Used,
)

Step = Event | Exception | float | asyncio.Event
"""An event to give, a fault to raise, seconds to wait, or what to wait for."""


@dataclass
class Called:
    """One call and how it ended: `finished`, `failed`, `cancelled`, or `closed` by whoever read it."""

    generation: Generation
    began: float
    ended: str = "open"

    @property
    def deployment(self) -> str:
        return self.generation.deployment


class ScriptedProvider:
    """Plays the next script of the deployment that is called; without one it answers."""

    def __init__(self) -> None:
        self.calls: list[Called] = []
        self._scripts: defaultdict[str, list[Sequence[Step]]] = defaultdict(list)

    def script(self, deployment: str, *scripts: Sequence[Step]) -> None:
        self._scripts[deployment].extend(scripts)

    @property
    def open_calls(self) -> int:
        return sum(call.ended == "open" for call in self.calls)

    @property
    def called(self) -> list[str]:
        return [call.deployment for call in self.calls]

    async def generate(self, generation: Generation) -> AsyncGenerator[Event, None]:
        call = Called(generation, asyncio.get_running_loop().time())
        self.calls.append(call)
        waiting = self._scripts[generation.deployment]
        try:
            for step in waiting.pop(0) if waiting else answer():
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif isinstance(step, float):
                    await asyncio.sleep(step)
                elif isinstance(step, Exception):
                    raise step  # noqa: TRY301 - as a provider would
                else:
                    yield step
            call.ended = "finished"
        except asyncio.CancelledError:
            call.ended = "cancelled"
            raise
        except GeneratorExit:
            call.ended = "closed"
            raise
        except Exception:
            call.ended = "failed"
            raise

    async def probe(self, endpoint: Endpoint, key: str) -> None:
        raise AssertionError("nobody probes here")

    async def close(self) -> None:
        pass


def fault(kind: FaultKind, retry_after_seconds: float | None = None) -> ProviderFault:
    return ProviderFault(kind, retry_after_seconds=retry_after_seconds)


def used(output: int = 3, *, prompt: int = 10, cached: int = 0, reasoning: int = 0) -> Used:
    return Used(Usage(prompt, cached, output, reasoning))


def finished(reason: FinishReason = FinishReason.STOP) -> Finished:
    return Finished(reason, "rev-1")


def texts(*pieces: str) -> list[Step]:
    return [TextDelta(piece) for piece in pieces]


def answer(*pieces: str, sure: float | None = None, output: int = 3) -> list[Step]:
    """A good answer, as the contract promises it; `sure` is its confidence."""
    steps = texts(*(pieces or ("one ", "two ", "three")))
    if sure is not None:
        steps.append(Certainty(4 * math.log(sure), 4))
    return [*steps, used(output), finished()]


def tool_answer() -> list[Step]:
    return [
        ToolCallDelta(0, "call-1", "add", ""),
        ToolCallDelta(0, "", "", '{"a":'),
        ToolCallDelta(0, "", "", "1}"),
        used(),
        finished(FinishReason.TOOL_CALLS),
    ]
