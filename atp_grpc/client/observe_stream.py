"""ObserveStream for Python callers: reports one after the other, each durable or refused by itself.

`AtpClient.observe_stream` opens one. It hides positions, windows, cumulative acknowledgements and the ends of streams.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from atp_grpc.client.errors import AtpCallError, refusal
from atp_grpc.client.resending import ResendingStream
from atp_grpc.pb.atp.v1 import observe_service_pb2 as pb


class ObserveDialect:
    """An acknowledgement answers every report up to its position, and names those that were refused."""

    def answers(self, event: pb.ObserveStreamResponse, answered: int) -> Sequence[AtpCallError | None]:
        """None for a report that is durable."""
        refused = {failure.sequence: failure.error for failure in event.ack.failures}
        return [
            refusal(refused[sequence]) if sequence in refused else None
            for sequence in range(answered + 1, event.ack.last_sequence + 1)
        ]

    def is_end(self, event: pb.ObserveStreamResponse) -> bool:
        """Whether it is a StreamEnd."""
        return event.HasField("end")


class ObserveStream:
    """An open stream of reports. Tasks of one event loop may share it."""

    def __init__(self, stream: ResendingStream[pb.ObserveStreamRequest, None]) -> None:
        self._stream = stream

    @classmethod
    @asynccontextmanager
    async def open(cls, open_call: Callable[[], Any], *, window: int, deadline_seconds: float) -> AsyncIterator[Self]:
        """Opens a stream; `open_call` starts a call of it."""
        stream: ResendingStream[pb.ObserveStreamRequest, None] = ResendingStream(
            open_call, ObserveDialect(), window=window, deadline_seconds=deadline_seconds
        )
        async with stream.carrying():
            yield cls(stream)

    async def observe(self, report: pb.ObserveRequest) -> None:
        """Reports what a decision led to. When it returns, the report is durable and will be learned once.

        Raises:
            AtpCallError: refused, as a unary call would be, or not acknowledged within the deadline.
        """
        await (await self.submit(report))

    async def submit(self, report: pb.ObserveRequest) -> asyncio.Future[None]:
        """Puts a report on its way, once there is room in the window; the future ends when `observe` would return."""
        return await self._stream.submit(pb.ObserveStreamRequest(request=report))
