"""Answers kept in memory for who asks exactly the same again: same tenant, request, policy version and catalogue.

The story enters here for requests that opted in. Everything an answer depends on is in its key, the tenant first, so
another tenant, another revision of the catalogue or another version of the policy never finds it. It is bounded by
bytes, never waits, and is lost with the process.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from cachetools import Cache, LFUCache, LRUCache

from atp_grpc.asking.metering import size_of
from atp_grpc.domain.ask import AskRequest, Delta, FinishReason
from atp_grpc.domain.decision import Target
from atp_grpc.domain.policy import RoutingPolicy

LONGEST_LIVES: Final = 8
"""How many times its first time to live an answer that keeps being asked for may live."""
_ENTRY_BYTES: Final = 1024
"""What an entry takes beside its text: keys, tuples, and the cache's own books."""
_DELTA_BYTES: Final = 256
_DIGEST_BYTES: Final = 24


class Eviction(enum.StrEnum):
    """Which answer goes when room is needed."""

    LRU = "lru"
    """The one that was not asked for the longest."""
    LFU = "lfu"
    """The one that was asked for the least often."""


class Kept(NamedTuple):
    """An answer as it was given."""

    deltas: tuple[Delta, ...]
    target: Target
    finish_reason: FinishReason
    revision: str
    confidence: float | None

    @property
    def size(self) -> int:
        """Bytes it takes here, counted rather too high."""
        return _ENTRY_BYTES + sum(_DELTA_BYTES + size_of(one.text) + size_of(one.arguments) for one in self.deltas)


class _Entry:
    """An answer in the cache, until when it may serve, and how long it lives in all."""

    __slots__ = ("ends", "kept", "life", "size")

    def __init__(self, kept: Kept, size: int, now: float, life: float) -> None:
        self.kept = kept
        self.size = size
        self.life = life
        self.ends = now + life


class AnswerCache:
    """Answers by key. `hits`, `misses` and `evictions` only grow."""

    def __init__(self, *, most_bytes: int, seconds: float, eviction: Eviction, monotonic: Callable[[], float]) -> None:
        """`seconds` is the first time to live; each time an answer serves it doubles, up to eight times as long."""
        self.hits = self.misses = self.evictions = 0
        self._seconds = seconds
        self._monotonic = monotonic
        self._entries: Cache[bytes, _Entry] = _counted(eviction, most_bytes, self._evicted)

    @property
    def bytes_used(self) -> int:
        """Bytes of all answers together."""
        return int(self._entries.currsize)

    def read(self, key: bytes) -> Kept | None:
        """The answer, if there is one that may still serve."""
        entry, now = self._entries.get(key), self._monotonic()
        if entry is None or now >= entry.ends:
            if entry is not None:
                del self._entries[key]
            self.misses += 1
            return None
        self.hits += 1
        if entry.life < LONGEST_LIVES * self._seconds:
            # Counted from when it was given, so that no answer lives for ever by being asked for.
            entry.ends += entry.life
            entry.life *= 2
        return entry.kept

    def write(self, key: bytes, kept: Kept) -> None:
        """Keeps an answer, in place of the one before; one larger than the whole cache is not kept."""
        size = kept.size
        if size <= self._entries.maxsize:
            self._entries[key] = _Entry(kept, size, self._monotonic(), self._seconds)

    def _evicted(self) -> None:
        self.evictions += 1


def key_of(request: AskRequest, tenant: str, policy: RoutingPolicy, catalogue_revision: int) -> bytes:
    """A digest of everything that an answer depends on; labels, task, session and request id are none of it."""
    routing = request.routing
    constraints = routing.constraints
    told = (
        tenant,
        (policy.name, policy.version, catalogue_revision),
        request.prompt,
        routing.objective,
        tuple(sorted(constraints.required_capabilities)),
        tuple(sorted(constraints.allowed_models)),
        tuple(sorted(constraints.denied_models)),
        (constraints.max_cost_nano_usd, constraints.quality_floor, constraints.latency_slo_seconds),
        (constraints.region, constraints.data_scope),
    )
    # The values write themselves out with their kinds, and quote their texts, so no two requests look the same.
    return hashlib.blake2b(repr(told).encode(), digest_size=_DIGEST_BYTES).digest()


def _counted(eviction: Eviction, most_bytes: int, on_eviction: Callable[[], None]) -> Cache[bytes, _Entry]:
    """A cache that says when it makes room."""
    kind: type[Cache[bytes, _Entry]] = LRUCache if eviction is Eviction.LRU else LFUCache

    class Counted(kind):  # type: ignore[misc, valid-type]
        def popitem(self) -> Any:
            on_eviction()
            return super().popitem()

    return Counted(most_bytes, getsizeof=lambda entry: entry.size)
