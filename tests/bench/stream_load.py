"""Load on streams: each body on standard input is sent once, over a few pipelined streams.

A reply is counted by what it says: a result, or an acknowledgement of reports up to a position. A refusal ends the run,
and so does a stream that ends before everything was answered.

Usage: python -m tests.bench.stream_load PORT METHOD STREAMS WINDOW [CREDENTIAL] < FRAMES
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import grpc
import uvloop

from atp_grpc.pb.atp.v1 import observe_service_pb2 as observe_pb
from atp_grpc.pb.atp.v1 import route_service_pb2 as route_pb
from tests.bench.observe_load import bodies


async def drive(port: int, method: str, streams: int, window: int, credential: str, frames: bytes) -> None:
    """Sends everything and returns when all of it is answered."""
    metadata = (("authorization", f"Bearer {credential}"),) if credential else ()
    left = bodies(frames)

    async def caller(number: int) -> None:
        # Channels with different arguments do not share a connection.
        options = [("grpc.channel_id", number)]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
            call = channel.stream_stream(method)(metadata=metadata)
            await _converse(call, left, window, covered_by_ack if "Observe" in method else covered_by_result)

    await asyncio.gather(*(caller(number) for number in range(streams)))


async def _converse(call: Any, left: Iterator[bytes], window: int, covered: Any) -> None:
    room, sent, answered = asyncio.Semaphore(window), 0, 0

    async def send() -> None:
        nonlocal sent
        for body in left:
            await room.acquire()
            await call.write(body)
            sent += 1
        await call.done_writing()

    sending = asyncio.ensure_future(send())
    while (reply := await call.read()) is not grpc.aio.EOF:
        for _ in range(covered(reply, answered) - answered):
            answered += 1
            room.release()
    await sending
    if await call.code() is not grpc.StatusCode.OK or answered != sent:
        raise RuntimeError(f"{answered} of {sent} were answered; {await call.details()}")


def covered_by_result(reply: bytes, answered: int) -> int:
    """Up to which position a reply of RouteStream answers."""
    # The whole reply is not read: what a caller makes of it is no cost of the server, and this is its other core.
    if reply[:1] == b"\x0a":
        return answered + 1
    if route_pb.RouteStreamResponse.FromString(reply).WhichOneof("event") != "end":
        raise RuntimeError(str(reply))
    return answered


def covered_by_ack(reply: bytes, answered: int) -> int:
    """Up to which position a reply of ObserveStream answers."""
    event = observe_pb.ObserveStreamResponse.FromString(reply)
    if event.ack.failures:
        raise RuntimeError(str(event.ack.failures[0]))
    return event.ack.last_sequence or answered


if __name__ == "__main__":
    port, method, streams, window, *credential = sys.argv[1:]
    uvloop.run(drive(int(port), method, int(streams), int(window), "".join(credential), sys.stdin.buffer.read()))
