"""Where an Ask's CPU goes: servers that each leave one part out, driven in turns, and the threads of the whole one.

A bare echo of grpcio is the transport, a Route adds door and decision, an answer out of the cache leaves out decision,
call and bill, and a store in memory leaves out the disk. What is no setting of the server is not taken apart here.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from atp_grpc.pb.atp.v1 import ask_service_pb2 as pb
from atp_grpc.pb.atp.v1 import route_service_pb2 as route_pb
from tests.bench import load
from tests.bench.ask_bench import ASK, IN_FLIGHT, STREAM, WARM_CALLS
from tests.bench.ask_world import ANSWERING_MODEL, Gateway, ask_server, instant_upstream
from tests.bench.messages import PROMPT
from tests.bench.processes import free_port, server

ROUTE = "/atp.v1.RouteService/Route"
ROUNDS, CALLS = 7, 2_000
_ONE_MODEL = {"allowed_models": [ANSWERING_MODEL]}


class Part(NamedTuple):
    """One figure: which server is asked, and how."""

    name: str
    pid: int
    drive: Callable[[int], None]


class Spent(NamedTuple):
    """Microseconds of CPU a call: of the thread that serves, of grpcio's own, and of all others."""

    serving: float
    transport: float
    others: float


def rows() -> list[dict[str, object]]:
    """`parts.*`: microseconds of CPU per call."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        home, in_memory = Path(folder), Path(folder) / "memory"
        in_memory.mkdir()
        upstream = stack.enter_context(instant_upstream(home))
        whole = stack.enter_context(ask_server(home, upstream))
        memory = stack.enter_context(ask_server(in_memory, upstream, "--set=store.kind=memory"))
        port = free_port()
        command = [sys.executable, "-m", "tests.bench.echo_server", str(port)]
        echo = stack.enter_context(server(command, port, environment={}, log=home / "echo.log"))
        ask = pb.AskRequest(prompt=PROMPT, constraints=_ONE_MODEL)
        cached = pb.AskRequest(prompt=PROMPT, constraints=_ONE_MODEL, cache=pb.CACHE_USE_READ_AND_WRITE)
        route = route_pb.RouteRequest(prompt=PROMPT, constraints=_ONE_MODEL).SerializeToString()
        return _measured(
            [
                Part("echo", echo, lambda calls: load.drive(port, ROUTE, route, calls=calls, in_flight=IN_FLIGHT)),
                _part("route", whole, ROUTE, route),
                _part("cached", whole, ASK, cached.SerializeToString()),
                _part("memory", memory, ASK, ask.SerializeToString()),
                _part("unary", whole, ASK, ask.SerializeToString()),
                _part("stream", whole, STREAM, pb.AskStreamRequest(request=ask).SerializeToString()),
            ]
        )


def _part(name: str, atp: Gateway, method: str, body: bytes) -> Part:
    def drive(calls: int) -> None:
        load.drive(atp.port, method, body, calls=calls, credential=atp.credential, in_flight=IN_FLIGHT)

    return Part(name, atp.pid, drive)


def _measured(parts: list[Part]) -> list[dict[str, object]]:
    spent: dict[str, list[Spent]] = {part.name: [] for part in parts}
    for part in parts:
        part.drive(WARM_CALLS)
    for _ in range(ROUNDS):
        for part in parts:
            before = _seconds(part.pid)
            part.drive(CALLS)
            pairs = zip(_seconds(part.pid), before, strict=True)
            spent[part.name].append(Spent(*((now - then) / CALLS * 1e6 for now, then in pairs)))
    figures = []
    for name, rounds in spent.items():
        median = Spent(*map(statistics.median, zip(*rounds, strict=True)))
        figures += [(f"parts.{name}.{field}", value) for field, value in zip(Spent._fields, median, strict=True)]
        figures.append((f"parts.{name}", statistics.median(map(sum, rounds))))
    note = f"python -m tests.bench parts. ({load.generator()}, {IN_FLIGHT} in flight)"
    plain = {"unit": "us CPU per call", "n": ROUNDS * CALLS, "command": note}
    nothing = {"baseline": "none", "baseline_value": "", "ratio": ""}
    return [{"name": name, "value": value, **plain, **nothing} for name, value in figures]


def _seconds(pid: int) -> Spent:
    """CPU time of a process by kind of thread, from the scheduler's nanosecond counters."""
    serving = transport = others = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        spent = int((task / "schedstat").read_text().split()[0])
        if task.name == str(pid):
            serving += spent
        elif (task / "comm").read_text().startswith("event_engine"):
            transport += spent
        else:
            others += spent
    return Spent(serving / 1e9, transport / 1e9, others / 1e9)
