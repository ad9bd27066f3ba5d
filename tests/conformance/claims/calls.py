"""Short words for what the tests of claims do over and over."""

from __future__ import annotations

import random

from atp_grpc.domain.claim import ClaimKeeper, ClaimKey
from atp_grpc.domain.clock import Clock
from atp_grpc.shared.contract import Claim, Claims, Replay
from atp_grpc.shared.durable import DurableClaims

ROUTE = "/atp.v1.RouteService/Route"
BODY = b"digest of a body"


def key(request_id: str = "id-1", *, tenant: str = "acme", method: str = ROUTE) -> ClaimKey:
    return ClaimKey(tenant, method, request_id)


async def claimed(claims: Claims, what: ClaimKey, *, digest: bytes = BODY, ttl_seconds: float = 600) -> Claim:
    """Claims an id that must be free."""
    claim = await claims.claim(what, digest, ttl_seconds=ttl_seconds)
    assert not isinstance(claim, Replay)
    return claim


async def serve(
    claims: Claims,
    what: ClaimKey,
    response: bytes = b"answer",
    *,
    tombstone: str = "decision-1",
    ttl_seconds: float = 600,
) -> None:
    """A whole call: claims a free id and answers it."""
    await (await claimed(claims, what, ttl_seconds=ttl_seconds)).succeed(response, tombstone=tombstone)


async def replayed(claims: Claims, what: ClaimKey, *, digest: bytes = BODY) -> bytes:
    """The answer that an id was given before."""
    replay = await claims.claim(what, digest, ttl_seconds=600)
    assert isinstance(replay, Replay)
    return replay.response


def durable(clock: Clock, keeper: ClaimKeeper, *, ids_per_tenant: int, bytes_per_tenant: int) -> DurableClaims:
    """Durable claims whose keeper must not fail."""

    def fail(fault: Exception) -> None:
        raise AssertionError from fault

    return DurableClaims(
        clock,
        keeper,
        ids_per_tenant=ids_per_tenant,
        bytes_per_tenant=bytes_per_tenant,
        chance=random.Random(7),
        on_fault=fail,
    )
