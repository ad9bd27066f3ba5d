"""The provider for every endpoint that speaks Anthropic's messages.

`asking` enters here through the contract. How endpoints differ is data of theirs; there is no code for one of them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from atp_grpc.domain.clock import Clock
from atp_grpc.domain.endpoint import Endpoint
from atp_grpc.providers.anthropic import allowances, prompts, refusals
from atp_grpc.providers.anthropic.answer import AnthropicAnswer
from atp_grpc.providers.contract import Allowance, Event, Generation, ProviderFault
from atp_grpc.providers.http import calling
from atp_grpc.providers.http.client import HttpClient, Request


class AnthropicProvider:
    """Calls messages. See `providers.contract.Provider`."""

    def __init__(self, *, client: HttpClient, clock: Clock) -> None:
        """Takes the client, which it closes, and the clock that dates in answers are held against."""
        self._client = client
        self._dialect = _AnthropicDialect(clock)

    def generate(self, generation: Generation) -> AsyncGenerator[Event, None]:
        """Calls the endpoint and gives what comes."""
        return calling.carry_out(self._client, self._dialect, generation)

    async def probe(self, endpoint: Endpoint, key: str) -> None:
        """Asks for the list of models."""
        await calling.probe(self._client, self._dialect, endpoint, key)

    async def close(self) -> None:
        """Ends open calls and lets go of every connection."""
        await self._client.close()


class _AnthropicDialect:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def request(self, generation: Generation) -> Request:
        return prompts.request(generation)

    def probe(self, endpoint: Endpoint, key: str) -> Request:
        return prompts.probe(endpoint, key)

    def answer(self, _generation: Generation) -> AnthropicAnswer:
        return AnthropicAnswer()

    def fault(self, status: int, headers: Mapping[bytes, bytes], body: bytes) -> ProviderFault:
        return refusals.fault(status, headers, body, self._clock)

    def allowance(self, headers: Mapping[bytes, bytes]) -> Allowance | None:
        return allowances.allowance(headers, self._clock)
