"""Request ids that outlive the process: claimed on disk before anything is done, answered on disk before it is told.

`app` builds one over the store's keeper; `services` claims through the contract, on one event loop. What a process held
when it ended is never executed again: whoever asks with that id is refused until it expires. Only ids of calls under
way are kept in memory.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from atp_grpc.domain.claim import ClaimKeeper, ClaimKey, Full, Standing
from atp_grpc.domain.clock import NANOS_PER_SECOND, Clock
from atp_grpc.domain.errors import (
    RequestIdForgottenError,
    RequestIdReusedError,
    RequestIdsExhaustedError,
    StoreUnavailableError,
)
from atp_grpc.shared.contract import Replay
from atp_grpc.shared.line import Line

HELD_SECONDS = 86_400.0
"""How long an id stays refused whose execution a process did not survive: as long as the answers of the callers who
need their ids to last."""
IN_FLIGHT_RETRY_SECONDS = 1.0
"""When to come back if every id is held: none has an expiry yet, and calls end in seconds."""
STORE_RETRY_SECONDS = 1.0
HOLDER_BITS = 63


class _Held:
    """An id that a call holds, or asks the keeper for."""

    __slots__ = ("digest", "holder", "is_kept", "known", "line")

    def __init__(self, digest: bytes, holder: int) -> None:
        self.digest = digest
        self.holder = holder
        self.known = asyncio.Event()
        """Set when the keeper has answered, or failed to."""
        self.is_kept = False
        self.line: Line[DurableClaim] = Line()


class DurableClaim:
    """An id held by a call."""

    __slots__ = ("_claims", "_held", "_key", "_ttl_seconds")

    def __init__(self, claims: DurableClaims, key: ClaimKey, held: _Held, ttl_seconds: float) -> None:
        self._claims = claims
        self._key = key
        self._held: _Held | None = held
        self._ttl_seconds = ttl_seconds

    async def succeed(self, response: bytes, *, tombstone: str) -> None:
        """Keeps the answer durably and hands it to everyone who waits for it; see `Claim.succeed`.

        Raises:
            RuntimeError: the claim has ended before.
        """
        held = self._end()
        if held is None:
            raise RuntimeError("a claim ends once")
        await self._claims.answer(self._key, held, response, tombstone, self._ttl_seconds)

    def abandon(self) -> None:
        """Lets go of the id: whoever has waited longest executes, or the next call with it."""
        held = self._end()
        if held is not None:
            self._claims.pass_on(self._key, held)

    def forget(self) -> None:
        """Keeps the id without an answer; see `Claim.forget`. On disk it stands as claimed, as after a crash."""
        if (held := self._end()) is not None:
            self._claims.forget(self._key, held)

    def _end(self) -> _Held | None:
        held, self._held = self._held, None
        return held


class DurableClaims:
    """The claims contract over a keeper that outlives the process."""

    def __init__(
        self,
        clock: Clock,
        keeper: ClaimKeeper,
        *,
        ids_per_tenant: int,
        bytes_per_tenant: int,
        chance: random.Random,
        on_fault: Callable[[Exception], None],
    ) -> None:
        """Takes what it uses.

        Args:
            clock: its Unix time decides what has expired, since no other clock outlives a process.
            keeper: keeps the claims.
            ids_per_tenant: ids kept per tenant, those of calls under way included; beyond it new ids are refused.
            bytes_per_tenant: bytes of answers kept per tenant; beyond it the least recently used become tombstones.
            chance: names claims, so that none is taken for another.
            on_fault: hears why the keeper failed.

        Raises:
            ValueError: a limit that leaves no room.
        """
        if ids_per_tenant < 1 or bytes_per_tenant < 0:
            raise ValueError("there must be room for at least one id, and not less than no bytes")
        self._clock = clock
        self._keeper = keeper
        self._ids_per_tenant = ids_per_tenant
        self._bytes_per_tenant = bytes_per_tenant
        self._chance = chance
        self._on_fault = on_fault
        self._held: dict[ClaimKey, _Held] = {}

    async def claim(self, key: ClaimKey, digest: bytes, *, ttl_seconds: float) -> DurableClaim | Replay:
        """As the contract says; the claim is on disk when this returns."""
        while (other := self._held.get(key)) is not None:
            if other.digest != digest:
                raise RequestIdReusedError(key.request_id)
            if other.is_kept:
                return await other.line.wait(ttl_seconds)
            await other.known.wait()
        held = self._held[key] = _Held(digest, self._chance.getrandbits(HOLDER_BITS))
        try:
            found = await self._keep(key, held)
            held.is_kept = found is None
        except BaseException:
            # It may be on its way to the disk all the same.
            self._keeper.release(key, holder=held.holder)
            raise
        finally:
            held.known.set()
            if not held.is_kept:
                del self._held[key]
        return DurableClaim(self, key, held, ttl_seconds) if found is None else self._replay(key, digest, found)

    async def answer(self, key: ClaimKey, held: _Held, response: bytes, tombstone: str, ttl_seconds: float) -> None:
        """Ends a claim with an answer. For `DurableClaim` only."""
        now = self._clock.now_nanos()
        try:
            await self._keeper.answer(
                key,
                response,
                holder=held.holder,
                tombstone=tombstone,
                now_nanos=now,
                expires_nanos=now + round(ttl_seconds * NANOS_PER_SECOND),
                most_bytes=self._bytes_per_tenant,
            )
        except Exception as fault:  # noqa: BLE001 - whatever a keeper raises; the answer is known and was paid for
            self._on_fault(fault)
        finally:
            self._held.pop(key, None)
            held.line.answer(Replay(response))

    def forget(self, key: ClaimKey, held: _Held) -> None:
        """Ends a claim whose answer nobody will have. For `DurableClaim` only."""
        self._held.pop(key, None)
        held.line.refuse(lambda: RequestIdForgottenError(key.request_id, ""))

    def pass_on(self, key: ClaimKey, held: _Held) -> None:
        """Ends a claim without an answer. For `DurableClaim` only."""
        if not held.line.hand_on(lambda ttl_seconds: DurableClaim(self, key, held, ttl_seconds)):
            self._held.pop(key, None)
            self._keeper.release(key, holder=held.holder)

    async def _keep(self, key: ClaimKey, held: _Held) -> Standing | Full | None:
        now = self._clock.now_nanos()
        try:
            return await self._keeper.keep(
                key,
                held.digest,
                holder=held.holder,
                now_nanos=now,
                expires_nanos=now + round(HELD_SECONDS * NANOS_PER_SECOND),
                most_ids=self._ids_per_tenant,
            )
        except Exception as fault:  # noqa: BLE001 - whatever a keeper raises; nothing was executed
            self._on_fault(fault)
            raise StoreUnavailableError(STORE_RETRY_SECONDS) from None

    def _replay(self, key: ClaimKey, digest: bytes, found: Standing | Full) -> Replay:
        if isinstance(found, Full):
            seconds = IN_FLIGHT_RETRY_SECONDS
            if found.frees_nanos is not None:
                seconds = (found.frees_nanos - self._clock.now_nanos()) / NANOS_PER_SECOND
            raise RequestIdsExhaustedError(seconds)
        if found.digest != digest:
            raise RequestIdReusedError(key.request_id)
        if found.response is None:
            raise RequestIdForgottenError(key.request_id, found.tombstone)
        return Replay(found.response)
