"""Server CPU of Route against a bare grpcio echo of the same messages, in interleaved rounds.

Everything is on: credential, validation, features, choice, ledger, seal, decision record, log line, metrics. Without
native engine or h2load the rows say so.
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


def rows() -> list[dict[str, object]]:
    """`route.unary` (ratio to the echo) and `route.batch100_text` (µs per item)."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder)
        echo_port = free_port()
        echo_command = [sys.executable, "-m", "tests.bench.echo_server", str(echo_port)]
        with atp_server(log) as atp, server(echo_command, echo_port, environment={}, log=log / "echo.log") as echo_pid:
            body = route_request().SerializeToString()
            batch = pb.RouteBatchRequest(requests=[pb.RouteRequest(prompt=PROMPT)] * BATCH_SIZE).SerializeToString()
            load.check(echo_port, ROUTE, body)
            load.check(atp.port, ROUTE, body, credential=atp.credential)
            micros = _interleaved(
                {
                    "echo": (echo_pid, CALLS, lambda calls: load.drive(echo_port, ROUTE, body, calls=calls)),
                    "route": (atp.pid, CALLS, lambda calls: _drive(atp, ROUTE, body, calls)),
                    "batch": (atp.pid, BATCH_CALLS, lambda calls: _drive(atp, BATCH, batch, calls)),
                }
            )
    echo, route, per_item = (statistics.median(micros[name]) for name in ("echo", "route", "batch"))
    note = f"make bench ONLY=route. ({load.generator()}, 64 in flight, engine {atp.engine})"
    ratios = [r / e for r, e in zip(micros["route"], micros["echo"], strict=True)]
    return [
        {
            "name": "route.unary",
            "value": route,
            "unit": "us CPU per call",
            "baseline": "bare grpcio echo",
            "baseline_value": echo,
            "ratio": statistics.median(ratios),
            "n": ROUNDS * CALLS,
            "command": note,
        },
        {
            "name": "route.batch100_text",
            "value": per_item / BATCH_SIZE,
            "unit": "us CPU per item",
            "baseline": "bare grpcio echo, unary",
            "baseline_value": echo,
            "ratio": per_item / BATCH_SIZE / echo,
            "n": ROUNDS * BATCH_CALLS * BATCH_SIZE,
            "command": note,
        },
    ]


def _drive(atp: ServerUnderTest, method: str, body: bytes, calls: int) -> None:
    load.drive(atp.port, method, body, calls=calls, credential=atp.credential)


def _interleaved(jobs: dict[str, tuple[int, int, Callable[[int], None]]]) -> dict[str, list[float]]:
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
