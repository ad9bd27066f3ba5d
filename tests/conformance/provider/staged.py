"""An adapter made with the kit that behaves as the name of its model says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from atp_grpc.adapter import (
    Adapter,
    Estimate,
    Event,
    FaultKind,
    Generation,
    ModelDescription,
    ProviderFault,
    TextDelta,
    Usage,
    Used,
)
from atp_grpc.providers.dry_run import DryRunProvider, input_tokens_of

PLAIN = "plain"
ENDLESS = "endless"
SILENT = "silent"
STALLING = "stalling"
UNENDED = "unended"
SHRINKING = "shrinking"
BROKEN = "broken"
PIECE = "x" * 16_384
REFUSALS = {kind.value for kind in FaultKind} - {FaultKind.CUT, FaultKind.STALLED, FaultKind.MALFORMED}
SECRET = "the provider's own words"


class StagedAdapter(Adapter):
    """Answers as the dry run does, unless its model is one that fails."""

    name = "staged"
    version = "1"

    def __init__(self) -> None:
        self.made_bytes = 0
        self.closed_calls = 0
        self.asked: list[Generation] = []

    def models(self) -> Sequence[ModelDescription]:
        plain = ModelDescription(PLAIN, 100_000, 4_096, ("tools", "json"))
        others = (ENDLESS, SILENT, STALLING, UNENDED, SHRINKING, BROKEN, *(kind.value for kind in FaultKind))
        return [plain, *map(ModelDescription, others)]

    async def estimate(self, generation: Generation) -> Estimate | None:
        if generation.endpoint.model == BROKEN:
            return None
        return Estimate(input_tokens_of(generation.prompt), 40, min(400, generation.max_output_tokens))

    async def generate(self, generation: Generation) -> AsyncGenerator[Event, None]:
        self.asked.append(generation)
        try:
            async for event in self._events(generation):
                yield event
        finally:
            self.closed_calls += 1

    async def _events(self, generation: Generation) -> AsyncGenerator[Event, None]:
        model = generation.endpoint.model
        if model == PLAIN:
            async for event in DryRunProvider().generate(generation):
                yield event
            return
        if model == SILENT:
            await asyncio.Event().wait()
        if model in REFUSALS:
            raise ProviderFault(FaultKind(model), retry_after_seconds=1.5)
        yield TextDelta("It began ")
        async for event in self._after_the_beginning(model):
            yield event

    async def _after_the_beginning(self, model: str) -> AsyncGenerator[Event, None]:
        match model:
            case "endless":
                while True:
                    self.made_bytes += len(PIECE)
                    yield TextDelta(PIECE)
            case "stalling":
                await asyncio.Event().wait()
            case "shrinking":
                yield Used(Usage(5, 0, 9, 0))
                yield Used(Usage(5, 0, 8, 0))
            case "broken":
                raise ValueError(SECRET)
            case "unended":
                return
            case _:
                raise ProviderFault(FaultKind(model))
