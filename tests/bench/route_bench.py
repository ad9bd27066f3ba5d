"""Server CPU of Route against a bare grpcio echo of the same messages, in interleaved rounds.

Everything is on: credential, validation, features, choice, ledger, seal, decision record, log line, metrics. Prompts go
to a server on embedded defaults, vectors to one whose routing policy takes the caller's own 48 values; streams are
measured in `stream_bench`. Without native engine or h2load the rows say so.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from atp_grpc.pb.atp.v1 import route_service_pb2 as pb
from tests.bench import load
from tests.bench.messages import PROMPT, route_request
from tests.bench.processes import cpu_seconds, free_port, server
from tests.bench.server import ServerUnderTest, atp_server

ROUTE, BATCH = "/atp.v1.RouteService/Route", "/atp.v1.RouteService/RouteBatch"
ROUNDS, CALLS, WARM_CALLS = 7, 6_000, 3_000
BATCH_CALLS, BATCH_SIZE = 150, 100
SCHEMA, DIMENSION = "bench.v1", 48
VECTOR = [round(0.02 * position - 0.5, 2) for position in range(DIMENSION)]

Job = tuple[int, int, Callable[[int], None]]


def rows() -> list[dict[str, object]]:
    """`route.unary` (ratio to the echo), `route.batch100` and `route.batch100_text` (µs per item)."""
    with tempfile.TemporaryDirectory() as folder:
        log, of_vectors = Path(folder), Path(folder) / "vectors"
        of_vectors.mkdir()
        echo_port = free_port()
        echo_command = [sys.executable, "-m", "tests.bench.echo_server", str(echo_port)]
        schema = (f"--set=policy.feature_schema={SCHEMA}", f"--set=policy.feature_dimension={DIMENSION}")
        with (
            atp_server(log) as atp,
            atp_server(of_vectors, *schema) as vectors,
            server(echo_command, echo_port, environment={}, log=log / "echo.log") as echo_pid,
        ):
            body = route_request().SerializeToString()
            load.check(echo_port, ROUTE, body)
            load.check(atp.port, ROUTE, body, credential=atp.credential)
            micros = _interleaved(
                {
                    "echo": (echo_pid, CALLS, lambda calls: load.drive(echo_port, ROUTE, body, calls=calls)),
                    "route": _job(atp, ROUTE, body, CALLS),
                    "text": _job(atp, BATCH, _batch(pb.RouteRequest(prompt=PROMPT)), BATCH_CALLS),
                    "vectors": _job(vectors, BATCH, _batch(_vector_request()), BATCH_CALLS),
                }
            )
    echo = statistics.median(micros["echo"])
    note = f"make bench ONLY=route. ({load.generator()}, 64 in flight, engine {atp.engine})"
    ratios = [route / bare for route, bare in zip(micros["route"], micros["echo"], strict=True)]
    return [
        {
            "name": "route.unary",
            "value": statistics.median(micros["route"]),
            "unit": "us CPU per call",
            "baseline": "bare grpcio echo",
            "baseline_value": echo,
            "ratio": statistics.median(ratios),
            "n": ROUNDS * CALLS,
            "command": note,
        },
        _per_item("route.batch100", micros["vectors"], echo, note),
        _per_item("route.batch100_text", micros["text"], echo, note),
    ]


def _per_item(name: str, micros: list[float], echo: float, note: str) -> dict[str, object]:
    per_item = statistics.median(micros) / BATCH_SIZE
    return {
        "name": name,
        "value": per_item,
        "unit": "us CPU per item",
        "baseline": "bare grpcio echo, unary",
        "baseline_value": echo,
        "ratio": per_item / echo,
        "n": ROUNDS * BATCH_CALLS * BATCH_SIZE,
        "command": note,
    }


def _vector_request() -> pb.RouteRequest:
    return pb.RouteRequest(features={"schema_id": SCHEMA, "values": VECTOR})


def _batch(item: pb.RouteRequest) -> bytes:
    return pb.RouteBatchRequest(requests=[item] * BATCH_SIZE).SerializeToString()


def _job(atp: ServerUnderTest, method: str, body: bytes, calls: int) -> Job:
    load.check(atp.port, method, body, credential=atp.credential)
    return atp.pid, calls, lambda count: load.drive(atp.port, method, body, calls=count, credential=atp.credential)


def _interleaved(jobs: dict[str, Job]) -> dict[str, list[float]]:
    """Microseconds of server CPU per call, one figure a round, the jobs taking turns."""
    for _, calls, drive in jobs.values():
        drive(min(calls, WARM_CALLS))
    micros: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(ROUNDS):
        for name, (pid, calls, drive) in jobs.items():
            before = cpu_seconds(pid)
            drive(calls)
            micros[name].append((cpu_seconds(pid) - before) / calls * 1e6)
    return micros
