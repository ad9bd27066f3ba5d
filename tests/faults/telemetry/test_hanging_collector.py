"""A collector and scrapers that hang: callers notice nothing, memory stays where it is, and what is lost is counted."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import statistics
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from atp_grpc.client import AtpClient
from tests.bench.processes import free_port, server
from tests.faults.battery import report
from tests.rpc.provoking import prompt
from tests.rpc.server_command import ServerCommand, server_command
from tests.rpc.tracing.receiver import Receiver, receiving

KEY, OPS = re.compile(r"atp_dev_\w+"), re.compile(r"ops http://127\.0\.0\.1:(\d+),")
SAMPLE = re.compile(r"^(atp_\S+) (\S+)$", re.MULTILINE)
ROUNDS, CALLS, IN_FLIGHT, SCRAPERS, QUEUE = 26, 1_000, 8, 20, 2_000


@contextlib.contextmanager
def good_collector(log: Path) -> Iterator[str]:
    """A process of its own, so that its work is not done at the expense of the callers."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.span_sink", str(port)]
    with server(command, port, environment={}, log=log):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def hanging_collector() -> Iterator[str]:
    """Takes every request and answers none."""
    is_over = threading.Event()
    with receiving(Receiver(before_answer=lambda: is_over.wait(600))) as receiver:
        try:
            yield receiver.url
        finally:
            is_over.set()


@contextlib.contextmanager
def hanging_scrapers(port: int) -> Iterator[None]:
    """Ask for the metrics page and never read it."""
    with contextlib.ExitStack() as stack:
        for _ in range(SCRAPERS):
            scraper = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            scraper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_024)
            scraper.sendall(b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n" * 50)
        yield


@contextlib.asynccontextmanager
async def served(folder: Path, *options: str) -> AsyncIterator[tuple[ServerCommand, AtpClient, int]]:
    """A server, a client of it and its ops port."""
    async with server_command(folder, *options) as command:
        said = "\n".join(command.said)
        key, ops = KEY.search(said), OPS.search(said)
        assert key is not None
        assert ops is not None
        async with AtpClient.open(command.target, credential=key[0]) as atp:
            yield command, atp, int(ops[1])


def tracing_to(url: str) -> tuple[str, ...]:
    return (
        f"--set=telemetry.traces_endpoint={url}",
        "--set=telemetry.trace_ratio=1",
        f"--set=telemetry.traces_queue={QUEUE}",
    )


async def latencies(atp: AtpClient, calls: int) -> list[float]:
    """Seconds of each call, eight in flight, in rising order."""
    seconds: list[float] = []
    left = iter(range(calls))

    async def caller() -> None:
        for _ in left:
            started = time.perf_counter()
            await atp.route(prompt())
            seconds.append(time.perf_counter() - started)

    await asyncio.gather(*(caller() for _ in range(IN_FLIGHT)))
    return sorted(seconds)


def resident_mib(command: ServerCommand) -> float:
    pages = int(Path(f"/proc/{command.process.pid}/statm").read_text().split()[1])
    return pages * 4_096 / 2**20


async def counts(port: int) -> dict[str, float]:
    url = f"http://127.0.0.1:{port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return {name: float(value) for name, value in SAMPLE.findall(await response.text())}


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_hanging_collector_and_hanging_scrapers_change_nothing_for_callers(tmp_path: Path) -> None:
    with good_collector(tmp_path / "sink.log") as good, hanging_collector() as hanging:
        async with (
            served(tmp_path / "well", *tracing_to(good)) as (_, well, _),
            served(tmp_path / "hung", *tracing_to(hanging)) as (hung_server, hung, port),
        ):
            with hanging_scrapers(port):
                for client in (well, hung):
                    await latencies(client, 3 * QUEUE)
                before = resident_mib(hung_server)
                p99: dict[AtpClient, list[float]] = {well: [], hung: []}
                for turn in range(ROUNDS):
                    # Whoever comes first pays for what the machine did in between.
                    for client in (well, hung) if turn % 2 else (hung, well):
                        p99[client].append((await latencies(client, CALLS))[-CALLS // 100])
                growth = resident_mib(hung_server) - before
                told = await counts(port)
    dropped = (
        told['atp_spans_dropped_total{cause="queue_full"}'] + told['atp_spans_dropped_total{cause="undeliverable"}']
    )
    made = 3 * QUEUE + ROUNDS * CALLS
    waiting = told['atp_queue_depth{queue="spans"}']
    ratio = round(statistics.median(p99[hung]) / statistics.median(p99[well]), 3)
    figure = {"p99_ratio": ratio, "growth_mib": round(growth, 1), "dropped": dropped, "waiting": waiting, "made": made}
    report("B9", n=made, figure=figure, bar="p99 <= 1.05x; memory bounded; drops counted", passed=ratio <= 1.05)

    assert told["atp_spans_exported_total"] == 0
    assert waiting <= QUEUE
    # Every span is dropped, waits, or is in the one request that hangs.
    assert 0 <= made - dropped - waiting <= 512
    # Decisions are kept in memory by the ledger, which is full by now; nothing else may grow with the calls.
    assert growth < 20
    assert ratio < 2, "that is more than noise"
