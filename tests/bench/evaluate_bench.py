"""What judging a policy by a long log costs, and what it costs the calls beside it: `make bench ONLY=evaluate`.

A server writes a log straight into its SQLite store, then judges targets by it over its socket. `ATP_EVALUATE_BENCH`
says how many decisions (100,000); `python -m tests.bench.evaluate_bench FOLDER DECISIONS` is the server.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from atp_grpc.app.rooms import Rooms
from atp_grpc.client import AtpClient
from atp_grpc.client import messages as m
from atp_grpc.domain.call import Call
from atp_grpc.domain.errors import AtpError
from atp_grpc.domain.outcome import Attempt, NewObservation, Report
from atp_grpc.domain.request import RouteRequest
from atp_grpc.domain.tenant import Permission, Principal
from atp_grpc.store.decision_codec import decode_decision
from tests.bench.processes import LOAD_CORE, SERVER_CORE, cpu_seconds
from tests.rpc.serving import ACME, serving
from tests.rpc.waiting import until

DECISIONS: Final = int(os.environ.get("ATP_EVALUATE_BENCH", "100000"))
BATCH: Final = 200
MOST_WAITING: Final = 2_000
PROMPTS: Final = [f"Summarise chapter {number} for a reader of {number % 90} years." for number in range(1_000)]
ROUTE_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = 0.005
"""Between two calls of Route: some 150 a second, so that the server has room for both."""


class Watched(NamedTuple):
    """A server: its process, where it listens, and its key."""

    pid: int
    target: str
    credential: str


async def write_log(rooms: Rooms, decisions: int) -> None:
    """Decisions of the real router with an outcome each, kept and not learned from."""
    call = Call("", Principal(ACME, "key", frozenset(Permission)), deadline=float("inf"), trace_id="0")
    chance = random.Random(1)
    for first in range(0, decisions, BATCH):
        requests = [RouteRequest(text=PROMPTS[(first + at) % len(PROMPTS)]) for at in range(BATCH)]
        observations = []
        for routed in rooms.policies.route_many(requests, call):
            if isinstance(routed, AtpError):
                raise routed
            decided = decode_decision(routed.record)
            lesson = decided.lesson
            expected = decided.candidates[decided.chosen].expected
            cost = round(expected.cost_nano_usd * chance.uniform(0.5, 1.5))
            report = Report(float(chance.random() < expected.quality), (Attempt(lesson.model, cost_nano_usd=cost),))
            observations.append(NewObservation(lesson, report, lesson.decided_nanos))
        await rooms.store.record(observations)
        # The router has handed the decisions to the flusher, which drops what it has no room for.
        await until(lambda: rooms.flusher.depth < MOST_WAITING)
    await until(lambda: rooms.flusher.depth == 0)


async def serve(folder: Path, decisions: int) -> None:
    """Writes the log, says where it can be asked about, and serves until its input ends."""
    with (folder / "server.log").open("w") as log:
        async with serving(folder / "data", log_stream=log) as server:
            await write_log(server.app.rooms, decisions)
            # As `atp serve` does: what stands is not looked through for garbage again and again.
            gc.collect()
            gc.freeze()
            print(json.dumps([os.getpid(), server.target, server.credentials[ACME]]), flush=True)
            await asyncio.to_thread(sys.stdin.read)


def rows() -> list[dict[str, object]]:
    """Time, processor and memory of an evaluation, and how long Route takes beside one."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["taskset", "-c", SERVER_CORE, sys.executable, "-m", "tests.bench.evaluate_bench", folder]
        with subprocess.Popen(
            [*command, str(DECISIONS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            if process.stdin is None or process.stdout is None:
                raise AssertionError("both are pipes")
            watched = Watched(*json.loads(process.stdout.readline()))
            os.sched_setaffinity(0, {int(LOAD_CORE)})
            try:
                return asyncio.run(_measured(watched))
            finally:
                process.stdin.close()


async def _measured(server: Watched) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    policy = m.EvaluatePolicyRequest(policy="default")
    async with AtpClient.open(server.target, credential=server.credential) as atp:
        for name, request in (("model", m.EvaluatePolicyRequest(model="cobalt-pro")), ("policy", policy)):
            base = _reset_peak(server.pid)
            begun, cpu = time.perf_counter(), cpu_seconds(server.pid)
            answer = await atp.evaluations.evaluate(request)
            wall, spent = time.perf_counter() - begun, cpu_seconds(server.pid) - cpu
            grown = _memory(server.pid, "VmHWM") - base
            n = answer.decisions
            if n != DECISIONS:
                raise AssertionError(f"{n} decisions were judged")
            found.append(_row(f"evaluate.{name}.wall", wall, "s for the log", n))
            found.append(_row(f"evaluate.{name}.cpu", spent / n * 1e6, "us a decision", n))
            found.append(_row(f"evaluate.{name}.rss", grown / 1024, "MiB above what stood", n))
        alone = await _route_times(atp)
        operation = await atp.evaluations.begin(policy)
        beside = await _route_times(atp)
        if (await atp.evaluations.get(operation.name)).done:
            raise AssertionError("the evaluation ended before Route was measured: more decisions, please")
        await atp.evaluations.cancel(operation.name)
    for share in (50, 99):
        row = _row(f"evaluate.route_p{share}", float(np.percentile(beside, share)) * 1e3, "ms beside one", len(beside))
        without = float(np.percentile(alone, share)) * 1e3
        found.append(
            {**row, "baseline": "without", "baseline_value": without, "ratio": float(str(row["value"])) / without}
        )
    return found


async def _route_times(atp: AtpClient) -> list[float]:
    """Seconds that calls of Route take, one after the other."""
    times: list[float] = []
    end = time.perf_counter() + ROUTE_SECONDS
    while (begun := time.perf_counter()) < end:
        await atp.route(m.RouteRequest(prompt=PROMPTS[len(times) % len(PROMPTS)]))
        times.append(time.perf_counter() - begun)
        await asyncio.sleep(PAUSE_SECONDS)
    return times


def _reset_peak(pid: int) -> int:
    """Forgets the peak of a process' memory; returns its memory now, in KiB."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return _memory(pid, "VmRSS")


def _memory(pid: int, field: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def _row(name: str, value: float, unit: str, n: int) -> dict[str, object]:
    return {"name": name, "value": value, "unit": unit, "baseline": "", "baseline_value": "", "ratio": "", "n": n}


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
