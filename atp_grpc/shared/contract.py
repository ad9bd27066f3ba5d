"""The promise of idempotency: a request id is executed once, and its answer can be had again.

`services` claims around a story. The scope is (tenant, method, id); the same id with another body is refused. Only
successes are stored. Nothing here knows what a request or an answer means: both are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from atp_grpc.domain.claim import ClaimKey


@dataclass(frozen=True, slots=True)
class Replay:
    """The id was served before with the same body: this is the answer it got."""

    response: bytes


class Claim(Protocol):
    """An id claimed by this call: exactly one of `succeed`, `abandon` and `forget` ends it."""

    async def succeed(self, response: bytes, *, tombstone: str) -> None:
        """Keeps the answer; where claims are durable it is on disk when this returns.

        `tombstone` (a decision id) outlives it when memory is short. An answer that cannot be kept leaves the id
        claimed: it is never executed again, and whoever asks is refused.

        Raises:
            RuntimeError: the claim has ended before.
        """
        ...

    def abandon(self) -> None:
        """Lets go of the id: the next call with it executes. Does nothing after the claim has ended."""
        ...

    def forget(self) -> None:
        """Ends the claim without an answer, and keeps the id: what it stands for was done and must not be done again.

        Whoever waits for it, or comes with it later, is refused with RequestIdForgottenError.
        """
        ...


class Claims(Protocol):
    """Remembers which ids were served."""

    async def claim(self, key: ClaimKey, digest: bytes, *, ttl_seconds: float) -> Claim | Replay:
        """Claims an id, or hands back what it was answered with. Waits while another call holds it.

        Raises:
            RequestIdReusedError: the id stands for another body.
            RequestIdForgottenError: the id was served and its answer was evicted, or a process ended while serving it.
            RequestIdsExhaustedError: the tenant's ids fill the memory set aside for them.
            StoreUnavailableError: claims are durable, and the store does not answer.
        """
        ...
