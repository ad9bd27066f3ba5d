"""Load of calls that are all different: each body on standard input is sent once, so many in flight.

`h2load` sends one body over and over, and a report that is sent again records nothing. A batch whose answer holds an
error ends the run.

Usage: python -m tests.bench.observe_load PORT METHOD IN_FLIGHT [CREDENTIAL] < FRAMES
"""

from __future__ import annotations

import asyncio
import struct
import sys
from collections.abc import Iterator

import grpc
import uvloop

from atp_grpc.pb.atp.v1 import observe_service_pb2 as pb

CONNECTIONS = 8


def bodies(frames: bytes) -> Iterator[bytes]:
    """What `tests.bench.messages.frame` put together."""
    at = 0
    while at < len(frames):
        _, length = struct.unpack_from(">BI", frames, at)
        at += 5 + length
        yield frames[at - length : at]


async def drive(port: int, method: str, in_flight: int, credential: str, frames: bytes) -> None:
    """Makes every call once; raises for the first that fails."""
    metadata = (("authorization", f"Bearer {credential}"),) if credential else ()
    left = bodies(frames)

    async def caller(number: int) -> None:
        # Channels with different arguments do not share a connection.
        options = [("grpc.channel_id", number % CONNECTIONS)]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
            call = channel.unary_unary(method)
            for body in left:
                reply = await call(body, metadata=metadata)
                if method.endswith("Batch"):
                    refused = [
                        one.error for one in pb.ObserveBatchResponse.FromString(reply).results if one.HasField("error")
                    ]
                    if refused:
                        raise RuntimeError(str(refused[0]))

    await asyncio.gather(*(caller(number) for number in range(in_flight)))


if __name__ == "__main__":
    uvloop.run(drive(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), "".join(sys.argv[4:]), sys.stdin.buffer.read()))
