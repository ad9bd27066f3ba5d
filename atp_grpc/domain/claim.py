"""Request ids that are executed once: what names a claim, and where claims outlive a process.

`services` and `shared` speak of claims with these words, a store keeps them. Nothing here knows what a request or an
answer means: both are bytes.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol


class ClaimKey(NamedTuple):
    """What an id is unique within."""

    tenant: str
    method: str
    request_id: str


class Standing(NamedTuple):
    """What is kept of an id that was claimed before.

    `response` is None while the id is executed, when a process ended while it did, and when the answer was evicted;
    `tombstone` then says what is known of it.
    """

    digest: bytes
    response: bytes | None
    tombstone: str


class Full(NamedTuple):
    """A tenant's ids fill the room set aside for them. `frees_nanos` is when the first answer expires, None if none."""

    frees_nanos: int | None


class ClaimKeeper(Protocol):
    """Keeps claims so that they outlive the process. Everything is done in the order in which it was asked for."""

    async def keep(
        self, key: ClaimKey, digest: bytes, *, holder: int, now_nanos: int, expires_nanos: int, most_ids: int
    ) -> Standing | Full | None:
        """Claims an id durably (None), unless it stands already or the tenant has too many.

        An id that has expired is free. `holder` names this very claim; `expires_nanos` is when an id that is never
        answered becomes free again.

        Raises whatever the store raises when it is not certain that the claim is kept.
        """
        ...

    async def answer(
        self,
        key: ClaimKey,
        response: bytes,
        *,
        holder: int,
        tombstone: str,
        now_nanos: int,
        expires_nanos: int,
        most_bytes: int,
    ) -> None:
        """Puts the answer to a claim, durably.

        Where the tenant's answers then take more than `most_bytes`, those used least recently go; their ids stay with
        their tombstones.
        """
        ...

    def release(self, key: ClaimKey, *, holder: int) -> None:
        """Frees an id if that very claim was kept and is not answered, before anything that is asked for later.

        If the process ends before that is done the id stays claimed, which is on the safe side.
        """
        ...
