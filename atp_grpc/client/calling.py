"""What every call of the client kit has in common: the credential, the caller's trace, a deadline, a typed error.

The classes that `AtpClient` is made of enter here. It never retries and never changes a request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc

from atp_grpc.client.credentials import authorization
from atp_grpc.client.errors import call_error
from atp_grpc.client.tracing import trace_metadata

Answer = TypeVar("Answer")
Metadata = tuple[tuple[str, str], ...]


class CallingClient:
    """Makes calls."""

    def __init__(self, *, credential: str, deadline_seconds: float) -> None:
        self._credential = authorization(credential)
        self._deadline_seconds = deadline_seconds

    @property
    def _metadata(self) -> Metadata:
        """What a call carries beside its request."""
        return (*self._credential, *trace_metadata())

    async def _call(
        self,
        method: Callable[..., Awaitable[Answer]],
        request: object,
        deadline_seconds: float | None,
        *,
        metadata: Metadata | None = None,
    ) -> Answer:
        try:
            return await method(
                request,
                timeout=self._deadline_seconds if deadline_seconds is None else deadline_seconds,
                metadata=self._metadata if metadata is None else metadata,
            )
        except grpc.aio.AioRpcError as error:
            raise call_error(error) from None
