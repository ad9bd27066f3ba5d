"""Request ids of one process, kept in memory: each is executed once, and its answer can be had again.

`app` builds one `LocalClaims`; `services` claims through the contract, on one event loop. It never stores a failure,
never executes an id twice while it is remembered, and one tenant never takes room from another.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict

from atp_grpc.domain.claim import ClaimKey
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.errors import RequestIdForgottenError, RequestIdReusedError, RequestIdsExhaustedError
from atp_grpc.shared.contract import Replay
from atp_grpc.shared.line import Line

IN_FLIGHT_RETRY_SECONDS = 1.0
"""When to come back if every id is held by a call under way: none has an expiry yet, and calls end in seconds."""
SWEEP = 4
"""Expired ids dropped per claim: more than one claim can add, so that full memory holds nothing expired."""

_Id = tuple[str, str]  # method, request id


class _Entry:
    """What is known of an id: held by a call, or answered until `expires` with a body that may have been evicted."""

    __slots__ = ("digest", "expires", "is_held", "line", "response", "tombstone")

    def __init__(self, digest: bytes) -> None:
        self.digest = digest
        self.is_held = True
        self.line: Line[LocalClaim] = Line()
        self.response: bytes | None = None
        self.tombstone = ""
        self.expires = 0.0


class _Tenant:
    """One tenant's ids. `bodies` are those whose answer is kept, least recently used first."""

    __slots__ = ("bodies", "body_bytes", "entries", "expiries", "pushed")

    def __init__(self) -> None:
        self.entries: dict[_Id, _Entry] = {}
        self.bodies: OrderedDict[_Id, _Entry] = OrderedDict()
        self.body_bytes = 0
        # Sorted by moment; the counter decides ties so that entries are never compared.
        self.expiries: list[tuple[float, int, _Id, _Entry]] = []
        self.pushed = 0

    def sweep(self, now: float) -> bool:
        """Drops a few expired ids. Returns whether there may be more."""
        for _ in range(SWEEP):
            if not self.expiries or self.expiries[0][0] > now:
                return False
            _, _, identifier, entry = heapq.heappop(self.expiries)
            # Looked up after it expired, the id may stand for a new call by now.
            if self.entries.get(identifier) is entry:
                self.drop(identifier, entry)
        return True

    def drop(self, identifier: _Id, entry: _Entry) -> None:
        del self.entries[identifier]
        self.evict(identifier, entry)

    def evict(self, identifier: _Id, entry: _Entry) -> None:
        """Lets go of the answer's body, if it is kept; the id stays as a tombstone."""
        if entry.response is not None:
            del self.bodies[identifier]
            self.body_bytes -= len(entry.response)
            entry.response = None

    def retry_after_seconds(self, now: float) -> float:
        """Time until the first id expires."""
        return self.expiries[0][0] - now if self.expiries else IN_FLIGHT_RETRY_SECONDS


class LocalClaim:
    """An id held by a call."""

    __slots__ = ("_claims", "_entry", "_identifier", "_tenant", "_ttl_seconds")

    def __init__(
        self, claims: LocalClaims, tenant: _Tenant, identifier: _Id, entry: _Entry, ttl_seconds: float
    ) -> None:
        self._claims = claims
        self._tenant = tenant
        self._identifier = identifier
        self._entry: _Entry | None = entry
        self._ttl_seconds = ttl_seconds

    async def succeed(self, response: bytes, *, tombstone: str) -> None:
        """Keeps the answer, without waiting, for the claim's time to live and hands it to everyone who waits for it.

        Raises:
            RuntimeError: the claim has ended before.
        """
        entry = self._end()
        if entry is None:
            raise RuntimeError("a claim ends once")
        self._claims.keep(self._tenant, self._identifier, entry, response, tombstone, self._ttl_seconds)

    def abandon(self) -> None:
        """Lets go of the id: whoever has waited longest executes, or the next call with it."""
        entry = self._end()
        if entry is not None:
            self._claims.pass_on(self._tenant, self._identifier, entry)

    def forget(self) -> None:
        """Keeps the id without an answer; see `Claim.forget`."""
        entry = self._end()
        if entry is not None:
            self._claims.forget(self._tenant, self._identifier, entry, self._ttl_seconds)

    def _end(self) -> _Entry | None:
        entry, self._entry = self._entry, None
        return entry


class LocalClaims:
    """The claims contract for a single process and a single event loop.

    Args:
        clock: its monotonic reading decides what has expired.
        ids_per_tenant: ids remembered per tenant, those of calls under way included; beyond it new ids are refused.
        bytes_per_tenant: bytes of answers kept per tenant; beyond it the least recently used become tombstones.

    Raises:
        ValueError: a limit that leaves no room.
    """

    def __init__(self, clock: Clock, ids_per_tenant: int, bytes_per_tenant: int) -> None:
        if ids_per_tenant < 1 or bytes_per_tenant < 0:
            raise ValueError("there must be room for at least one id, and not less than no bytes")
        self._clock = clock
        self._ids_per_tenant = ids_per_tenant
        self._bytes_per_tenant = bytes_per_tenant
        self._tenants: dict[str, _Tenant] = {}

    async def claim(self, key: ClaimKey, digest: bytes, *, ttl_seconds: float) -> LocalClaim | Replay:
        """As the contract says; nothing is awaited unless another call holds the id."""
        tenant = self._tenants.get(key.tenant)
        if tenant is None:
            tenant = self._tenants[key.tenant] = _Tenant()
        now = self._clock.monotonic()
        tenant.sweep(now)
        identifier = (key.method, key.request_id)
        entry = tenant.entries.get(identifier)
        if entry is not None and not entry.is_held and entry.expires <= now:
            tenant.drop(identifier, entry)
            entry = None
        if entry is None:
            if len(tenant.entries) >= self._ids_per_tenant:
                raise RequestIdsExhaustedError(tenant.retry_after_seconds(now))
            entry = tenant.entries[identifier] = _Entry(digest)
            return LocalClaim(self, tenant, identifier, entry, ttl_seconds)
        if entry.digest != digest:
            raise RequestIdReusedError(key.request_id)
        if entry.is_held:
            return await entry.line.wait(ttl_seconds)
        if entry.response is None:
            raise RequestIdForgottenError(key.request_id, entry.tombstone)
        tenant.bodies.move_to_end(identifier)
        return Replay(entry.response)

    def keep(
        self, tenant: _Tenant, identifier: _Id, entry: _Entry, response: bytes, tombstone: str, ttl_seconds: float
    ) -> None:
        """Ends a claim with an answer. For `LocalClaim` only."""
        now = self._clock.monotonic()
        # What has expired makes room before anything alive does.
        while tenant.body_bytes + len(response) > self._bytes_per_tenant and tenant.sweep(now):
            pass
        entry.response = response
        entry.tombstone = tombstone
        self._expire(tenant, identifier, entry, now + ttl_seconds)
        tenant.bodies[identifier] = entry
        tenant.body_bytes += len(response)
        while tenant.body_bytes > self._bytes_per_tenant:
            oldest = next(iter(tenant.bodies))
            tenant.evict(oldest, tenant.bodies[oldest])
        entry.line.answer(Replay(response))

    def forget(self, tenant: _Tenant, identifier: _Id, entry: _Entry, ttl_seconds: float) -> None:
        """Ends a claim whose answer nobody will have. For `LocalClaim` only."""
        self._expire(tenant, identifier, entry, self._clock.monotonic() + ttl_seconds)
        entry.line.refuse(lambda: RequestIdForgottenError(identifier[1], entry.tombstone))

    def pass_on(self, tenant: _Tenant, identifier: _Id, entry: _Entry) -> None:
        """Ends a claim without an answer. For `LocalClaim` only."""
        if not entry.line.hand_on(lambda ttl: LocalClaim(self, tenant, identifier, entry, ttl)):
            del tenant.entries[identifier]

    @staticmethod
    def _expire(tenant: _Tenant, identifier: _Id, entry: _Entry, moment: float) -> None:
        """Nobody holds the id any more; it is remembered until a moment."""
        entry.is_held = False
        entry.expires = moment
        tenant.pushed += 1
        heapq.heappush(tenant.expiries, (moment, tenant.pushed, identifier, entry))
