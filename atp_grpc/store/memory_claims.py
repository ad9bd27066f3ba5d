"""The keeper of claims in dictionaries: claims that last as long as their process.

`MemoryStore` has one. It never waits, and never writes a file.
"""

from __future__ import annotations

from collections import OrderedDict

from atp_grpc.domain.claim import ClaimKey, Full, Standing


class _Entry:
    """What is kept of one id."""

    __slots__ = ("digest", "expires_nanos", "holder", "is_answered", "response", "tombstone")

    def __init__(self, digest: bytes, holder: int, expires_nanos: int) -> None:
        self.digest = digest
        self.holder = holder
        self.expires_nanos = expires_nanos
        self.is_answered = False
        self.tombstone = ""
        self.response: bytes | None = None


class MemoryClaims:
    """`ClaimKeeper` of a store in memory; durable means until the process ends."""

    def __init__(self) -> None:
        self._tenants: dict[str, OrderedDict[ClaimKey, _Entry]] = {}
        """Each tenant's, in the order of their use."""

    async def keep(
        self, key: ClaimKey, digest: bytes, *, holder: int, now_nanos: int, expires_nanos: int, most_ids: int
    ) -> Standing | Full | None:
        """As the contract says."""
        entries = self._tenants.setdefault(key.tenant, OrderedDict())
        found = entries.get(key)
        if found is not None and found.expires_nanos > now_nanos:
            if found.response is not None and found.digest == digest:
                entries.move_to_end(key)
            return Standing(found.digest, found.response, found.tombstone)
        if len(entries) >= most_ids:
            _drop_expired(entries, now_nanos)
        if len(entries) >= most_ids:
            return Full(min([one.expires_nanos for one in entries.values() if one.is_answered], default=None))
        entries[key] = _Entry(digest, holder, expires_nanos)
        return None

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
        """As the contract says."""
        entries = self._tenants.get(key.tenant, OrderedDict())
        entry = entries.get(key)
        if entry is None or entry.holder != holder or entry.is_answered:
            return
        if _size(entries) + len(response) > most_bytes:
            # What has expired makes room before anything alive does.
            _drop_expired(entries, now_nanos)
        entry.is_answered, entry.response, entry.tombstone = True, response, tombstone
        entry.expires_nanos = expires_nanos
        entries.move_to_end(key)
        over = _size(entries) - most_bytes
        for oldest in entries.values():
            if over <= 0:
                break
            over -= len(oldest.response or b"")
            oldest.response = None

    def release(self, key: ClaimKey, *, holder: int) -> None:
        """As the contract says."""
        entries = self._tenants.get(key.tenant, OrderedDict())
        entry = entries.get(key)
        if entry is not None and entry.holder == holder and not entry.is_answered:
            del entries[key]


def _size(entries: OrderedDict[ClaimKey, _Entry]) -> int:
    """Bytes of the answers that are kept."""
    return sum([len(one.response or b"") for one in entries.values()])


def _drop_expired(entries: OrderedDict[ClaimKey, _Entry], now_nanos: int) -> None:
    for key in [key for key, entry in entries.items() if entry.expires_nanos <= now_nanos]:
        del entries[key]
