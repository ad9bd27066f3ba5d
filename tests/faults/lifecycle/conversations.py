"""A caller of RouteStream from the first message to the status, and whether the server ended it in good order."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

import grpc

from atp_grpc.client.messages import RouteRequest
from atp_grpc.pb.atp.v1.route_service_pb2 import RouteStreamRequest
from atp_grpc.pb.atp.v1.stream_pb2 import StreamEndReason

HELLO = RouteStreamRequest(correlation_id="c", request=RouteRequest(prompt="hello"))
# Connections of their own, as callers on different machines have.
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)


@dataclass
class Conversation:
    """One stream of a caller who asks once, or again and again, until the server ends it."""

    is_busy: bool
    answers: int = 0
    last_sequence: int = -1
    reason: StreamEndReason = StreamEndReason.STREAM_END_REASON_UNSPECIFIED
    status: grpc.StatusCode | None = None

    async def hold(self, stream: Any) -> None:
        """Talks until the end."""
        # The stream may end under the caller's pen; what it ended with is read either way.
        with contextlib.suppress(asyncio.InvalidStateError, grpc.aio.AioRpcError):
            await stream.write(HELLO)
            while (message := await stream.read()) is not grpc.aio.EOF:
                if message.HasField("end"):
                    self.last_sequence, self.reason = message.end.last_sequence, message.end.reason
                    continue
                self.answers += 1
                if self.is_busy:
                    with contextlib.suppress(asyncio.InvalidStateError, grpc.aio.AioRpcError):
                        await stream.write(HELLO)
        self.status = await stream.code()

    def ended_well(self, reason: StreamEndReason) -> bool:
        """OK, for this reason, and with an answer to everything up to the position that was named."""
        return self.status is grpc.StatusCode.OK and self.reason == reason and self.answers == self.last_sequence
