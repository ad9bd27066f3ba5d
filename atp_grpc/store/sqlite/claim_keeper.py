"""The keeper of claims on a SQLite file: claims and answers that come at the same time share a commit.

`SqliteStore` has one. It never runs SQL on the event loop.
"""

from __future__ import annotations

from atp_grpc.domain.claim import ClaimKey, Full, Standing
from atp_grpc.store.sqlite import claims
from atp_grpc.store.sqlite.group_commit import GroupCommit


class SqliteClaims:
    """`ClaimKeeper` of a SQLite store."""

    def __init__(self, group: GroupCommit) -> None:
        self._group = group

    async def keep(
        self, key: ClaimKey, digest: bytes, *, holder: int, now_nanos: int, expires_nanos: int, most_ids: int
    ) -> Standing | Full | None:
        """As the contract says.

        Raises:
            StoreFailure: it is not certain that the claim is kept.
        """
        return await self._group.do(
            lambda connection: claims.keep(
                connection,
                key,
                digest,
                holder=holder,
                now_nanos=now_nanos,
                expires_nanos=expires_nanos,
                most_ids=most_ids,
            )
        )

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
        """As the contract says.

        Raises:
            StoreFailure: it is not certain that the answer is kept.
        """
        await self._group.do(
            lambda connection: claims.answer(
                connection,
                key,
                response,
                holder=holder,
                tombstone=tombstone,
                now_nanos=now_nanos,
                expires_nanos=expires_nanos,
                most_bytes=most_bytes,
            )
        )

    def release(self, key: ClaimKey, *, holder: int) -> None:
        """As the contract says."""
        self._group.later(lambda connection: claims.release(connection, key, holder=holder))
