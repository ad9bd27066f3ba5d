"""Server CPU of the streams against a bare grpcio echo of the same messages, in interleaved rounds.

Requests bring a vector of their own, in place of a text; reports are about decisions of their own, made before the
clock starts, and are durable before their acknowledgement. Load comes from `tests.bench.stream_load`.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import grpc

from atp_grpc.client.messages import Features
from atp_grpc.pb.atp.v1 import observe_service_pb2 as observe_pb
from atp_grpc.pb.atp.v1 import route_service_pb2 as pb
from tests.bench.messages import frame
from tests.bench.processes import LOAD_CORE, cpu_seconds, free_port, server
from tests.bench.server import ServerUnderTest, atp_server

ROUTE_STREAM, OBSERVE_STREAM = "/atp.v1.RouteService/RouteStream", "/atp.v1.ObserveService/ObserveStream"
ROUTE_BATCH = "/atp.v1.RouteService/RouteBatch"
ROUNDS, MESSAGES, WARM_MESSAGES, BATCH_SIZE = 5, 6_000, 3_000, 250
STREAMS, WINDOW = 8, 32
VECTOR = [0.5, 0.0, 1.0, 0.25, 0.125] * 3


def rows() -> list[dict[str, object]]:
    """`route.stream` and `observe.stream`, µs a message."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder)
        port = free_port()
        command = [sys.executable, "-m", "tests.bench.echo_server", str(port)]
        with atp_server(log) as atp, server(command, port, environment={}, log=log / "echo.log") as pid:
            echo = ServerUnderTest(pid, port, "", "")
            asked = [_request(number) for number in range(MESSAGES)]
            made = _reports(atp)
            bare, routed, observed = [], [], []
            for messages in [WARM_MESSAGES, *[MESSAGES] * ROUNDS]:
                reports = list(islice(made, messages))
                bare.append(_micros(echo, ROUTE_STREAM, asked[:messages]))
                routed.append(_micros(atp, ROUTE_STREAM, asked[:messages]))
                observed.append(_micros(atp, OBSERVE_STREAM, reports))
    del bare[0], routed[0], observed[0]
    return [_row("route.stream", routed, bare, atp.engine), _row("observe.stream", observed, bare, atp.engine)]


def _row(name: str, ours: Sequence[float], bare: Sequence[float], engine: str) -> dict[str, object]:
    return {
        "name": name,
        "value": statistics.median(ours),
        "unit": "us CPU per message",
        "baseline": "bare grpcio echo, bidi",
        "baseline_value": statistics.median(bare),
        "ratio": statistics.median(one / other for one, other in zip(ours, bare, strict=True)),
        "n": ROUNDS * MESSAGES,
        "command": f"make bench ONLY={name} (grpc.aio, {STREAMS} streams of {WINDOW}, engine {engine})",
    }


def _request(number: int) -> bytes:
    request = pb.RouteRequest(features=Features(schema_id="flags.v1", values=VECTOR), max_output_tokens=512)
    return pb.RouteStreamRequest(correlation_id=str(number), request=request).SerializeToString()


def _reports(atp: ServerUnderTest) -> Iterator[bytes]:
    """Reports without end, each about a fresh decision."""
    request = pb.RouteRequest(features=Features(schema_id="flags.v1", values=VECTOR), max_output_tokens=512)
    body = pb.RouteBatchRequest(requests=[request] * BATCH_SIZE).SerializeToString()
    metadata = (("authorization", f"Bearer {atp.credential}"),)
    with grpc.insecure_channel(f"127.0.0.1:{atp.port}") as channel:
        route = channel.unary_unary(ROUTE_BATCH, response_deserializer=pb.RouteBatchResponse.FromString)
        while True:
            for result in route(body, metadata=metadata, timeout=20).results:
                report = observe_pb.ObserveRequest(feedback_token=result.response.feedback_token, quality=0.75)
                yield observe_pb.ObserveStreamRequest(request=report).SerializeToString()


def _micros(target: ServerUnderTest, method: str, bodies: Sequence[bytes]) -> float:
    """Microseconds of server CPU per message."""
    command = [sys.executable, "-m", "tests.bench.stream_load", str(target.port), method, str(STREAMS), str(WINDOW)]
    before = cpu_seconds(target.pid)
    subprocess.run(
        ["taskset", "-c", LOAD_CORE, *command, target.credential],
        input=b"".join(map(frame, bodies)),
        check=True,
        timeout=300,
    )
    return (cpu_seconds(target.pid) - before) / len(bodies) * 1e6
