"""A request id is executed once: the claim that services put around a story.

The digest is taken of the message as it stands without its id, serialised deterministically, so that a retry is
recognised and another request under the same id is refused. It never stores a failure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

from google.protobuf.message import Message

from atp_grpc.domain.claim import ClaimKey
from atp_grpc.shared.contract import Claims, Replay


class Idempotency:
    """Executes a story once per (tenant, method, request id)."""

    def __init__(self, claims: Claims, *, ttl_seconds: float) -> None:
        self._claims = claims
        self._ttl_seconds = ttl_seconds

    async def once(self, request: Message, key: ClaimKey, *, execute: Callable[[], tuple[bytes, str]]) -> bytes:
        """The story's answer, from this execution or from the first one under the same id.

        Without an id the story is simply executed. `execute` must not wait: the claim is held while it runs. It gives
        the answer and a name that outlives the answer when memory is short.

        Raises:
            RequestIdReusedError, RequestIdForgottenError, RequestIdsExhaustedError: see `shared.contract.Claims`.
        """
        if not key.request_id:
            return execute()[0]

        async def executed() -> tuple[bytes, str]:
            return execute()

        return await self.once_done(request, key, work=executed)

    async def once_done(
        self, request: Message, key: ClaimKey, *, work: Callable[[], Awaitable[tuple[bytes, str]]]
    ) -> bytes:
        """The same for a story that waits; who comes with the same id meanwhile waits for its answer.

        Raises:
            RequestIdReusedError, RequestIdForgottenError, RequestIdsExhaustedError: see `shared.contract.Claims`.
        """
        if not key.request_id:
            return (await work())[0]
        claim = await self._claims.claim(key, _digest(request), ttl_seconds=self._ttl_seconds)
        if isinstance(claim, Replay):
            return claim.response
        try:
            answer, tombstone = await work()
            await claim.succeed(answer, tombstone=tombstone)
        finally:
            claim.abandon()
        return answer


def _digest(request: Message) -> bytes:
    copy = type(request)()
    copy.CopyFrom(request)
    copy.ClearField("request_id")
    return hashlib.sha256(copy.SerializeToString(deterministic=True)).digest()
