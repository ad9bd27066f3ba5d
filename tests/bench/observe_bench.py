"""Server CPU of Observe against a bare grpcio echo of the same messages, in interleaved rounds.

Every report is about a decision of its own, made by a real Route before the clock starts, and is durable in SQLite
before its reply: a quality and one attempt with its bill and its latency. Load comes from `tests.bench.observe_load`,
because no two calls may be alike.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import grpc

from atp_grpc.pb.atp.v1 import observe_service_pb2 as pb
from atp_grpc.pb.atp.v1 import route_service_pb2 as route_pb
from tests.bench.messages import PROMPT, frame
from tests.bench.processes import LOAD_CORE, cpu_seconds, free_port, server
from tests.bench.server import ServerUnderTest, atp_server

OBSERVE, OBSERVE_BATCH = "/atp.v1.ObserveService/Observe", "/atp.v1.ObserveService/ObserveBatch"
ROUTE_BATCH = "/atp.v1.RouteService/RouteBatch"
ROUNDS, CALLS, WARM_CALLS = 5, 3_000, 1_000
BATCH_CALLS, BATCH_SIZE = 60, 100
UNARY_IN_FLIGHT, BATCHES_IN_FLIGHT = 64, 4
IDLE_CPU_SECONDS = 0.02


def rows() -> list[dict[str, object]]:
    """`observe.unary` (ratio to the echo) and `observe.batch100` (µs per item)."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder)
        port = free_port()
        command = [sys.executable, "-m", "tests.bench.echo_server", str(port)]
        with atp_server(log) as atp, server(command, port, environment={}, log=log / "echo.log") as pid:
            echo = ServerUnderTest(pid, port, "", "")
            made = _reports(atp)
            warm = _unary(made, WARM_CALLS), _batches(made, WARM_CALLS // BATCH_SIZE)
            rounds = [(_unary(made, CALLS), _batches(made, BATCH_CALLS)) for _ in range(ROUNDS)]
            _wait_until_idle(atp.pid)
            bare, unary, batch = [], [], []
            for reports, batches in [warm, *rounds]:
                # The echo gets the same messages; it does not mind that they are for somebody else.
                bare.append(_micros(echo, OBSERVE, reports, UNARY_IN_FLIGHT))
                unary.append(_micros(atp, OBSERVE, reports, UNARY_IN_FLIGHT))
                batch.append(_micros(atp, OBSERVE_BATCH, batches, BATCHES_IN_FLIGHT) / BATCH_SIZE)
    del bare[0], unary[0], batch[0]
    note = f"make bench ONLY=observe. (grpc.aio, {UNARY_IN_FLIGHT} in flight, engine {atp.engine})"
    baseline = statistics.median(bare)
    return [
        {
            "name": "observe.unary",
            "value": statistics.median(unary),
            "unit": "us CPU per call",
            "baseline": "bare grpcio echo",
            "baseline_value": baseline,
            "ratio": statistics.median(ours / theirs for ours, theirs in zip(unary, bare, strict=True)),
            "n": ROUNDS * CALLS,
            "command": note,
        },
        {
            "name": "observe.batch100",
            "value": statistics.median(batch),
            "unit": "us CPU per item",
            "baseline": "bare grpcio echo, unary",
            "baseline_value": baseline,
            "ratio": statistics.median(batch) / baseline,
            "n": ROUNDS * BATCH_CALLS * BATCH_SIZE,
            "command": note,
        },
    ]


def _reports(atp: ServerUnderTest) -> Iterator[pb.ObserveRequest]:
    """Reports without end, each about a fresh decision."""
    body = route_pb.RouteBatchRequest(requests=[route_pb.RouteRequest(prompt=PROMPT)] * BATCH_SIZE).SerializeToString()
    with grpc.insecure_channel(f"127.0.0.1:{atp.port}") as channel:
        route = channel.unary_unary(ROUTE_BATCH, response_deserializer=route_pb.RouteBatchResponse.FromString)
        while True:
            for result in route(body, metadata=_metadata(atp.credential), timeout=20).results:
                yield _report(result.response)


def _report(routed: route_pb.RouteResponse) -> pb.ObserveRequest:
    report = pb.ObserveRequest(feedback_token=routed.feedback_token, quality=0.75)
    attempt = report.attempts.add(
        model=routed.target.model, deployment=routed.target.deployment, cost_nano_usd=routed.expected.cost_nano_usd
    )
    attempt.usage.input_tokens, attempt.usage.output_tokens = 75, 210
    attempt.latency.nanos = 812_000_000
    return report


def _unary(made: Iterator[pb.ObserveRequest], calls: int) -> list[bytes]:
    return [report.SerializeToString() for report in islice(made, calls)]


def _batches(made: Iterator[pb.ObserveRequest], calls: int) -> list[bytes]:
    return [pb.ObserveBatchRequest(requests=list(islice(made, BATCH_SIZE))).SerializeToString() for _ in range(calls)]


def _wait_until_idle(pid: int) -> None:
    """Until the server has written down the decisions: that is the cost of Route, not of Observe."""
    before = -1.0
    while (now := cpu_seconds(pid)) - before > IDLE_CPU_SECONDS:
        before = now
        time.sleep(1)


def _micros(target: ServerUnderTest, method: str, bodies: Sequence[bytes], in_flight: int) -> float:
    """Microseconds of server CPU per call."""
    command = [sys.executable, "-m", "tests.bench.observe_load", str(target.port), method, str(in_flight)]
    before = cpu_seconds(target.pid)
    subprocess.run(
        ["taskset", "-c", LOAD_CORE, *command, target.credential],
        input=b"".join(map(frame, bodies)),
        check=True,
        timeout=300,
    )
    return (cpu_seconds(target.pid) - before) / len(bodies) * 1e6


def _metadata(credential: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {credential}"),)
