"""Short words for what the tests of claims do over and over."""

from __future__ import annotations

from atp_grpc.shared.contract import Claim, ClaimKey, Claims, Replay

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
    (await claimed(claims, what, ttl_seconds=ttl_seconds)).succeed(response, tombstone=tombstone)


async def replayed(claims: Claims, what: ClaimKey, *, digest: bytes = BODY) -> bytes:
    """The answer that an id was given before."""
    replay = await claims.claim(what, digest, ttl_seconds=600)
    assert isinstance(replay, Replay)
    return replay.response
