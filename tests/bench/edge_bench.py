"""The door alone, without a transport: a call arrives, a handler answers a constant, and the call has its sample.

In a loop of its own, so with warm caches; in a server the same takes about twice as long.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from atp_grpc.domain.call import Call
from atp_grpc.domain.tenant import Permission
from atp_grpc.pb.atp.v1 import route_service_pb2 as pb
from atp_grpc.telemetry.spans import Ended
from atp_grpc.transport.method import Kind, Method
from tests.rpc.door.probe import AS_ACME, open_door

ROUNDS, CALLS, WARM_CALLS = 5, 20_000, 2_000
KEPT_SPANS = 1_000


def rows() -> list[dict[str, object]]:
    """`edge` (no traces) and `edge.traced` (every call, the exporter not counted), µs of the loop's thread."""
    waiting: deque[Ended] = deque(maxlen=KEPT_SPANS)
    without = asyncio.run(_micros(None))
    traced = asyncio.run(_micros(waiting.append))
    return [_row("edge", without, without), _row("edge.traced", traced, without)]


async def _micros(put_span: Callable[[Ended], None] | None) -> float:
    """The best of some rounds."""
    async with open_door(success_logs_per_second=0.0, put_span=put_span) as door:
        row = door.edge.row(
            Method(
                service="atp.v1.RouteService",
                name="Route",
                kind=Kind.UNARY,
                request_class=pb.RouteRequest,
                response_class=pb.RouteResponse,
                handler=_answer,
                permission=Permission.ROUTE,
                max_message_bytes=1_048_576,
                takes_bytes=True,
            )
        )
        metadata = (*AS_ACME, ("user-agent", "bench"))

        async def drive(calls: int) -> float:
            started = time.thread_time()
            for _ in range(calls):
                await row.serve(row.arrive(metadata), b"request", 10.0, str)
            return (time.thread_time() - started) / calls * 1e6

        await drive(WARM_CALLS)
        return min([await drive(CALLS) for _ in range(ROUNDS)])


async def _answer(_payload: bytes, _call: Call) -> bytes:
    return b"reply"


def _row(name: str, micros: float, without: float) -> dict[str, object]:
    return {
        "name": name,
        "value": micros,
        "unit": "us CPU per call",
        "baseline": "the same without traces",
        "baseline_value": without,
        "ratio": micros / without,
        "n": ROUNDS * CALLS,
        "command": "make bench ONLY=edge",
    }
