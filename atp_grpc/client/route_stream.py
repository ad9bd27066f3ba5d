"""RouteStream for Python callers: many requests on their way at once, each with its own decision or error.

`AtpClient.route_stream` opens one. It hides positions, windows and the ends of streams, and decides nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from atp_grpc.client.errors import AtpCallError, refusal
from atp_grpc.client.naming import RequestIds, named
from atp_grpc.client.resending import ResendingStream
from atp_grpc.pb.atp.v1 import route_service_pb2 as pb


class RouteDialect:
    """Each result answers the next request."""

    def answers(self, event: pb.RouteStreamResponse, _answered: int) -> Sequence[pb.RouteResponse | AtpCallError]:
        """One decision, or why there is none."""
        result = event.result
        return (refusal(result.error) if result.HasField("error") else result.response,)

    def is_end(self, event: pb.RouteStreamResponse) -> bool:
        """Whether it is a StreamEnd."""
        return event.HasField("end")


class RouteStream:
    """An open stream of requests. Tasks of one event loop may share it."""

    def __init__(
        self, stream: ResendingStream[pb.RouteStreamRequest, pb.RouteResponse], request_ids: RequestIds | None
    ) -> None:
        self._stream = stream
        self._request_ids = request_ids

    @classmethod
    @asynccontextmanager
    async def open(
        cls, open_call: Callable[[], Any], *, request_ids: RequestIds | None, window: int, deadline_seconds: float
    ) -> AsyncIterator[Self]:
        """Opens a stream; `open_call` starts a call of it."""
        stream: ResendingStream[pb.RouteStreamRequest, pb.RouteResponse] = ResendingStream(
            open_call, RouteDialect(), window=window, deadline_seconds=deadline_seconds
        )
        async with stream.carrying():
            yield cls(stream, request_ids)

    async def route(self, request: pb.RouteRequest) -> pb.RouteResponse:
        """Decides for one request. Call it from many tasks to have many on their way.

        Raises:
            AtpCallError: refused, as a unary call would be, or not answered within the deadline.
        """
        return await (await self.submit(request))

    async def submit(self, request: pb.RouteRequest) -> asyncio.Future[pb.RouteResponse]:
        """Puts a request on its way, once there is room in the window; the future is what `route` would give."""
        if self._request_ids is not None:
            request = named(request, self._request_ids)
        return await self._stream.submit(pb.RouteStreamRequest(request=request))
