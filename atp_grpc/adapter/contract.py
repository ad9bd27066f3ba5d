"""What an adapter is to the kit: models, and an answer for a generation.

Authors of adapters implement it; the server of the kit calls it. It is the promise of a provider seen from the other
side, in the same values.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from atp_grpc.providers.contract import Event, Generation
from atp_grpc.providers.remote.description import Estimate, ModelDescription


class Adapter(Protocol):
    """A way to some models."""

    @property
    def name(self) -> str:
        """The adapter's name, for people."""
        ...

    @property
    def version(self) -> str:
        """The adapter's version, for people."""
        ...

    def models(self) -> Sequence[ModelDescription]:
        """What it has. Calls for other models never arrive."""
        ...

    async def estimate(self, generation: Generation) -> Estimate | None:
        """How many tokens a generation would take, None when that cannot be told. Makes no paid call.

        Raises:
            ProviderFault: the generation would be refused.
        """
        ...

    def generate(self, generation: Generation) -> AsyncGenerator[Event, None]:
        """Answers: events as they are made, `Finished` the last.

        `generation.endpoint.model` is the model, `generation.key` the key that the caller sent. When the caller leaves,
        the generator is closed or cancelled at once, and has to let go of the call behind it.

        Raises:
            ProviderFault: the answer fails, with the kind that says how. Its words are never sent.
        """
        ...
