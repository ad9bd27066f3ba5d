"""Asks endpoints whether they are there, by calls that cost nothing, so that nobody's request has to find out.

A background task enters here where the settings say how often. What is found is told to the fleet, which believes it
until something else is found. Adapters are left out, since they tell by themselves; so is whoever calls nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from atp_grpc.domain.endpoint import Dialect, Endpoint
from atp_grpc.providers.contract import FaultKind, Provider, ProviderFault
from atp_grpc.providers.standing import ServingState, Standing

FAILURES_TO_LEAVE: Final = 2
"""Probes in a row that must fail before an endpoint is left alone; one alone may be an accident."""

_ABSENCE = frozenset({FaultKind.UNAVAILABLE, FaultKind.TIMEOUT, FaultKind.OVERLOADED})
"""Any other fault is an answer, so somebody is there."""
_SILENT = frozenset({Dialect.REMOTE, Dialect.DRY_RUN})


class Prober:
    """Remembers how the last probes of each endpoint went."""

    def __init__(
        self,
        *,
        providers: Mapping[Dialect, Provider],
        endpoints: Callable[[], Iterable[Endpoint]],
        key_of: Callable[[Endpoint], str | None],
        heard: Callable[[Endpoint, Standing], None],
    ) -> None:
        """Takes who can be asked, and who hears of it.

        Args:
            providers: by the dialect that each speaks.
            endpoints: those of the catalogue in force.
            key_of: a key that opens an endpoint, empty when it needs none; None when none is there.
            heard: hears of an endpoint that is there again, or is not.
        """
        self._providers = providers
        self._endpoints = endpoints
        self._key_of = key_of
        self._heard = heard
        self._failures: dict[tuple[str, str, str], int] = {}
        self._away: dict[tuple[str, str, str], Endpoint] = {}

    async def look(self) -> None:
        """Probes every endpoint once, all at the same time."""
        found = {(one.dialect.value, one.base_url, one.model): one for one in self._endpoints()}
        keys = {address: self._key_of(one) for address, one in found.items() if one.dialect not in _SILENT}
        asked = {address: key for address, key in keys.items() if key is not None}
        self._failures = {address: count for address, count in self._failures.items() if address in asked}
        for address in self._away.keys() - asked.keys():
            # Nobody would find out that it is there again.
            self._heard(self._away.pop(address), Standing(ServingState.READY))
        async with asyncio.TaskGroup() as probes:
            for address, key in asked.items():
                provider = self._providers.get(found[address].dialect)
                if provider is not None:
                    probes.create_task(self._probe(address, provider, found[address], key))

    async def _probe(self, address: tuple[str, str, str], provider: Provider, endpoint: Endpoint, key: str) -> None:
        try:
            await provider.probe(endpoint, key)
        except ProviderFault as fault:
            if fault.kind in _ABSENCE:
                count = self._failures[address] = self._failures.get(address, 0) + 1
                if count >= FAILURES_TO_LEAVE:
                    self._away[address] = endpoint
                    self._heard(endpoint, Standing(ServingState.AWAY))
                return
        self._failures.pop(address, None)
        if self._away.pop(address, None) is not None:
            self._heard(endpoint, Standing(ServingState.READY))
