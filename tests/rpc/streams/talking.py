"""Raw streams for tests: what a caller with nothing but the stubs would send and see."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from atp_grpc.client.messages import ObserveRequest, RouteRequest
from atp_grpc.pb.atp.v1 import observe_service_pb2 as observe_pb
from atp_grpc.pb.atp.v1 import route_service_pb2 as route_pb
from atp_grpc.pb.atp.v1 import stream_pb2

ROUTE_STREAM, OBSERVE_STREAM = "/atp.v1.RouteService/RouteStream", "/atp.v1.ObserveService/ObserveStream"
EVENTS = {ROUTE_STREAM: route_pb.RouteStreamResponse, OBSERVE_STREAM: observe_pb.ObserveStreamResponse}


@dataclass(frozen=True)
class Heard:
    """A stream from its first event to its status."""

    events: list[Any]
    end: stream_pb2.StreamEnd | None
    code: grpc.StatusCode
    details: str
    trailers: dict[str, Any]


class Talk:
    """One open stream. Messages are bytes, so that a test may send anything."""

    def __init__(self, call: Any, path: str) -> None:
        self.call = call
        self._event = EVENTS[path]
        # Not `read`: after a write that failed, it keeps back what has come.
        self._coming: AsyncIterator[bytes] = aiter(call)

    async def send(self, *messages: bytes) -> None:
        """Sends messages; a call that is over takes none, and its reader learns why."""
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            for message in messages:
                await self.call.write(message)

    async def read(self) -> Any:
        """The next event, or None at the end."""
        payload = await anext(self._coming, None)
        return None if payload is None else self._event.FromString(payload)

    async def read_bytes(self) -> bytes | None:
        """The next message as it came, or None at the end."""
        return await anext(self._coming, None)

    async def hear(self, count: int) -> list[Any]:
        return [await self.read() for _ in range(count)]

    async def to_the_end(self, note: Callable[[Any], object] = bool) -> Heard:
        """Everything that still comes, and how the stream ended; `note` hears of each event as it comes."""
        events: list[Any] = []
        end = None
        try:
            while (event := await self.read()) is not None:
                assert end is None, "something came after the end"
                if event.HasField("end"):
                    end = event.end
                    await self.call.done_writing()
                else:
                    events.append(event)
                    note(event)
        except grpc.aio.AioRpcError:
            pass
        trailers = dict(await self.call.trailing_metadata() or ())
        return Heard(events, end, await self.call.code(), await self.call.details() or "", trailers)

    async def finish(self) -> Heard:
        """Ends the caller's side, and hears the rest."""
        await self.call.done_writing()
        return await self.to_the_end()

    async def say_and_finish(self, messages: Sequence[bytes]) -> Heard:
        """Sends everything while it listens, as a caller with much to say must."""
        hearing = asyncio.ensure_future(self.to_the_end())
        await self.send(*messages)
        await self.call.done_writing()
        return await hearing


@asynccontextmanager
async def channel_to(target: str) -> AsyncIterator[grpc.aio.Channel]:
    """A channel that shares no connection with any other."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        yield channel


def talk(channel: grpc.aio.Channel, path: str, credential: str, *, timeout: float | None = None) -> Talk:
    """Opens a stream."""
    metadata = (("authorization", f"Bearer {credential}"),) if credential else ()
    return Talk(channel.stream_stream(path)(metadata=metadata, timeout=timeout), path)


def asking(request: RouteRequest | None = None, *, correlation_id: str = "") -> bytes:
    """One message of RouteStream."""
    return route_pb.RouteStreamRequest(
        correlation_id=correlation_id, request=RouteRequest(prompt="What is 2 + 2?") if request is None else request
    ).SerializeToString()


def reporting(token: bytes, quality: float = 0.5) -> bytes:
    """One message of ObserveStream."""
    report = ObserveRequest(feedback_token=token, quality=quality)
    return observe_pb.ObserveStreamRequest(request=report).SerializeToString()
