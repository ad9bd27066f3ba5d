"""The priors of one policy as its store keeps them: what was imported, when, and the bytes to take in again.

The learner enters here when a prior is imported and whenever it begins anew. Nothing is decided here about whether a
prior fits, and no engine is touched.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from atp_grpc.learning.prior import Prior, PriorHeader, decode_prior, digest_of
from atp_grpc.store.contract import Store


@dataclass(frozen=True, slots=True)
class AppliedPrior:
    """A prior that was imported: its name, when (Unix nanoseconds), and what it says of itself."""

    digest: str
    applied_nanos: int
    header: PriorHeader


class Priors:
    """The priors of one pool, in the order in which they were imported."""

    def __init__(self, store: Store, pool: str) -> None:
        self._store = store
        self._pool = pool
        self._fact = f"priors.{pool}"
        self._turn = asyncio.Lock()

    async def applied(self) -> list[AppliedPrior]:
        """What was imported."""
        entries = json.loads(await self._store.read_fact(self._fact) or "[]")
        return [
            AppliedPrior(entry["digest"], entry["applied_nanos"], PriorHeader.from_json(entry["header"]))
            for entry in entries
        ]

    async def keep(self, data: bytes, applied_nanos: int) -> AppliedPrior:
        """Makes a prior durable. One that is kept already stays as it was imported first."""
        digest = digest_of(data)
        async with self._turn:
            applied = await self.applied()
            for known in applied:
                if known.digest == digest:
                    return known
            await self._store.save_checkpoint(self._key(digest), data)
            kept = AppliedPrior(digest, applied_nanos, decode_prior(data).header)
            entries = [
                {"digest": one.digest, "applied_nanos": one.applied_nanos, "header": one.header.as_json()}
                for one in (*applied, kept)
            ]
            await self._store.write_fact(self._fact, json.dumps(entries))
        return kept

    async def forget(self) -> None:
        """Forgets every prior, as if none had been imported; a policy that is deleted leaves none to its name."""
        async with self._turn:
            for known in await self.applied():
                await self._store.save_checkpoint(self._key(known.digest), b"")
            await self._store.write_fact(self._fact, "[]")

    async def read(self, digest: str) -> Prior:
        """A prior that is kept.

        Raises:
            PriorFault: what was kept of it is damaged or gone.
        """
        return decode_prior(await self._store.load_checkpoint(self._key(digest)) or b"")

    def _key(self, digest: str) -> str:
        return f"{self._pool}/prior/{digest}"
