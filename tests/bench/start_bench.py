"""How long `atp serve` takes from its process's start to its ready line, and how much memory it then holds."""

from __future__ import annotations

import re
import statistics
import tempfile
import time
from pathlib import Path

from tests.bench.server import atp_server

ROUNDS = 5


def rows() -> list[dict[str, object]]:
    """`start` (seconds, a first start on embedded defaults included) and `rss` (MiB, idle)."""
    seconds, memory = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            started = time.monotonic()
            with atp_server(Path(folder)) as atp:
                seconds.append(time.monotonic() - started)
                memory.append(_rss_mib(atp.pid))
    goals = {"start": (statistics.median(seconds), "s", 2.0), "rss": (statistics.median(memory), "MiB, idle", 150.0)}
    return [
        {
            "name": name,
            "value": value,
            "unit": unit,
            "baseline": "goal",
            "baseline_value": goal,
            "ratio": value / goal,
            "n": ROUNDS,
            "command": f"make bench ONLY={name}",
        }
        for name, (value, unit, goal) in goals.items()
    ]


def _rss_mib(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found.group(1)) / 1024 if found else 0.0
