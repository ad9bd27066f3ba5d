"""What tests of both dialects ask: one call on one endpoint, and everything that came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from atp_grpc.domain.conversation import Prompt, Role, TextPart, Turn
from atp_grpc.domain.endpoint import Dialect, Endpoint, Quirk, Timeouts
from atp_grpc.providers.contract import Event, Generation, Provider, ProviderFault

PATIENT = Timeouts()
HELLO = Prompt((Turn(Role.USER, (TextPart("hello"),)),))
NO_HEADERS: Mapping[bytes, bytes] = {}


class Heard(NamedTuple):
    """The events of a call, and the fault that ended it, if one did."""

    events: list[Event]
    fault: ProviderFault | None


def generation(
    base_url: str = "https://api.example.com/v1",
    *,
    dialect: Dialect = Dialect.OPENAI,
    prompt: Prompt = HELLO,
    quirks: frozenset[Quirk] = frozenset(),
    timeouts: Timeouts = PATIENT,
    **rest: Any,
) -> Generation:
    endpoint = Endpoint(dialect, base_url, "model-1", ("env:KEY",), quirks, timeouts=timeouts)
    return Generation(endpoint, "key-1", prompt, 100)._replace(**rest)


async def heard(provider: Provider, asked: Generation) -> Heard:
    events: list[Event] = []
    try:
        async for event in provider.generate(asked):
            events += (event,)
    except ProviderFault as fault:
        return Heard(events, fault)
    return Heard(events, None)
