"""Checks of answers that fail: each fault has its kind, no failure looks like an answer, and no fault tells secrets.

`running` enters here.
"""

from __future__ import annotations

from atp_grpc.adapter.conformance.subject import Subject
from atp_grpc.domain.conversation import TextPart
from atp_grpc.providers.contract import FaultKind, Finished, Generation, ProviderFault


async def fault_has_its_kind(subject: Subject, kind: FaultKind) -> str:
    """What runs into a fault ends with that fault and never looks complete."""
    generation = subject.failing[kind]
    events = subject.provider.generate(generation)
    try:
        async for event in events:
            if isinstance(event, Finished):
                return "the answer looks complete"
    except ProviderFault as fault:
        if fault.kind is not kind:
            return f"the fault is {fault.kind.value}"
        return _told(fault, generation)
    finally:
        await events.aclose()
    return "the answer ended without a finish and without a fault"


def _told(fault: ProviderFault, generation: Generation) -> str:
    """What a fault tells that it should not."""
    words = f"{fault!s} {fault!r} {fault.__cause__!r}"
    texts = [part.text for turn in generation.prompt.turns for part in turn.parts if isinstance(part, TextPart)]
    if generation.key and generation.key in words:
        return "the fault holds the key"
    return "the fault holds the prompt" if any(text and text in words for text in texts) else ""
