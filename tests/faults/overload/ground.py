"""A server with a core of its own and callers of two tenants on another one, for tests that give it too much to do."""

from __future__ import annotations

import contextlib
import re
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.processes import START_SECONDS, cpu_seconds, free_port, server
from tests.faults.lifecycle.backend import READY, write_config
from tests.faults.overload.storm import Fate, Phase, Plan, Storm, storm
from tests.rpc.serving import ACME, GLOBEX, key_for

AT_A_TIME = 64
"""Callers that keep a server busy without making a queue that is worth a word."""
CROWD = 512
"""Callers, each as fast as it is answered, that make a queue: so long in calls on any machine, where a rate that was
too much for a server a moment ago may be too little now."""
STRICT = ("--set=admission.target_queue_seconds=0.01", "--set=admission.least_calls=4")
"""A server that lets 4 calls wait, or a hundredth of what it answers in a second: far fewer than a crowd."""
WARM_SECONDS, PEAK_SECONDS = 1.5, 3.0
MOST_BUSY = 0.8
"""Above this part of its core the caller may be what was measured."""


@dataclass(frozen=True)
class Ground:
    """The running server."""

    pid: int
    port: int
    ops_port: int
    credentials: tuple[str, ...]

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def storm(
        self, *phases: Phase, connections: int = 8, deadline_seconds: float = 5.0, attempts: int = 1
    ) -> Storm:
        """Lets calls come, half of them of each tenant."""
        plan = Plan(
            port=self.port,
            credentials=self.credentials,
            phases=phases,
            connections=connections,
            deadline_seconds=deadline_seconds,
            attempts=attempts,
        )
        return await storm(plan)

    async def peak(self) -> float:
        """Calls a second that the server answers when it is given just enough to do."""
        warm, peak = (Phase(seconds, at_a_time=AT_A_TIME) for seconds in (WARM_SECONDS, PEAK_SECONDS))
        return (await self.storm(warm, peak)).fates[-1].goodput

    def metric(self, name: str, **labels: str) -> float:
        """A figure of the metrics page, summed over what the labels leave open."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ops_port}/metrics", timeout=30) as page:
            lines = page.read().decode().splitlines()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        found = (re.fullmatch(rf"{name}(\{{.*\}})? (\S+)", line) for line in lines)
        return sum(float(one[2]) for one in found if one and all(label in (one[1] or "") for label in wanted))

    def cpu_seconds(self) -> float:
        """What the server has computed so far."""
        return cpu_seconds(self.pid)


@contextlib.contextmanager
def ground(folder: Path, *options: str) -> Iterator[Ground]:
    """Starts `atp serve` on a core of its own; `options` are more of its command line."""
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    keys = [key_for(data, tenant) for tenant in (ACME, GLOBEX)]
    config = write_config(folder / "atp.toml", *(key for _, key in keys), drain_delay_seconds=0.0)
    port, ops_port, log = free_port(), free_port(), folder / "server.log"
    command = [sys.executable, "-m", "atp_grpc", "serve", f"--config={config}", f"--data-dir={data}"]
    listeners = [f"--port={port}", f"--ops-port={ops_port}"]
    with server([*command, *listeners, *options], port, environment={"PYTHONUNBUFFERED": "1"}, log=log) as pid:
        _wait_until_ready(log)
        yield Ground(pid, port, ops_port, tuple(credential for credential, _ in keys))


def told(fate: Fate, peak: float, busy: float) -> dict[str, object]:
    """What a report says of a storm."""
    return {
        "offered": round(fate.asked / fate.seconds / peak, 2),
        "goodput": round(fate.goodput / peak, 2),
        "p50_ms": fate.p50_ms,
        "p99_ms": fate.p99_ms,
        "sent_away": share(fate.sent_away + fate.retries_sent_away, fate.asked + fate.retries),
        "given_up": share(fate.given_up, fate.asked),
        "never_sent": share(fate.never_sent, fate.asked),
        "busy": busy,
    }


def share(part: float, whole: float) -> float:
    """Rounded; 0 of nothing."""
    return round(part / whole, 3) if whole else 0.0


def within_reach(storms: Sequence[Storm]) -> bool:
    """Whether the callers were quick enough for what was measured to be the server."""
    return all(one.busy <= MOST_BUSY for one in storms)


def _wait_until_ready(log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while READY not in log.read_text():
        if time.monotonic() > end:
            raise RuntimeError(f"the server did not become ready: {log.read_text()}")
        time.sleep(0.05)
