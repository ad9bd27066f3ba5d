"""What a dialect has to tell so that a call can be carried out over HTTP: what to send, and how to read what comes.

`calling` enters here; `openai` and `anthropic` each have one. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from atp_grpc.domain.endpoint import Endpoint
from atp_grpc.providers.contract import Allowance, Event, Generation, ProviderFault
from atp_grpc.providers.http.client import Request


class Answer(Protocol):
    """Reads one answer."""

    has_begun: bool
    """Whether anything of the answer itself was given."""
    is_complete: bool
    """Whether the model has said that it is done."""
    is_over: bool
    """Whether nothing that matters can follow."""
    steps: int
    """How many pieces of text, calls or thoughts came; heads and signs of life are none."""

    def read_event(self, data: bytes) -> Sequence[Event]:
        """What one event of a stream says.

        Raises:
            ProviderFault: it is an error, or not the dialect.
        """
        ...

    def read_whole(self, body: bytes) -> Sequence[Event]:
        """What an answer that came at once says.

        Raises:
            ProviderFault: the same.
        """
        ...

    def last_events(self) -> Sequence[Event]:
        """How a complete answer ends: with `Finished`."""
        ...


class HttpDialect(Protocol):
    """Speaks one language over HTTP."""

    def request(self, generation: Generation) -> Request:
        """What to send.

        Raises:
            ProviderFault: the prompt cannot be said in this language.
        """
        ...

    def probe(self, endpoint: Endpoint, key: str) -> Request:
        """What to send to learn, at no cost, whether the endpoint is there."""
        ...

    def answer(self, generation: Generation) -> Answer:
        """A reader for one answer."""
        ...

    def fault(self, status: int, headers: Mapping[bytes, bytes], body: bytes) -> ProviderFault:
        """What an answer with an error's status means."""
        ...

    def allowance(self, headers: Mapping[bytes, bytes]) -> Allowance | None:
        """What the head of an answer says is left, None where it is silent."""
        ...
