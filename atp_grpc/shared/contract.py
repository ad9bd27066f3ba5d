"""The promise of idempotency: a request id is executed once, and its answer can be had again.

`services` claims around a story. The scope is (tenant, method, id); the same id with another body is refused. Only
successes are stored. Nothing here knows what a request or an answer means: both are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ClaimKey:
    """What an id is unique within."""

    tenant: str
    method: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Replay:
    """The id was served before with the same body: this is the answer it got."""

    response: bytes


class Claim(Protocol):
    """An id claimed by this call: exactly one of `succeed` and `abandon` ends it."""

    def succeed(self, response: bytes, *, tombstone: str) -> None:
        """Keeps the answer. `tombstone` (a decision id) outlives it when memory is short."""
        ...

    def abandon(self) -> None:
        """Lets go of the id: the next call with it executes. Does nothing after `succeed`."""
        ...


class Claims(Protocol):
    """Remembers which ids were served."""

    async def claim(self, key: ClaimKey, digest: bytes, *, ttl_seconds: float) -> Claim | Replay:
        """Claims an id, or hands back what it was answered with. Waits while another call holds it.

        Raises:
            RequestIdReusedError: the id stands for another body.
            RequestIdForgottenError: the id was served, and its answer was evicted.
            RequestIdsExhaustedError: the tenant's ids fill the memory set aside for them.
        """
        ...
