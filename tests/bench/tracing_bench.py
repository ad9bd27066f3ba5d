"""What a trace of every Route costs the server, exporter thread and delivery included.

Three servers take turns: without traces, with a collector and no call sampled, and with every call sampled and sent
to a sink on this machine. What counts is the difference of CPU per call within a round.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import load
from tests.bench.messages import route_request
from tests.bench.processes import cpu_seconds, free_port, server
from tests.bench.server import ServerUnderTest, atp_server

ROUTE = "/atp.v1.RouteService/Route"
ROUNDS, CALLS, WARM_CALLS = 7, 5_000, 2_000
SPANS_SENT_SECONDS = 1.2
"""After this, what waited for a batch to fill has been sent."""


def rows() -> list[dict[str, object]]:
    """`tracing` (100 % of the spans exported) and `tracing.unsampled`, as CPU added to a Route."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sink = free_port()
        command = [sys.executable, "-m", "tests.bench.span_sink", str(sink)]
        stack.enter_context(server(command, sink, environment={}, log=folder / "sink.log"))
        servers = {
            name: stack.enter_context(_atp(folder / name, options))
            for name, options in {
                "without": [],
                "none": _traced(sink, "0"),
                "all": _traced(sink, "1"),
            }.items()
        }
        for atp in servers.values():
            _micros(atp, WARM_CALLS)
        micros: dict[str, list[float]] = {name: [] for name in servers}
        for _ in range(ROUNDS):
            for name, atp in servers.items():
                micros[name].append(_micros(atp, CALLS))
    return [
        _row("tracing", micros["all"], micros["without"]),
        _row("tracing.unsampled", micros["none"], micros["without"]),
    ]


def _atp(folder: Path, options: list[str]) -> contextlib.AbstractContextManager[ServerUnderTest]:
    folder.mkdir()
    return atp_server(folder, *options)


def _traced(sink: int, ratio: str) -> list[str]:
    return [
        f"--set=telemetry.traces_endpoint=http://127.0.0.1:{sink}",
        f"--set=telemetry.trace_ratio={ratio}",
        "--set=telemetry.traces_queue=100000",
    ]


def _micros(atp: ServerUnderTest, calls: int) -> float:
    before = cpu_seconds(atp.pid)
    load.drive(atp.port, ROUTE, route_request().SerializeToString(), calls=calls, credential=atp.credential)
    time.sleep(SPANS_SENT_SECONDS)
    return (cpu_seconds(atp.pid) - before) / calls * 1e6


def _row(name: str, micros: list[float], without: list[float]) -> dict[str, object]:
    added = statistics.median(one - other for one, other in zip(micros, without, strict=True))
    baseline = statistics.median(without)
    return {
        "name": name,
        "value": added,
        "unit": "us CPU added per Route",
        "baseline": "the same without traces",
        "baseline_value": baseline,
        "ratio": (baseline + added) / baseline,
        "n": ROUNDS * CALLS,
        "command": f"make bench ONLY=tracing ({load.generator()}, 64 in flight)",
    }
