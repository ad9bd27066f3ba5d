"""A provider with faults on purpose: what comes of it keeps the promise of the contract, and goes wrong by rule.

`app` wraps every provider in one where the configuration allows chaos. Without a rule the other's own generator is
handed on. A fault looks as it would if the provider had it: its kind, its moment, and nothing after it. Free probes are
never struck.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from atp_grpc.chaos import Chaos, ChaosFault, Site, Strike
from atp_grpc.domain.endpoint import Endpoint
from atp_grpc.providers.contract import (
    Event,
    FaultKind,
    Finished,
    Generation,
    Provider,
    ProviderFault,
    TextDelta,
    ToolCallDelta,
)

RETRY_AFTER_SECONDS = 1.0
"""What a refusal for rate asks for."""
MOST_SHOWN = 8
"""An answer breaks off after one to this many pieces, or at its end when it has fewer."""

_BEFORE = {
    ChaosFault.ERROR: (FaultKind.UNAVAILABLE, 503, None),
    ChaosFault.RATE_LIMITED: (FaultKind.RATE_LIMITED, 429, RETRY_AFTER_SECONDS),
}
_WITHIN = {
    ChaosFault.CUT: FaultKind.CUT,
    ChaosFault.STALL: FaultKind.STALLED,
    ChaosFault.MALFORMED: FaultKind.MALFORMED,
}


class ChaosProvider:
    """Another provider, under the rules for providers."""

    def __init__(self, provider: Provider, chaos: Chaos) -> None:
        self._provider = provider
        self._chaos = chaos

    def generate(self, generation: Generation) -> AsyncGenerator[Event, None]:
        """As the other provider, unless a rule strikes this call.

        Raises:
            ProviderFault: the other's, or one on purpose.
        """
        site = self._chaos.provider
        strike = None if site is None else site.strike(generation.deployment)
        if site is None or strike is None:
            return self._provider.generate(generation)
        return self._struck(generation, strike, site)

    async def probe(self, endpoint: Endpoint, key: str) -> None:
        """Asks the other provider."""
        await self._provider.probe(endpoint, key)

    async def close(self) -> None:
        """Closes the other provider."""
        await self._provider.close()

    async def _struck(self, generation: Generation, strike: Strike, site: Site) -> AsyncGenerator[Event, None]:
        if strike.delay_seconds:
            await asyncio.sleep(strike.delay_seconds)
        if strike.fault in _BEFORE:
            kind, status, retry_after = _BEFORE[strike.fault]
            raise ProviderFault(kind, status=status, retry_after_seconds=retry_after)
        left = site.chance.randint(1, MOST_SHOWN)
        async with aclosing(self._provider.generate(generation)) as events:
            async for event in events:
                if strike.fault is not None and (left == 0 or type(event) is Finished):
                    break
                yield event
                left -= type(event) is TextDelta or type(event) is ToolCallDelta
        if strike.fault is None:
            return
        if strike.fault is ChaosFault.STALL:
            await asyncio.sleep(generation.endpoint.timeouts.between_chunks)
        raise ProviderFault(_WITHIN[strike.fault])
